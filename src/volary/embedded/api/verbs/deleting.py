"""DELETE of one object or a collection: preconditions, finalizers, grace for pods, what becomes of dependents.

Source: apiserver, registry/rest/delete.go and registry/generic/registry/store.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from volary.embedded.api.bodies import NOT_AN_OBJECT, read_body
from volary.embedded.api.call import Call
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core, fresh, time_text
from volary.embedded.api.custom.crds import CRDS
from volary.embedded.api.custom.definition_end import begin_end, finish
from volary.embedded.api.encoding import copy_of
from volary.embedded.api.errors import (
    FieldError,
    bad_request,
    conflict,
    forbidden,
    invalid,
    invalid_object,
    unsupported,
)
from volary.embedded.api.registry import definitions
from volary.embedded.api.schema import Node
from volary.embedded.api.store import Entry
from volary.embedded.api.validation.conform import WrongType, conform, json_kind
from volary.embedded.api.verbs.updating import find

Object = dict[str, Any]

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
POLICIES = ("Background", "Foreground", "Orphan")
RETURNS_OBJECT = {
    "/pods",
    "/services",
    "/namespaces",
    "/serviceaccounts",
    "/persistentvolumeclaims",
    "/persistentvolumes",
}
GRACE_SECONDS = 30
OPTIONS = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
KEPT_NAMESPACES = ("default", "kube-system", "kube-public")
# Kinds whose dependents stay where the caller does not say what becomes of them.
ORPHANING = {"batch/jobs", "/replicationcontrollers"}
ORPHANED = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)
# Kinds that the garbage collector leaves alone.
NO_GARBAGE = {"/events"}


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """How to delete."""

    uid: str = ""
    version: str = ""
    grace_seconds: int | None = None
    policy: str = ""  # "" is up to the kind's finalizers, then Background
    dry_run: bool = False


def options_in(call: Call) -> DeleteOptions:
    """Return the options of a DELETE from its body, or else its query. Raises: Problem."""
    if call.body:
        options = options_from(_body(call), {})
    else:
        options = options_from({}, call.query)
    if not options.policy and call.name and call.type.storage == "batch/jobs":
        call.options.warn(ORPHANED)
    return options


def _body(call: Call) -> Mapping[str, Any]:
    """Return the options that are sent in a body. Raises: Problem."""
    value, _ = read_body(call)
    if not isinstance(value, dict):
        raise bad_request(f"couldn't get version/kind; json parse error: {NOT_AN_OBJECT[json_kind(value)]}")
    if value.get("kind") == "Eviction":
        return value.get("deleteOptions") or {}
    if value.get("kind") not in (None, "", "DeleteOptions"):
        about = f'no kind "{value["kind"]}" is registered for version "{value.get("apiVersion") or "meta.k8s.io/v1"}"'
        raise bad_request(f'{about} in scheme "pkg/runtime/scheme.go:111"')
    return value


@cache
def _options_node() -> Node:
    return Node(definitions()[OPTIONS], definitions(), OPTIONS)


def options_from(body: Mapping[str, Any], query: Mapping[str, str]) -> DeleteOptions:
    """Return the options of a body, with those of the query where it has none. Raises: Problem."""
    if not isinstance(body, Mapping):
        raise bad_request("decoded object cannot be converted to DeleteOptions")
    try:
        if body:
            conform(copy_of(body), _options_node())
    except WrongType as error:
        raise bad_request(str(error)) from error
    preconditions = body.get("preconditions") or {}
    grace = body.get("gracePeriodSeconds")
    if grace is None and query.get("gracePeriodSeconds"):
        grace = query["gracePeriodSeconds"]
    policy = body.get("propagationPolicy") or query.get("propagationPolicy") or ""
    orphan = body.get("orphanDependents")
    orphan = query.get("orphanDependents") if orphan is None else orphan
    errors: list[FieldError] = []
    if policy and policy not in POLICIES:
        errors.append(unsupported("propagationPolicy", policy, ("Foreground", "Background", "Orphan", "nil")))
    if policy and orphan is not None:
        detail = "orphanDependents and deletionPropagation cannot be both set"
        errors.append(invalid("propagationPolicy", policy, detail))
    if orphan is not None and not policy:
        policy = "Orphan" if str(orphan).lower() == "true" else "Background"
    dry = body.get("dryRun") or ([query["dryRun"]] if "dryRun" in query else [])
    if dry and list(dry) != ["All"]:
        errors.append(unsupported("dryRun", dry, ("All",)))
    if errors:
        raise invalid_object("meta.k8s.io", "DeleteOptions", "", errors)
    try:
        seconds = None if grace is None else int(grace)
    except (TypeError, ValueError):
        raise bad_request(f'strconv.ParseInt: parsing "{grace}": invalid syntax') from None
    return DeleteOptions(
        str(preconditions.get("uid") or ""), str(preconditions.get("resourceVersion") or ""), seconds, policy, bool(dry)
    )


def delete(core: Core, type_: ResourceType, namespace: str, name: str, options: DeleteOptions) -> tuple[Entry, bool]:
    """Delete; return the object, and whether it is gone. Raises: Problem."""
    if type_.storage == "/namespaces" and name in KEPT_NAMESPACES:
        raise forbidden(type_.group, type_.plural, name, "this namespace may not be deleted")
    entry = find(core, type_, namespace, name)
    _preconditions(type_, entry, options)
    meta = entry.obj["metadata"]
    finalizers = _finalizers(type_, meta, options)
    grace = _grace(type_, entry.obj, options)
    if meta.get("deletionTimestamp"):
        return _again(core, type_, entry, finalizers, grace, options)
    if type_.storage == CRDS:
        return _definition(core, entry, options)
    if not finalizers and not grace and type_.storage not in ("/namespaces", "/pods"):
        return _gone(core, type_, entry, options), True
    moment = core.now() + timedelta(seconds=grace)
    marked = fresh(entry.obj)
    changed = marked["metadata"]
    changed["deletionTimestamp"] = time_text(moment)
    if type_.storage != "/namespaces":
        changed["deletionGracePeriodSeconds"] = grace
    if changed.get("generation"):
        changed["generation"] += 1
    if finalizers:
        changed["finalizers"] = finalizers
    else:
        changed.pop("finalizers", None)
    if type_.storage == "/namespaces":
        marked["status"] = {**(marked.get("status") or {}), "phase": "Terminating"}
    if type_.storage == "/pods" and not finalizers and not grace:
        # A pod without grace is marked and taken away at once: watches see both.
        if options.dry_run:
            return Entry(marked, entry.version), True
        core.store.put(type_.storage, marked)
        return core.store.remove(type_.storage, namespace, name), True
    return (Entry(marked, entry.version) if options.dry_run else core.store.put(type_.storage, marked)), False


def _definition(core: Core, entry: Entry, options: DeleteOptions) -> tuple[Entry, bool]:
    """Delete a definition: its objects go first, then what served them."""
    if options.dry_run:
        return entry, False

    def remove(type_: ResourceType, namespace: str, name: str) -> None:
        delete(core, type_, namespace, name, DeleteOptions())

    return begin_end(core, entry, core.stamp(), remove), False


def _preconditions(type_: ResourceType, entry: Entry, options: DeleteOptions) -> None:
    meta = entry.obj["metadata"]
    if options.uid and options.uid != meta["uid"]:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({meta['uid']}). The object "
            "might have been deleted and then recreated"
        )
        raise conflict(type_.group, type_.kind.kind, meta["name"], why)
    if options.version and options.version != meta["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({options.version}) does not match the ResourceVersion in record "
            f"({meta['resourceVersion']}). The object might have been modified"
        )
        raise conflict(type_.group, type_.kind.kind, meta["name"], why)


def _finalizers(type_: ResourceType, meta: Mapping[str, Any], options: DeleteOptions) -> list[str]:
    """Return the finalizers that hold the object, those of propagation as asked for."""
    present = list(meta.get("finalizers") or ())
    if type_.storage in NO_GARBAGE:
        return present
    wanted = {"Foreground": FOREGROUND, "Orphan": ORPHAN}.get(options.policy, "")
    if type_.storage == "/namespaces" and wanted == FOREGROUND:
        wanted = ""
    if not options.policy:
        by_default = ORPHAN if type_.storage in ORPHANING else ""
        wanted = next((it for it in (ORPHAN, FOREGROUND) if it in present), by_default)
    return [it for it in present if it not in (FOREGROUND, ORPHAN)] + ([wanted] if wanted else [])


def _grace(type_: ResourceType, obj: Object, options: DeleteOptions) -> int:
    """Return the seconds that a pod gets to end."""
    if type_.storage != "/pods":
        return 0
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    grace = options.grace_seconds
    if grace is None:
        grace = spec.get("terminationGracePeriodSeconds", GRACE_SECONDS)
    if not spec.get("nodeName") or status.get("phase") in ("Failed", "Succeeded"):
        grace = 0
    return 1 if grace < 0 else int(grace)


def _again(
    core: Core, type_: ResourceType, entry: Entry, finalizers: list[str], grace: int, options: DeleteOptions
) -> tuple[Entry, bool]:
    """Delete what is being deleted: a pod's grace may shrink, and nothing held goes sooner."""
    meta = entry.obj["metadata"]
    before = int(meta.get("deletionGracePeriodSeconds") or 0)
    if before and options.grace_seconds is None:
        return entry, False
    if before and grace >= before:
        return entry, False
    if type_.storage == CRDS and not options.dry_run and "deletionGracePeriodSeconds" not in meta:
        marked = fresh(entry.obj)
        marked["metadata"]["deletionGracePeriodSeconds"] = 0
        return core.store.put(CRDS, marked), False
    if type_.storage in ("/namespaces", CRDS):
        return entry, False
    if not finalizers and not grace:
        if type_.storage == "/pods" and not options.dry_run:  # the last state says that no grace is left
            last = fresh(entry.obj)
            last["metadata"]["deletionGracePeriodSeconds"] = 0
            entry = core.store.put(type_.storage, last)
        return _gone(core, type_, entry, options), True
    if not before and finalizers == list(meta.get("finalizers") or ()):
        return entry, False
    marked = fresh(entry.obj)
    marked["metadata"]["deletionGracePeriodSeconds"] = grace
    if before:
        marked["metadata"]["deletionTimestamp"] = time_text(core.now() + timedelta(seconds=grace))
    marked["metadata"]["finalizers"] = finalizers
    if not finalizers:
        del marked["metadata"]["finalizers"]
    return (entry if options.dry_run else core.store.put(type_.storage, marked)), False


def _gone(core: Core, type_: ResourceType, entry: Entry, options: DeleteOptions) -> Entry:
    if options.dry_run:
        return entry
    gone = core.store.remove(type_.storage, *entry.key)
    if type_.custom:
        finish(core, type_.definition)
    return gone


def status_of(type_: ResourceType, entry: Entry) -> Object:
    """Return what a DELETE answers where the object itself is not the answer."""
    meta = entry.obj["metadata"]
    details = {"name": meta["name"], "group": type_.group, "kind": type_.plural, "uid": meta["uid"]}
    head: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return head | {"details": {key: value for key, value in details.items() if value}}
