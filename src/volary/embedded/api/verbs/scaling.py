"""The `scale` subresource: a small view of a workload, written back into it.

Source: Kubernetes, pkg/registry/apps/*/storage; apiextensions-apiserver, registry/customresource/etcd.go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from volary.embedded.api import conversion
from volary.embedded.api.apply.applying import APPLY, apply_to, config_in, named
from volary.embedded.api.apply.field_sets import Path
from volary.embedded.api.apply.managed import managers_of, pack, track, writer
from volary.embedded.api.apply.managers import Managers
from volary.embedded.api.apply.ownership import View
from volary.embedded.api.apply.scale_managers import SCALE_VERSION, to_object, to_scale
from volary.embedded.api.apply.typed import same
from volary.embedded.api.apply.untidy import settle
from volary.embedded.api.bodies import object_in
from volary.embedded.api.call import Call
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core
from volary.embedded.api.encoding import copy_of
from volary.embedded.api.errors import (
    Problem,
    bad_request,
    conflict,
    internal,
    invalid,
    invalid_object,
    unexpected,
    unsupported_media,
)
from volary.embedded.api.patch.patching import JSON_PATCH, MERGE, STRATEGIC, patched_object
from volary.embedded.api.registry import Kind
from volary.embedded.api.selectors import selector_text
from volary.embedded.api.store import Entry
from volary.embedded.api.text.go_text import go_text
from volary.embedded.api.verbs.preparing import scale_node
from volary.embedded.api.verbs.updating import check_place, commit, find

Object = dict[str, Any]

SPEC, STATUS = (".spec.replicas", ".status.replicas")
NOT_SET = -(2**31)  # what a scale says of a custom resource that does not say its replicas


@cache
def scale_type() -> ResourceType:
    """Return the kind of a scale."""
    kind = Kind("autoscaling", "v1", "scales", "scale", "Scale", namespaced=True)
    return ResourceType(kind, scale_node(), "autoscaling/scales", SCALE_VERSION, "ScaleList")


def scale_of(type_: ResourceType, obj: Object, strict: bool = False) -> Object:
    """Return the scale of an object; `strict`: which must say its replicas. Raises: Problem."""
    paths = _paths(type_)
    meta = obj["metadata"]
    kept = {
        key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp") if key in meta
    }
    replicas = _count(obj, paths.get("specReplicasPath", SPEC))
    if strict and type_.custom and replicas is None:
        raise internal(f'the spec replicas field "{paths.get("specReplicasPath")}" does not exist')
    status: Object = {"replicas": _count(obj, paths.get("statusReplicasPath", STATUS)) or 0}
    if selector := _selector(type_, obj, paths):
        status["selector"] = selector
    spec = {"replicas": replicas} if replicas else {}
    return {"kind": "Scale", "apiVersion": SCALE_VERSION, "metadata": kept, "spec": spec, "status": status}


def _paths(type_: ResourceType) -> dict[str, str]:
    found: dict[str, str] = ((type_.version.get("subresources") or {}).get("scale") or {}) if type_.custom else {}
    return found


def _selector(type_: ResourceType, obj: Object, paths: dict[str, str]) -> str:
    if type_.custom:
        return str(_at(obj, paths["labelSelectorPath"]) or "") if paths.get("labelSelectorPath") else ""
    selector = (obj.get("spec") or {}).get("selector") or {}
    if type_.storage == "/replicationcontrollers":
        selector = {"matchLabels": selector}
    return selector_text(selector)


def _at(obj: Object, path: str) -> Any:
    value: Any = obj
    for step in path.strip(".").split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _count(obj: Object, path: str) -> int | None:
    value = _at(obj, path)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise unexpected(f"{path} accessor error: {go_text(value)} is of an unexpected type, expected int64")


def put_scale(core: Core, call: Call) -> Object:
    """Replace the scale by the body. Raises: Problem."""
    new = _sent(call)
    check_place(call, new["metadata"])
    entry = find(core, call.type, call.namespace, call.name)
    old, managers = _opened(core, call, entry)
    return _write(core, call, entry, new, _tracked(core, call, old, new, managers))


def _sent(call: Call) -> Object:
    try:
        return object_in(replace(call, type=scale_type()))
    except Problem as error:
        if call.type.custom and "cannot be handled as a Scale" in error.message:
            # The server cannot even say what is wrong with it.
            text = 'no kind is registered for the type v1.Scale in scheme "pkg/runtime/scheme.go:111"'
            raise bad_request(text) from error
        raise


def patch_scale(core: Core, call: Call) -> Object:
    """Patch the scale. Raises: Problem."""
    kinds = [JSON_PATCH, MERGE, *([] if call.type.custom else [STRATEGIC]), APPLY]
    if call.content_type not in kinds:
        raise unsupported_media(kinds)
    entry = find(core, call.type, call.namespace, call.name)
    old, managers = _opened(core, call, entry)
    of_scale = replace(call, type=scale_type())
    if call.content_type == APPLY:
        if call.type.custom and not managers:
            raise _unowned()
        by = writer(scale_type(), call.options, "scale", core.stamp())
        config = config_in(of_scale)
        new, found = apply_to(of_scale, old, managers, _view, by, config)
        if call.type.custom and not same(new, old):
            raise _unconvertible("new", config)
    else:
        shown = copy_of(old)
        pack(shown, managers)
        new = patched_object(of_scale, copy_of(shown))
        found = _tracked(core, call, old, new, managers)
    return _write(core, call, entry, new, found)


def _unowned() -> Problem:
    """Return what the server answers to an apply of a custom resource's scale whose replicas nobody owns yet."""
    return unexpected(f"failed to create manager for existing fields: {_unconvertible('live', {}).message}")


