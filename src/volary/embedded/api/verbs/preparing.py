"""What the server does to every object before it is stored: defaults, what only the server sets, and validation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from volary.embedded.api import conversion
from volary.embedded.api.auth.rbac import CLUSTER_ROLES, ROLES
from volary.embedded.api.call import Options
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core
from volary.embedded.api.custom import crd_rules, custom_objects
from volary.embedded.api.custom.crds import CRDS
from volary.embedded.api.custom.schema_defaults import put_defaults
from volary.embedded.api.defaults import cluster_ips
from volary.embedded.api.defaults.account_volume import mount_account
from volary.embedded.api.defaults.disabled_fields import drop_disabled
from volary.embedded.api.defaults.kinds import TEMPLATE_GENERATION, put_builtin_defaults
from volary.embedded.api.defaults.omission import fill_always
from volary.embedded.api.defaults.pods import admit_pod, admit_pod_again, quality_of_service
from volary.embedded.api.errors import FieldError, Problem, invalid_object
from volary.embedded.api.registry import definitions
from volary.embedded.api.schema import Node
from volary.embedded.api.validation import events as validation_events
from volary.embedded.api.validation.kinds import validate_change, validate_new
from volary.embedded.api.validation.names import changed_metadata_errors, metadata_errors, name_errors
from volary.embedded.api.validation.warnings import builtin_warnings

Object = dict[str, Any]

# Kinds whose status a client may give when it creates them.
STATUS_ON_CREATION = {"/nodes", "/namespaces"}


def default(type_: ResourceType, obj: Object) -> None:
    """Put in what decoding puts in: defaults, and what Go always writes."""
    if type_.custom:
        put_defaults(obj, type_.node)
    else:
        fill_always(obj, type_.node)
        put_builtin_defaults(type_.storage, obj)


def admit_new(core: Core, type_: ResourceType, obj: Object, dry_run: bool = False) -> None:
    """Do to a new object what admission and its registry do, after its managers are known. Raises: Problem."""
    _reset_status(type_, obj)
    drop_disabled(type_.storage, obj, None)
    if type_.storage == "/pods":
        admit_pod(obj["spec"])
        mount_account(core.store, obj)
        obj["status"] = first_status(core, obj["spec"])
    elif type_.storage == "/namespaces":
        spec = obj.setdefault("spec", {})
        spec["finalizers"] = [*dict.fromkeys([*(spec.get("finalizers") or ()), "kubernetes"])]
        obj["status"] = {"phase": "Active"}
    elif type_.storage == "apps/daemonsets":
        obj["metadata"]["annotations"][TEMPLATE_GENERATION] = "1"
    elif type_.storage == "batch/jobs":
        select_own_pods(obj)
    elif type_.storage == "/serviceaccounts":
        keep_names_of_secrets(obj)
    elif type_.storage == "/services":
        refuse(type_, obj, cluster_ips.allocate(core.store, obj, None, dry_run))
    forget_empty(type_.storage, obj)


# Lists that are always written; an empty one comes back from storage as none.
LISTS = {
    ROLES: ("rules",),
    CLUSTER_ROLES: ("rules",),
    "discovery.k8s.io/endpointslices": ("endpoints", "ports"),
}


def forget_empty(resource: str, obj: Object) -> None:
    for field in LISTS.get(resource, ()):
        obj[field] = obj.get(field) or None


def first_status(core: Core, spec: Object) -> Object:
    """Return the status of a pod that nobody has looked at yet."""
    status: Object = {"phase": "Pending", "qosClass": quality_of_service(spec)}
    if spec.get("schedulingGates"):
        gated = {"type": "PodScheduled", "status": "False", "lastProbeTime": None, "lastTransitionTime": core.stamp()}
        text = "Scheduling is blocked due to non-empty scheduling gates"
        status["conditions"] = [{**gated, "reason": "SchedulingGated", "message": text}]
    return status


def keep_names_of_secrets(account: Object) -> None:
    """Keep of an account's references to secrets the names only."""
    if account.get("secrets"):
        account["secrets"] = [{"name": it["name"]} if it.get("name") else {} for it in account["secrets"]]


