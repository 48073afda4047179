"""PUT, and the tail that every change of an object goes through: PUT, patches, apply, scale, controllers."""

from __future__ import annotations

from typing import Any

from volary.embedded.api import conversion
from volary.embedded.api.apply.managed import bare, entries_of, given, pack, track, writer
from volary.embedded.api.apply.managers import Managers, encode
from volary.embedded.api.apply.typed import same
from volary.embedded.api.apply.typed_errors import typed_errors
from volary.embedded.api.apply.unsaid import DIVISOR, unsaid_divisors
from volary.embedded.api.apply.untidy import settle
from volary.embedded.api.apply.versions import views_of
from volary.embedded.api.auth.access import demand_creation
from volary.embedded.api.auth.escalation import refuse_escalation
from volary.embedded.api.bodies import object_in
from volary.embedded.api.call import Call, Options
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core
from volary.embedded.api.custom import crds, definition_end
from volary.embedded.api.custom.crds import CRDS
from volary.embedded.api.encoding import copy_of
from volary.embedded.api.errors import Problem, bad_request, conflict, invalid, invalid_object, not_found, unexpected
from volary.embedded.api.store import Entry
from volary.embedded.api.validation.names import immutable_errors
from volary.embedded.api.verbs import generations
from volary.embedded.api.verbs.creating import create_object
from volary.embedded.api.verbs.owners import drop_double_owners
from volary.embedded.api.verbs.preparing import admit_update, check, default, refuse

Object = dict[str, Any]

MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
FIXED = ("creationTimestamp", "generation", "name", "namespace")
SLICES = "discovery.k8s.io/endpointslices"
# Kinds that may be changed only by someone who has seen them.
NEEDS_VERSION = {
    "apiextensions.k8s.io/customresourcedefinitions",
    "coordination.k8s.io/leases",
    "policy/poddisruptionbudgets",
}
# Kinds of which a write of the status changes no metadata, or not these parts of it.
OLD_METADATA = {
    "admissionregistration.k8s.io/validatingadmissionpolicies",
    "flowcontrol.apiserver.k8s.io/flowschemas",
    "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations",
    "networking.k8s.io/servicecidrs",
    "storage.k8s.io/volumeattachments",
}
OLD_PARTS = {
    "/pods": ("deletionTimestamp", "ownerReferences"),
    "apps/deployments": ("labels",),
}
# Kinds whose place in the real server's storage has another name than theirs.
STORED_UNDER = {
    "/endpoints": "services/endpoints",
    "/nodes": "minions",
    "/replicationcontrollers": "controllers",
    "/services": "services/specs",
    "networking.k8s.io/ingresses": "ingress",
}
# Kinds of which an update makes the object that is not there.
MADE_BY_PUT = {
    "/endpoints",
    "/events",
    "/limitranges",
    "/services",
    "coordination.k8s.io/leases",
    "node.k8s.io/runtimeclasses",
    "rbac.authorization.k8s.io/clusterrolebindings",
    "rbac.authorization.k8s.io/clusterroles",
    "rbac.authorization.k8s.io/rolebindings",
    "rbac.authorization.k8s.io/roles",
}


def find(core: Core, type_: ResourceType, namespace: str, name: str) -> Entry:
    """Return the stored object. Raises: Problem."""
    entry = core.store.get(type_.storage, namespace, name)
    if entry is None:
        raise not_found(type_.group, type_.plural, name)
    return entry


def update(core: Core, call: Call) -> tuple[Entry, bool]:
    """Replace the object, or its subresource, by the body; return it, and whether it is new. Raises: Problem."""
    new = object_in(call)
    meta = new["metadata"]
    drop_double_owners(new, call.options)
    check_place(call, meta)
    entry = core.store.get(call.type.storage, call.namespace, call.name)
    if entry is None and call.type.storage in MADE_BY_PUT and not call.path.subresource:
        _same_object(call, meta, {"uid": "", "namespace": call.namespace or None})
        if (bad := meta.get("resourceVersion") or "") and not bad.isdigit():
            raise unexpected(f'strconv.ParseUint: parsing "{bad}": invalid syntax')
        demand_creation(core, call)
        return create_object(core, call.type, call.namespace, new, call.options), True
    if entry is None:
        raise _absent(call, meta)
    version = meta.get("resourceVersion") or ""
    if version and not version.isdigit():
        raise unexpected(f'strconv.ParseUint: parsing "{version}": invalid syntax')
    _same_object(call, meta, entry.obj["metadata"])
    if not version and (call.type.custom or call.type.storage in NEEDS_VERSION):
        error = invalid("metadata.resourceVersion", 0, "must be specified for an update")
        raise invalid_object(call.type.group, call.type.plural, call.name, [error])
    written = commit(core, call.type, entry, new, call.path.subresource, call.options)
    return settle(core, call.type, entry, written, (), call.options.dry_run), False


