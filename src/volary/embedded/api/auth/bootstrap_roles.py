"""The roles and bindings that a cluster has from the beginning: cluster-admin, view, system:discovery and so on.

They are made when somebody first looks at one, so a cluster whose users are all trusted does not pay for them. Their
rules are shared by all clusters of a process. Generated data (`scripts/kubernetes_roles.py`).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import Any

import msgspec

from volary.embedded.api.auth.rbac import BINDINGS, CLUSTER_BINDINGS, CLUSTER_ROLES, GROUP, ROLES
from volary.embedded.api.encoding import encode
from volary.embedded.api.registry import load
from volary.embedded.api.store import Entry, Store

Object = dict[str, Any]

KINDS = {
    CLUSTER_ROLES: "ClusterRole",
    CLUSTER_BINDINGS: "ClusterRoleBinding",
    ROLES: "Role",
    BINDINGS: "RoleBinding",
}
API_VERSION = f"{GROUP}/v1"
UPDATED = "rbac.authorization.kubernetes.io/autoupdate"
MARK = {"kubernetes.io/bootstrapping": "rbac-defaults"}
VERSION = 1  # the one that an empty store is at
IDS = uuid.UUID("6f9a1a3e-3c0b-4f0e-9a57-0f1d1f4a6c11")


def sow(store: Store, cluster: str, moment: str) -> None:
    """Have the roles there from the beginning; `moment`: when that was."""
    for resource in KINDS:
        store.seed(resource, partial(entries, resource, cluster, moment))


def entries(resource: str, cluster: str, moment: str) -> Iterable[Entry]:
    """Yield the objects of one resource, with ids that are the same whenever a cluster of this name is made."""
    for row in rows()[resource.partition("/")[2]]:
        place = row.get("namespace", "")
        uid = str(uuid.uuid5(IDS, f"{cluster}/{resource}/{place}/{row['name']}"))
        meta: Object = {"name": row["name"], **({"namespace": place} if place else {}), "uid": uid}
        meta |= {"resourceVersion": str(VERSION), "creationTimestamp": moment}
        meta |= {"labels": MARK | row.get("labels", {}), "annotations": {UPDATED: "true"}}
        meta["managedFields"] = msgspec.Raw(encode(managed(row, moment)))
        body: Object = {key: row[key] for key in ("rules", "aggregationRule", "subjects", "roleRef") if key in row}
        yield Entry({"kind": KINDS[resource], "apiVersion": API_VERSION, "metadata": meta, **body}, VERSION)


@cache
def rows() -> Mapping[str, list[Object]]:
    """Return the data by plural, with fields in the order in which the server writes them; shared."""
    found: Mapping[str, list[Object]] = load("roles.json")
    for row in (row for listed in found.values() for row in listed):
        if "rules" in row:
            row["rules"] = [{key: rule[key] for key in RULE_FIELDS if key in rule} for rule in row["rules"]]
        if "subjects" in row:
            fields = ("kind", "apiGroup", "name", "namespace")
            row["subjects"] = [{key: it[key] for key in fields if key in it} for it in row["subjects"]]
    return found


RULE_FIELDS = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")


def managed(row: Object, moment: str) -> list[Object]:
    """Return who owns the fields: the server, and of an aggregated role the controller that fills it."""
    labels: Object = {f"f:{key}": {} for key in sorted(MARK | row.get("labels", {}))}
    meta = {"f:annotations": {".": {}, f"f:{UPDATED}": {}}, "f:labels": {".": {}, **labels}}
    owned: Object = {"f:metadata": meta}
    owned |= {f"f:{key}": {} for key in ("roleRef", "rules", "subjects") if key in row}
    found = []
    if "aggregationRule" in row:
        del owned["f:rules"]
        owned = {"f:aggregationRule": {".": {}, "f:clusterRoleSelectors": {}}, **owned}
        found.append(claim("clusterrole-aggregation-controller", "Apply", {"f:rules": {}}, moment))
    return [*found, claim("kube-apiserver", "Update", owned, moment)]


def claim(manager: str, operation: str, fields: Object, moment: str) -> Object:
    head = {"manager": manager, "operation": operation, "apiVersion": API_VERSION, "time": moment}
    return {**head, "fieldsType": "FieldsV1", "fieldsV1": fields}