def select_own_pods(job: Object) -> None:
    """Give a Job the labels and the selector that find its own pods only."""
    spec, meta = job["spec"], job["metadata"]
    if spec.get("manualSelector"):
        return
    template = spec.setdefault("template", {}).setdefault("metadata", {})
    names = {f"{prefix}job-name": meta["name"] for prefix in ("", "batch.kubernetes.io/")}
    uids = {f"{prefix}controller-uid": meta["uid"] for prefix in ("", "batch.kubernetes.io/")}
    shared = not meta.get("labels") or meta["labels"] is template.get("labels")
    template["labels"] = {**names, **uids, **(template.get("labels") or {})}
    if shared:
        meta["labels"] = dict(template["labels"])
    spec.setdefault("selector", {}).setdefault("matchLabels", {})["batch.kubernetes.io/controller-uid"] = meta["uid"]


def _reset_status(type_: ResourceType, obj: Object) -> None:
    if not type_.has_status or type_.storage in STATUS_ON_CREATION:
        return
    obj.pop("status", None)
    if not type_.custom:
        fill_always(obj, type_.node)


def admit_update(core: Core, type_: ResourceType, new: Object, old: Object, dry_run: bool = False) -> None:
    """Do to an updated object what its registry does. Raises: Problem."""
    drop_disabled(type_.storage, new, old)
    forget_empty(type_.storage, new)
    if type_.storage == "/pods":
        admit_pod_again(new["spec"], old["spec"])
    if type_.storage == "/services":
        refuse(type_, new, cluster_ips.allocate(core.store, new, old, dry_run))
    elif type_.storage == "/serviceaccounts":
        keep_names_of_secrets(new)
    elif type_.storage == "/namespaces":
        new["spec"] = old.get("spec") or {}
    elif type_.storage == "apps/daemonsets":
        changed = new["spec"].get("template") != old["spec"].get("template")
        before = int((old["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION) or 0)
        new["metadata"].setdefault("annotations", {})[TEMPLATE_GENERATION] = str(before + changed)


def check(
    core: Core, type_: ResourceType, obj: Object, old: Object | None, options: Options, subresource: str = ""
) -> None:
    """Validate; warnings go to `options`. Raises: Problem."""
    errors: list[FieldError] = []
    if type_.custom:
        errors += name_errors(type_.storage, obj["metadata"])
        errors += custom_objects.check(type_, obj, old, subresource, options.warn)
    else:
        stored = conversion.to_storage(type_, obj)
        if old is None:
            errors += validate_new(type_.storage, stored)
        else:
            errors += validate_change(type_.storage, stored, conversion.to_storage(type_, old), subresource)
        if type_.group == "events.k8s.io":
            errors = event_errors(stored, old and conversion.to_storage(type_, old))
        if type_.storage == CRDS:
            errors += crd_rules.check(obj, old)
        if not errors:
            for text in builtin_warnings(type_.storage, stored, old, subresource):
                options.warn(text)
    if options.empty_labels:
        errors = [
            replace(it, value={}) if it.field in options.empty_labels and it.value is None else it for it in errors
        ]
    refuse(type_, obj, errors)


def event_errors(obj: Object, old: Object | None) -> list[FieldError]:
    """Return what is wrong with an Event that was sent as events.k8s.io has them."""
    errors = validation_events.event(obj, "events.k8s.io")
    if old is None:
        return errors + metadata_errors(obj["metadata"]) + validation_events.new_event(obj)
    return (
        errors + changed_metadata_errors(obj["metadata"], old["metadata"]) + validation_events.event_changes(obj, old)
    )


def refuse(type_: ResourceType, obj: Object, errors: list[FieldError]) -> None:
    """Raises: Problem, if there are errors."""
    if errors:
        raise invalid(type_, obj, errors)


def invalid(type_: ResourceType, obj: Object, errors: list[FieldError]) -> Problem:
    group = type_.storage.partition("/")[0]
    return invalid_object(group, type_.kind.kind, str(obj["metadata"].get("name") or ""), errors)


def scale_node() -> Node:
    name = "io.k8s.api.autoscaling.v1.Scale"
    return Node(definitions()[name], definitions(), name)
