"""CustomResourceDefinitions: accepted, served, withdrawn.

Source: apiextensions-apiserver, controllers `establish` and `status`; here both conditions come at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from volary.embedded.api import cel
from volary.embedded.api.call import Options
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core, fresh
from volary.embedded.api.encoding import copy_of
from volary.embedded.api.managed import managers_of, pack, track, writer
from volary.embedded.api.registry import Kind, Subresource, definitions
from volary.embedded.api.schema import METADATA, OBJECT, Node
from volary.embedded.api.store import Entry
from volary.embedded.api.versions import views_of

Object = dict[str, Any]

VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
NOT_EVALUATED = (
    "{where}: x-kubernetes-validations rules are stored but not evaluated by the embedded API server; "
    "install the extra `cel` (pip install 'volary[cel]')"
)
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
SERVER = "kube-apiserver"  # the manager of what its own controllers write
CRDS = "apiextensions.k8s.io/customresourcedefinitions"


def begin(obj: Object, options: Options) -> None:
    """Set the status that a new definition starts with, and warn of what is not done here."""
    if not cel.available():
        for where in unevaluated(obj):
            options.warn(NOT_EVALUATED.format(where=where))
    status = obj.get("status") or {}
    storage = [it["name"] for it in obj["spec"]["versions"] if it.get("storage")]
    stored = list(dict.fromkeys([*(status.get("storedVersions") or ()), *storage]))
    names = status.get("acceptedNames") or {"kind": "", "plural": ""}
    obj["status"] = {"acceptedNames": names, "conditions": status.get("conditions"), "storedVersions": stored}


def establish(core: Core, entry: Entry) -> None:
    """Do what the server's controllers do next: accept the names, and serve."""
    obj = entry.obj
    install(core, obj)
    status, names = obj["status"], obj["spec"]["names"]
    if obj["metadata"].get("deletionTimestamp") or status.get("acceptedNames") == names:
        return
    conditions = list(status.get("conditions") or ())
    for kind, reason, message in (
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    ):
        if not any(it.get("type") == kind for it in conditions):
            made = {"type": kind, "status": "True", "lastTransitionTime": core.stamp(), "reason": reason}
            conditions.append({**made, "message": message})
    changed = fresh(obj)
    changed["status"] = {**status, "acceptedNames": copy_of(names), "conditions": conditions}
    type_ = core.catalog.stored(CRDS)
    assert type_ is not None, "definitions are built in"
    by = writer(type_, Options(SERVER), "status", core.stamp())
    views = views_of(core.catalog, type_, "status")
    pack(changed, track(obj, changed, views, managers_of(obj), by))
    core.store.put(CRDS, changed)


def unevaluated(obj: Mapping[str, Any]) -> Iterator[str]:
    """Yield where a definition has rules that nobody evaluates here."""
    for index, version in enumerate(obj["spec"].get("versions") or ()):
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is not None and _has_rules(schema):
            yield f"spec.versions[{index}].schema.openAPIV3Schema"


def _has_rules(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        if schema.get("x-kubernetes-validations"):
            return True
        return any(_has_rules(it) for it in schema.values())
    return isinstance(schema, list) and any(_has_rules(it) for it in schema)


def install(core: Core, obj: Mapping[str, Any]) -> None:
    """Serve what a definition defines."""
    core.catalog.install(
        obj["metadata"]["name"], [type_of(obj, it) for it in obj["spec"]["versions"] if it.get("served")]
    )


def type_of(obj: Mapping[str, Any], version: Mapping[str, Any]) -> ResourceType:
    """Return the type of one version of a definition."""
    spec, names = obj["spec"], obj["spec"]["names"]
    group = spec["group"]
    storage = next(it["name"] for it in spec["versions"] if it.get("storage"))
    kind = Kind(
        group=group,
        version=version["name"],
        plural=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        kind=names["kind"],
        namespaced=spec.get("scope") == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        verbs=VERBS,
        subresources=tuple(_subresources(version, group, names["kind"])),
    )
    list_kind = names.get("listKind") or f"{names['kind']}List"
    node = Node(_schema(version), definitions())
    stored = f"{group}/{storage}"
    return ResourceType(kind, node, kind.resource, stored, list_kind, obj["metadata"]["name"], version)


def _schema(version: Mapping[str, Any]) -> Mapping[str, Any]:
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if not schema:
        schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {**schema, "properties": {**OBJECT, **(schema.get("properties") or {}), "metadata": METADATA}}


def _subresources(version: Mapping[str, Any], group: str, kind: str) -> Iterator[Subresource]:
    found = version.get("subresources") or {}
    verbs = ("get", "patch", "update")
    if "status" in found:
        yield Subresource("status", group, version["name"], kind, verbs)
    if "scale" in found:
        yield Subresource("scale", "autoscaling", "v1", "Scale", verbs)


def withdraw(core: Core, obj: Mapping[str, Any]) -> None:
    """Serve no longer what a definition defined; whoever watches it hears 410 and then 404."""
    core.catalog.withdraw(obj["metadata"]["name"])
    core.store.forget(f"{obj['spec']['group']}/{obj['spec']['names']['plural']}")


def after_removal(core: Core, type_: ResourceType) -> None:
    """Let a definition go that waited for the last of its objects."""
    if not type_.custom or core.store.items(type_.storage):
        return
    entry = core.store.get(CRDS, "", type_.definition)
    if entry is None or CLEANUP not in (entry.obj["metadata"].get("finalizers") or ()):
        return
    left = [it for it in entry.obj["metadata"]["finalizers"] if it != CLEANUP]
    changed = fresh(entry.obj)
    changed["metadata"]["finalizers"] = left
    core.store.put(CRDS, changed)
    if not left:
        gone = core.store.remove(CRDS, "", type_.definition)
        withdraw(core, gone.obj)
