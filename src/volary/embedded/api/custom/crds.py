"""CustomResourceDefinitions: accepted, served, withdrawn.

Source: apiextensions-apiserver, controllers `establish` and `status`; here both conditions come at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from volary.embedded.api.apply.managed import managers_of, pack, track, writer
from volary.embedded.api.apply.versions import views_of
from volary.embedded.api.call import Options
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core, fresh
from volary.embedded.api.custom import crd_rules, crd_warnings, names_accepted
from volary.embedded.api.custom.pruning import prune
from volary.embedded.api.custom.schema_defaults import put_defaults
from volary.embedded.api.encoding import copy_of
from volary.embedded.api.registry import Kind, Subresource, definitions
from volary.embedded.api.schema import METADATA, OBJECT, Node
from volary.embedded.api.store import Entry

Object = dict[str, Any]

VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
SERVER = "kube-apiserver"  # the manager of what its own controllers write
CRDS = "apiextensions.k8s.io/customresourcedefinitions"


def begin(obj: Object, options: Options, old: Mapping[str, Any] | None = None) -> None:
    """Set the status that a new definition starts with, and warn of what is not done here."""
    for text in crd_warnings.warnings(obj, old):
        options.warn(text)
    status = obj.get("status") or {}
    names = status.get("acceptedNames") or {"kind": "", "plural": ""}
    stored = crd_rules.stored_versions(obj)
    if old is not None and status.get("storedVersions") != (old.get("status") or {}).get("storedVersions"):
        stored = list(status.get("storedVersions") or ())  # who migrated the objects says so
    obj["status"] = {"acceptedNames": names, "conditions": status.get("conditions"), "storedVersions": stored}


def establish(core: Core, entry: Entry) -> None:
    """Do what the server's controllers do next: accept the names, and serve."""
    obj = entry.obj
    changed = obj if obj["metadata"].get("deletionTimestamp") else _with_names(core, obj)
    if changed is not obj:
        type_ = core.catalog.stored(CRDS)
        assert type_ is not None, "definitions are built in"
        by = writer(type_, Options(SERVER), "status", core.stamp())
        views = views_of(core.catalog, type_, "status")
        pack(changed, track(obj, changed, views, managers_of(obj), by))
        core.store.put(CRDS, changed)
    if crd_rules.established(changed):
        install(core, changed)
    if changed is not obj:
        _look_again(core, obj)


def _with_names(core: Core, obj: Object) -> Object:
    """Return the definition with the names that it gets and what is said of them; itself if that is so already."""
    status, stamp = obj["status"], core.stamp()
    conditions, names = list(status.get("conditions") or ()), status.get("acceptedNames")
    if approval := names_accepted.approved(obj):
        conditions = names_accepted.with_condition(conditions, approval, stamp)
    if names != obj["spec"]["names"]:
        names, accepted = names_accepted.calculate(obj, _group(core, obj))
        before = next((it for it in conditions if it.get("type") == "Established"), None)
        for it in (accepted, names_accepted.established(accepted, before)):
            conditions = names_accepted.with_condition(conditions, it, stamp)
    if names == status.get("acceptedNames") and conditions == (status.get("conditions") or []):
        return obj
    changed = fresh(obj)
    changed["status"] = {**status, "acceptedNames": copy_of(names), "conditions": conditions}
    return changed


def _group(core: Core, obj: Mapping[str, Any]) -> list[Object]:
    """Return all definitions of one's group."""
    return [it.obj for it in core.store.items(CRDS) if it.obj["spec"].get("group") == obj["spec"].get("group")]


def _look_again(core: Core, obj: Mapping[str, Any]) -> None:
    """Give the others of the group the names that are free by now."""
    for it in _group(core, obj):
        name = it["metadata"]["name"]
        found = core.store.get(CRDS, "", name)
        if name != obj["metadata"]["name"] and found is not None:
            establish(core, found)


def install(core: Core, obj: Mapping[str, Any]) -> None:
    """Serve what a definition defines; objects that are there look as its schemas are now."""
    name = obj["metadata"]["name"]
    before = [it for it in core.catalog.kinds() if it.definition == name]
    types = [type_of(obj, it) for it in obj["spec"]["versions"] if it.get("served")]
    if _told(before) == _told(types):
        return
    core.catalog.install(name, types)
    storage = next(it for it in obj["spec"]["versions"] if it.get("storage"))
    stored = type_of(obj, storage)
    core.store.reshape(stored.storage, partial(_reshaped, stored))


def _told(types: list[ResourceType]) -> list[Any]:
    """Return what types are told apart by."""
    return [(it.kind, it.stored_version, it.list_kind, it.version, it.webhook) for it in types]


def _reshaped(type_: ResourceType, entry: Entry) -> Object | None:
    """Return a stored object without the fields that are unknown by now, with the defaults that it lacks."""
    meta = entry.obj["metadata"]
    found: Object = copy_of({key: value for key, value in entry.obj.items() if key != "metadata"})
    found["apiVersion"] = type_.api_version
    prune(found, type_.node)
    put_defaults(found, type_.node)
    changed = {**found, "metadata": meta}
    return None if changed == entry.obj else changed


def type_of(obj: Mapping[str, Any], version: Mapping[str, Any]) -> ResourceType:
    """Return the type of one version of a definition."""
    spec, names = obj["spec"], (obj.get("status") or {}).get("acceptedNames") or obj["spec"]["names"]
    group = spec["group"]
    storage = next(it for it in spec["versions"] if it.get("storage"))
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
    stored = f"{group}/{storage['name']}"
    other = Node(_schema(storage), definitions()) if storage.get("schema") != version.get("schema") else None
    by_hook = (spec.get("conversion") or {}).get("strategy") == "Webhook"
    return ResourceType(kind, node, kind.resource, stored, list_kind, obj["metadata"]["name"], version, other, by_hook)


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
    _look_again(core, obj)