def _unconvertible(which: str, config: Object) -> Problem:
    """Return what the server answers to an apply that would change a custom resource's scale."""
    about = f"failed to convert {which} object ({named(config)}; {SCALE_VERSION}, Kind=Scale) to proper version"
    return unexpected(f"{about}: request to convert CR to an invalid group/version: {SCALE_VERSION}")


def _opened(core: Core, call: Call, entry: Entry) -> tuple[Object, Managers]:
    """Return the scale as it is, and its managers."""
    obj = conversion.from_storage(call.type, entry.obj)
    old = scale_of(call.type, obj)
    if call.type.custom and _at(obj, _replicas_path(call.type)) is None:
        old["spec"] = {"replicas": NOT_SET}
    return old, to_scale(managers_of(obj), _path_of(core, call.type))


def _view(version: str) -> View | None:
    return View(scale_node()) if version == SCALE_VERSION else None


def _tracked(core: Core, call: Call, old: Object, new: Object, managers: Managers) -> Managers:
    new["metadata"].pop("managedFields", None)
    if not managers:
        return managers
    return track(old, new, _view, managers, writer(scale_type(), call.options, "scale", core.stamp()))


def _replicas_path(type_: ResourceType) -> str:
    return _paths(type_).get("specReplicasPath", SPEC)


def _path_of(core: Core, type_: ResourceType) -> Callable[[str], Path | None]:
    """Return where the replicas are in each version."""
    known: dict[str, Path | None] = {}
    for it in core.catalog.versions(type_.storage):
        steps = _replicas_path(it).strip(".").split(".")
        known[it.api_version] = tuple(f"f:{step}" for step in steps) if it.kind.subresource("scale") else None
    return known.get


def _write(core: Core, call: Call, entry: Entry, scale: Object, found: Managers) -> Object:
    replicas = (scale.get("spec") or {}).get("replicas") or 0
    if replicas < 0 and not call.type.custom:
        error = invalid("spec.replicas", replicas, "must be greater than or equal to 0")
        raise invalid_object("autoscaling", "Scale", call.name, [error])
    path = _replicas_path(call.type)
    if replicas == NOT_SET:
        raise bad_request(f'the spec replicas field "{path}" cannot be empty')
    old = conversion.from_storage(call.type, entry.obj)
    new = copy_of(old)
    _set(new, path, replicas)
    meta = scale.get("metadata") or {}
    if not call.type.custom and meta.get("uid") not in (None, "", old["metadata"]["uid"]):
        why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {old['metadata']['uid']}"
        raise conflict(call.type.group, f"{call.type.plural}/scale", call.name, why)
    if meta.get("resourceVersion"):
        new["metadata"]["resourceVersion"] = meta["resourceVersion"]
    path_of = _path_of(core, call.type)
    versions = {it.api_version for it in core.catalog.versions(call.type.storage)}
    owners = to_object(managers_of(old), found, call.type.api_version, path_of, versions.__contains__)
    written = commit(core, call.type, entry, new, "scale", call.options, owners)
    written = settle(core, call.type, entry, written, (), call.options.dry_run)
    return scale_of(call.type, conversion.from_storage(call.type, written.obj))


def _set(obj: Object, path: str, replicas: int) -> None:
    steps = path.strip(".").split(".")
    place = obj
    for index, step in enumerate(steps[:-1]):
        below = place.setdefault(step, {})
        if not isinstance(below, dict):
            where = "." + ".".join(steps[: index + 1])
            raise unexpected(f"value cannot be set because {where} is not a map[string]interface{{}}")
        place = below
    place[steps[-1]] = replicas
