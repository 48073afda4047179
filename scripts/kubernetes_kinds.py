"""The registry of built-in kinds, read from the resource classes of lightkube-models (parsed, not run)."""

from __future__ import annotations

import ast
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

STABLE = re.compile(r"v\d+$")
VERBS = {"post": "create", "put": "update", "global_list": "list", "global_watch": "watch"}

# No package has these. Source: the real control plane's discovery.
SHORT_NAMES = {
    "/componentstatuses": "cs",
    "/configmaps": "cm",
    "/endpoints": "ep",
    "/events": "ev",
    "/limitranges": "limits",
    "/namespaces": "ns",
    "/nodes": "no",
    "/persistentvolumeclaims": "pvc",
    "/persistentvolumes": "pv",
    "/pods": "po",
    "/replicationcontrollers": "rc",
    "/resourcequotas": "quota",
    "/serviceaccounts": "sa",
    "/services": "svc",
    "apiextensions.k8s.io/customresourcedefinitions": "crd crds",
    "apps/daemonsets": "ds",
    "apps/deployments": "deploy",
    "apps/replicasets": "rs",
    "apps/statefulsets": "sts",
    "autoscaling/horizontalpodautoscalers": "hpa",
    "batch/cronjobs": "cj",
    "certificates.k8s.io/certificatesigningrequests": "csr",
    "events.k8s.io/events": "ev",
    "networking.k8s.io/ingresses": "ing",
    "networking.k8s.io/ipaddresses": "ip",
    "networking.k8s.io/networkpolicies": "netpol",
    "policy/poddisruptionbudgets": "pdb",
    "scheduling.k8s.io/priorityclasses": "pc",
    "storage.k8s.io/storageclasses": "sc",
    "storage.k8s.io/volumeattributesclasses": "vac",
}
CATEGORIES = {
    "all": (
        "/pods /replicationcontrollers /services apps/daemonsets apps/deployments apps/replicasets apps/statefulsets "
        "autoscaling/horizontalpodautoscalers batch/cronjobs batch/jobs"
    ),
    "api-extensions": (
        "admissionregistration.k8s.io/mutatingadmissionpolicies "
        "admissionregistration.k8s.io/mutatingadmissionpolicybindings "
        "admissionregistration.k8s.io/mutatingwebhookconfigurations "
        "admissionregistration.k8s.io/validatingadmissionpolicies "
        "admissionregistration.k8s.io/validatingadmissionpolicybindings "
        "admissionregistration.k8s.io/validatingwebhookconfigurations "
        "apiextensions.k8s.io/customresourcedefinitions apiregistration.k8s.io/apiservices"
    ),
}
# The models promise a watch that no server has.
NO_WATCH = {"/componentstatuses"}
# The embedded server carries these to an address; lightkube-models has no class for a proxy.
EXTRA_SUBRESOURCES = {
    "/services": {"proxy": ["", "v1", "ServiceProxyOptions", "create delete get patch update"]},
}


def read(wheel: zipfile.ZipFile) -> dict[str, Any]:
    """Return GROUP/VERSION/PLURAL -> row, for the stable versions."""
    rows: dict[str, Any] = {}
    found = [info for name in wheel.namelist() if "/resources/" in name for info in infos(wheel.read(name).decode())]
    for info in found:
        if not info.get("action") and STABLE.match(info["resource"][1]):
            rows[key(info["resource"], info["plural"])] = row(info)
    for info in found:
        owner = rows.get(key(info.get("parent") or info["resource"], info["plural"]))
        if info.get("action") and owner:
            owner["subresources"][info["action"]] = [*info["resource"], " ".join(verbs(info))]
    for name, extra in EXTRA_SUBRESOURCES.items():
        group, plural = name.rsplit("/", 1)
        rows[f"{group}/v1/{plural}"]["subresources"].update(extra)
    return rows


def key(resource: list[str], plural: str) -> str:
    return f"{resource[0]}/{resource[1]}/{plural}"


def infos(source: str) -> Iterator[dict[str, Any]]:
    """Yield the ApiInfo of each class of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            for statement in node.body:
                if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
                    info = {word.arg or "": literal(word.value) for word in statement.value.keywords}
                    yield {**info, "namespaced": "Namespaced" in ast.unparse(node.bases[0])}


def literal(node: ast.expr) -> Any:
    """Return a literal; ResourceDef(group, version, kind) as a list."""
    if isinstance(node, ast.Call):
        return [ast.literal_eval(argument) for argument in node.args]
    return ast.literal_eval(node)


def verbs(info: Mapping[str, Any]) -> list[str]:
    return sorted({VERBS.get(verb, verb) for verb in info["verbs"]})


def row(info: Mapping[str, Any]) -> dict[str, Any]:
    group, _, kind = info["resource"]
    name = f"{group}/{info['plural']}"
    return {
        "kind": kind,
        "singular": kind.lower(),
        "namespaced": info["namespaced"],
        "shortNames": SHORT_NAMES.get(name, "").split(),
        "categories": [category for category, members in CATEGORIES.items() if name in members.split()],
        "verbs": " ".join(verb for verb in verbs(info) if not (verb == "watch" and name in NO_WATCH)),
        "subresources": {},
    }