def _same_object(call: Call, meta: Object, before: Object) -> None:
    """Refuse to replace another object than the one that was read. Raises: Problem."""
    if meta.get("uid") in (None, "", before["uid"]):
        return
    folder = "" if call.options.dry_run else "/registry"
    place = STORED_UNDER.get(call.type.storage, call.type.plural)
    key = "/".join(it for it in (folder, place, before.get("namespace"), call.name) if it is not None)
    why = (
        f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
        f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: {before['uid']}"
    )
    raise conflict(call.type.group, call.type.plural, call.name, why)


def check_place(call: Call, meta: Object) -> None:
    """Refuse a body that is about another object than the URL. Raises: Problem."""
    name = meta.get("name")
    if not name:
        text = f"the name of the object ({call.name} based on URL) was undeterminable: name must be provided"
        raise bad_request(text)
    if name != call.name:
        raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.name})")
    if call.type.kind.namespaced and meta.get("namespace") not in (None, "", call.namespace):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def _absent(call: Call, meta: Object) -> Problem:
    if meta.get("uid") and not call.path.subresource:
        why = f"Precondition failed: UID in precondition: {meta['uid']}, UID in object meta: "
        return conflict(call.type.group, call.type.plural, call.name, why)
    return not_found(call.type.group, call.type.plural, call.name)


def commit(
    core: Core,
    type_: ResourceType,
    entry: Entry,
    new: Object,
    subresource: str,
    options: Options,
    applied: Managers | None = None,
) -> Entry:
    """Store `new` (fresh, in the version of `type_`) in place of `entry`; an unchanged object is not written.

    `applied`: the managers, where an apply has found them already. Raises: Problem.
    """
    old = conversion.from_storage(type_, entry.obj)
    start = given(new, old, subresource) if applied is None else applied
    new["metadata"].pop("managedFields", None)
    _check_preconditions(type_, new, old)
    _keep_fixed(new, old)
    if type_.custom and applied is None and subresource == "" and _spoilt_status(type_, new):
        start = {}  # managers are found before the status is put back, and there are none of what has no type
    new = _mask(type_, new, old, subresource)
    unsaid = () if applied is not None or type_.custom else unsaid_divisors(new)
    default(type_, new)
    refuse_escalation(core, type_, new, old, options.user)
    # Who has no managers (any more) gets none by an update, only by an apply.
    if applied is None and start:
        views = views_of(core.catalog, type_, subresource)
        said = [it.pop(DIVISOR) for it in unsaid]
        start = track(old, new, views, start, writer(type_, options, subresource, core.stamp()))
        for it, divisor in zip(unsaid, said, strict=True):
            it[DIVISOR] = divisor
    # Managers own what was asked for, also what the kind's own rules now put back or drop.
    if type_.storage == SLICES:  # counted before what is disabled is dropped
        _count(type_, old, new)
    if type_.storage == "/pods" and subresource == "status" and "qosClass" in old["status"]:
        new["status"] = {**(new.get("status") or {}), "qosClass": old["status"]["qosClass"]}
    if subresource == "":
        admit_update(core, type_, new, old, options.dry_run)
    if subresource != "status" and type_.storage != SLICES:
        _count(type_, old, new)
    if type_.custom:  # the server checks common fields twice; the causes of its refusal show it
        refuse(type_, new, immutable_errors(new["metadata"], old["metadata"]) * 2)
    check(core, type_, new, old, options, subresource)
    if _same(new, old, start):
        return entry
    pack(new, start)
    return _store(core, type_, entry, new, options)


