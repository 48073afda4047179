"""Which rules each built-in kind has, and in which order the server asks them: metadata, the whole, what changed.

The server looks at the metadata of a changed object once for all kinds, and then again as each kind says; the causes
of a refusal show it.

Source: Kubernetes, pkg/apis/*/validation and the strategies in pkg/registry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from volary.embedded.api.errors import FieldError
from volary.embedded.api.validation import autoscalers as validation_autoscalers
from volary.embedded.api.validation import endpoints as validation_endpoints
from volary.embedded.api.validation import events as validation_events
from volary.embedded.api.validation import ingresses as validation_ingresses
from volary.embedded.api.validation import jobs as validation_jobs
from volary.embedded.api.validation import nodes as validation_nodes
from volary.embedded.api.validation import plain as validation_plain
from volary.embedded.api.validation import pod_updates as validation_pod_updates
from volary.embedded.api.validation import pods as validation_pods
from volary.embedded.api.validation import rbac as validation_rbac
from volary.embedded.api.validation import services as validation_services
from volary.embedded.api.validation import workloads as validation_workloads
from volary.embedded.api.validation.names import (
    changed_metadata_errors,
    metadata_errors,
    name_errors,
    prefix_segment_errors,
)

Object = Mapping[str, Any]
Check = Callable[[Object, Object | None], list[FieldError]]
Changes = Callable[[Object, Object], list[FieldError]]

# What an update is asked, in order: all of the metadata, what of it may change, the whole object, what changed.
META, KEPT, WHOLE, CHANGES = "meta", "kept", "whole", "changes"


def nothing(_obj: Object, _old: Object | None) -> list[FieldError]:
    return []


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one kind."""

    whole: Check = nothing
    changes: Changes = nothing
    status: Changes = nothing
    on_update: tuple[str, ...] = (KEPT, WHOLE, CHANGES)
    own_metadata: bool = True  # on creation; without it the server has its common rules only
    own_finalizers: bool = True  # names of finalizers without a domain are the server's


def pod(obj: Object, old: Object | None) -> list[FieldError]:
    return validation_pods.new_pod(obj) if old is None else validation_pod_updates.changed_pod(obj, old)


def core_event(obj: Object, _old: Object | None) -> list[FieldError]:
    return validation_events.event(obj, "")


ROLE = Rules(validation_rbac.role, on_update=(META, WHOLE, KEPT))
BINDING = Rules(validation_rbac.binding, on_update=(META, WHOLE, KEPT))
OTHER = Rules(on_update=(KEPT,))

RULES: Mapping[str, Rules] = {
    "/configmaps": Rules(
        validation_plain.config_map, validation_plain.config_map_changes, on_update=(KEPT, CHANGES, META, WHOLE)
    ),
    "/endpoints": Rules(validation_endpoints.endpoints, on_update=(KEPT, META, WHOLE)),
    "/events": Rules(core_event, on_update=(WHOLE,), own_metadata=False),
    "/namespaces": Rules(validation_plain.namespace, status=validation_plain.namespace_status, on_update=(META, KEPT)),
    "/nodes": Rules(validation_nodes.node, validation_nodes.node_changes, on_update=(META, WHOLE, KEPT, CHANGES)),
    "/pods": Rules(pod, on_update=(KEPT, META, WHOLE)),
    "/secrets": Rules(validation_plain.secret, validation_plain.secret_changes, on_update=(KEPT, CHANGES, META, WHOLE)),
    "/serviceaccounts": Rules(on_update=(KEPT, META)),
    "/services": Rules(
        validation_services.service,
        validation_services.service_changes,
        validation_services.service_status,
        (KEPT, CHANGES, WHOLE),
    ),
    "apps/daemonsets": Rules(validation_workloads.daemon_set, status=validation_workloads.daemon_set_status),
    "apps/deployments": Rules(validation_workloads.deployment, status=validation_workloads.deployment_status),
    "apps/replicasets": Rules(validation_workloads.replica_set, status=validation_workloads.replica_set_status),
    "apps/statefulsets": Rules(validation_workloads.stateful_set),
    "autoscaling/horizontalpodautoscalers": Rules(
        validation_autoscalers.autoscaler, status=validation_autoscalers.autoscaler_status
    ),
    "batch/cronjobs": Rules(validation_workloads.cron_job),
    "batch/jobs": Rules(validation_jobs.job, validation_jobs.job_changes, on_update=(META, WHOLE, KEPT, CHANGES)),
    "coordination.k8s.io/leases": Rules(validation_plain.lease, own_finalizers=False),
    "discovery.k8s.io/endpointslices": Rules(validation_endpoints.endpoint_slice, on_update=(META, WHOLE)),
    "networking.k8s.io/ingresses": Rules(
        validation_ingresses.ingress, status=validation_ingresses.ingress_status, on_update=(KEPT, META, WHOLE)
    ),
    "rbac.authorization.k8s.io/clusterrolebindings": BINDING,
    "rbac.authorization.k8s.io/clusterroles": ROLE,
    "rbac.authorization.k8s.io/rolebindings": BINDING,
    "rbac.authorization.k8s.io/roles": ROLE,
}


def validate_new(resource: str, obj: Object) -> list[FieldError]:
    """Return what is wrong with a new object of a built-in kind, as it is stored."""
    rules = RULES.get(resource, OTHER)
    meta = obj["metadata"]
    if not rules.own_metadata:
        return rules.whole(obj, None) or name_errors(resource, meta) + metadata_errors(meta, built_in=False)
    return name_errors(resource, meta) + metadata_errors(meta, rules.own_finalizers) + rules.whole(obj, None)


def validate_change(resource: str, obj: Object, old: Object, subresource: str) -> list[FieldError]:
    """Return what is wrong with a changed object of a built-in kind, as it is stored."""
    rules, meta, before = RULES.get(resource, OTHER), obj["metadata"], old["metadata"]
    errors = (
        prefix_segment_errors(meta)
        + metadata_errors(meta, built_in=False)
        + changed_metadata_errors(meta, before, built_in=False)
    )
    if subresource == "status":
        return errors + changed_metadata_errors(meta, before) + rules.status(obj, old)
    if resource == "/namespaces" and subresource == "finalize":
        return errors + changed_metadata_errors(meta, before)
    for step in rules.on_update:
        if step == META:
            errors += name_errors(resource, meta) + metadata_errors(meta)
        elif step == KEPT:
            errors += changed_metadata_errors(meta, before, rules.own_finalizers)
        else:
            errors += rules.whole(obj, old) if step == WHOLE else rules.changes(obj, old)
    return errors
