"""POST of a collection, and creation by whoever else makes objects."""

from __future__ import annotations

from typing import Any

from volary.embedded.api import conversion
from volary.embedded.api.apply.managed import blank, given, pack, track, writer
from volary.embedded.api.apply.managers import Managers
from volary.embedded.api.apply.versions import views_of
from volary.embedded.api.auth.escalation import refuse_escalation
from volary.embedded.api.bodies import object_in
from volary.embedded.api.call import Call, Options
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core
from volary.embedded.api.custom import crds, definition_end
from volary.embedded.api.custom.crds import CRDS
from volary.embedded.api.errors import (
    Problem,
    already_exists,
    bad_request,
    forbidden,
    invalid_object,
    not_found,
    unexpected,
)
from volary.embedded.api.store import Entry
from volary.embedded.api.validation.kinds import validate_new
from volary.embedded.api.validation.names import name_required
from volary.embedded.api.verbs import generations
from volary.embedded.api.verbs.owners import drop_double_owners
from volary.embedded.api.verbs.preparing import admit_new, check, default

Object = dict[str, Any]

# What a client may not say of a new object, taken out before its managers are looked at.
WIPED = ("creationTimestamp", "uid", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")
NOT_READY = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def create(core: Core, call: Call) -> Entry:
    """Create what the body says; return it as stored, or as it would be. Raises: Problem."""
    obj = object_in(call)
    drop_double_owners(obj, call.options)
    return create_object(core, call.type, call.namespace, obj, call.options, by_client=True)


def taint(node: Object) -> None:
    """Keep pods from a node that a client made, until it is ready; nodes of our own are, from the beginning."""
    spec = node["spec"] = node.get("spec") or {}
    taints = spec.get("taints") or []
    if not any(it.get("key") == NOT_READY["key"] and it.get("effect") == NOT_READY["effect"] for it in taints):
        spec["taints"] = [*taints, dict(NOT_READY)]


def create_object(
    core: Core,
    type_: ResourceType,
    namespace: str,
    obj: Object,
    options: Options,
    applied: Managers | None = None,
    by_client: bool = False,
) -> Entry:
    """Create a checked body, which is changed; `applied`: its managers, where an apply made it. Raises: Problem."""
    meta = obj["metadata"]
    place(type_, obj, namespace)
    default(type_, obj)
    name_it(core, type_, obj)
    need_namespace(core, type_, namespace, meta["name"])
    if definition_end.terminating(core, type_):
        why = "create not allowed while custom resource definition is terminating"
        raise forbidden(type_.group, type_.plural, meta["name"], why)
    refuse_escalation(core, type_, obj, None, options.user)
    for key in WIPED:
        meta.pop(key, None)
    found = _managers(core, type_, obj, options) if applied is None else applied
    if by_client and type_.storage == "/nodes":
        taint(obj)
    version = "" if options.dry_run else str(meta.pop("resourceVersion", None) or "")
    meta["uid"] = core.new_id()
    meta["creationTimestamp"] = core.stamp()
    if generation := generations.first(type_):
        meta["generation"] = generation
    admit_new(core, type_, obj, options.dry_run)
    check(core, type_, obj, None, options)
    if by_client and applied is None and version.strip("0").isdigit():
        raise unexpected("resourceVersion should not be set on objects to be created")
    there = core.store.get(type_.storage, namespace, meta["name"])
    if there is not None:
        raise _taken(type_, there, meta)
    pack(obj, found)
    if type_.storage == CRDS:
        crds.begin(obj, options)
    if type_.custom:
        default(type_, obj)  # once more: the status, which was taken away, may have defaults
    stored = conversion.to_storage(type_, obj)
    if options.dry_run:
        return Entry(stored, core.store.version)
    entry = core.store.put(type_.storage, stored)
    if type_.storage == CRDS:
        crds.establish(core, entry)
    return entry


def _taken(type_: ResourceType, there: Entry, meta: Object) -> Problem:
    problem = already_exists(type_.group, type_.plural, there.obj["metadata"]["name"])
    if there.obj["metadata"].get("deletionTimestamp"):
        problem.message = f"object is being deleted: {problem.message}"
    if meta.get("generateName"):
        problem.message += ", the server was not able to generate a unique name for the object"
        problem.details = {**(problem.details or {}), "retryAfterSeconds": 1}
        problem.headers["retry-after"] = "1"
    return problem


def place(type_: ResourceType, obj: Object, namespace: str) -> None:
    """Put the object into the namespace of the request. Raises: Problem."""
    meta = obj["metadata"]
    if type_.kind.namespaced:
        if meta.get("namespace") not in (None, "", namespace):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if not namespace:
            raise bad_request("an empty namespace may not be set during creation")
        meta["namespace"] = namespace
    else:
        meta.pop("namespace", None)


def name_it(core: Core, type_: ResourceType, obj: Object) -> None:
    """See to it that the object has a name. Raises: Problem."""
    meta = obj["metadata"]
    prefix = meta.get("generateName")
    if not meta.get("name"):
        if not prefix:
            named = {**obj, "metadata": {**meta, "name": "x"}}
            others = [] if type_.custom or type_.storage == CRDS else validate_new(type_.storage, named)
            raise invalid_object(type_.group, type_.kind.kind, "", [name_required(), *others])
        meta["name"] = prefix[:58] + core.suffix()
        if type_.storage == "/namespaces":
            default(type_, obj)


def need_namespace(core: Core, type_: ResourceType, namespace: str, name: str) -> None:
    """Refuse to create in a namespace that is not there, or on its way out. Raises: Problem."""
    if not type_.kind.namespaced:
        return
    entry = core.namespace(namespace)
    if entry is None:
        raise not_found("", "namespaces", namespace)
    if entry.obj["metadata"].get("deletionTimestamp"):
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
        why = f"unable to create new content in namespace {namespace} because it is being terminated"
        raise forbidden(type_.group, type_.plural, name, why, [cause])


def _managers(core: Core, type_: ResourceType, obj: Object, options: Options) -> Managers:
    sent = given(obj, {"metadata": {}}, "")
    views = views_of(core.catalog, type_, "")
    return track(blank(type_), obj, views, sent, writer(type_, options, "", core.stamp()))