def _store(core: Core, type_: ResourceType, entry: Entry, new: Object, options: Options) -> Entry:
    if type_.storage == CRDS:
        crds.begin(new, options, entry.obj)
    stored = conversion.to_storage(type_, new)
    if options.dry_run:
        return Entry(stored, entry.version)
    meta = stored["metadata"]
    if meta.get("deletionTimestamp") and not meta.get("finalizers") and _may_go(type_, entry.obj, stored):
        core.store.put(type_.storage, stored)
        gone = core.store.remove(type_.storage, meta.get("namespace", ""), meta["name"])
        if type_.custom:
            definition_end.finish(core, type_.definition)
        if type_.storage == CRDS:
            crds.withdraw(core, gone.obj)
        return gone
    written = core.store.put(type_.storage, stored)
    if type_.storage == CRDS:
        crds.establish(core, written)
    return written


def _may_go(type_: ResourceType, old: Object, new: Object) -> bool:
    """Is an object that is being deleted free to go now that its finalizers are gone?"""
    if type_.storage == "/namespaces":
        return not (new.get("spec") or {}).get("finalizers")
    return not (new["metadata"].get("deletionGracePeriodSeconds") or 0) and bool(old["metadata"].get("finalizers"))


def _same(new: Object, old: Object, found: Managers) -> bool:
    """Would the write change nothing, or nothing but times in managedFields?"""
    return same(new, bare(old)) and same(_untimed(entries_of(old["metadata"])), _untimed(encode(found)))


def _untimed(entries: list[Object]) -> list[Object]:
    return [{key: value for key, value in entry.items() if key != "time"} for entry in entries]


def _check_preconditions(type_: ResourceType, new: Object, old: Object) -> None:
    meta, before = new["metadata"], old["metadata"]
    name, version = before["name"], meta.get("resourceVersion") or ""
    if version and not version.isdigit():
        raise unexpected(f'strconv.ParseUint: parsing "{version}": invalid syntax')
    if meta.get("resourceVersion") not in (None, "", before["resourceVersion"]):
        raise conflict(type_.group, type_.plural, name, MODIFIED)


def _keep_fixed(new: Object, old: Object) -> None:
    """Put back what no update changes."""
    meta, before = new["metadata"], old["metadata"]
    for key in FIXED:
        if key in before:
            meta[key] = before[key]
        else:
            meta.pop(key, None)
    if "deletionTimestamp" in before:
        meta["deletionTimestamp"] = before["deletionTimestamp"]
    for key in ("deletionGracePeriodSeconds", "uid"):
        if key in before:
            meta[key] = meta.get(key) or before[key]
    meta["resourceVersion"] = before["resourceVersion"]


def _mask(type_: ResourceType, new: Object, old: Object, subresource: str) -> Object:
    """Let a write of the status change only the status, and one of the object all but that."""
    if subresource == "status":
        kept = {key: value for key, value in copy_of(old).items() if key not in ("metadata", "status")}
        meta = _status_metadata(type_, new["metadata"], old["metadata"])
        head = {key: kept.pop(key) for key in ("kind", "apiVersion") if key in kept}
        masked = {**head, "metadata": meta, **kept}
        if "status" in new:
            masked["status"] = new["status"]
        return masked
    if subresource in ("", "finalize") and type_.has_status:
        masked = {key: value for key, value in new.items() if key != "status"}
        if "status" in old:
            masked["status"] = copy_of(old["status"])
        if type_.api_version == "autoscaling/v1":
            conversion.keep_status_notes(masked, old)
        return masked
    return new


def _spoilt_status(type_: ResourceType, new: Object) -> bool:
    """Does an object bring a status of another type than its schema says?"""
    return type_.has_status and "status" in new and bool(typed_errors({"status": new["status"]}, type_.node, True))


def _status_metadata(type_: ResourceType, new: Object, old: Object) -> Object:
    """Return what a write of the status leaves of the metadata that came with it."""
    if type_.custom or type_.storage in OLD_METADATA:
        meta = dict(old)
    else:
        meta = new
    for name in OLD_PARTS.get(type_.storage, ()):
        meta.pop(name, None)
        if name in old:
            meta[name] = old[name]
    meta.pop("managedFields", None)
    return meta


def _count(type_: ResourceType, old: Object, new: Object) -> None:
    if generation := generations.following(type_, old, new):
        new["metadata"]["generation"] = generation
