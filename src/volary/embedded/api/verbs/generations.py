"""`metadata.generation`: which kinds count it, and what makes it rise.

Source: PrepareForCreate and PrepareForUpdate of each kind's registry strategy.
"""

from __future__ import annotations

from typing import Any

from volary.embedded.api.catalog import ResourceType

# Kinds that count changes of their spec.
SPEC = {
    "/pods",
    "/replicationcontrollers",
    "apps/daemonsets",
    "apps/deployments",
    "apps/replicasets",
    "apps/statefulsets",
    "batch/cronjobs",
    "batch/jobs",
    "flowcontrol.apiserver.k8s.io/flowschemas",
    "flowcontrol.apiserver.k8s.io/prioritylevelconfigurations",
    "networking.k8s.io/ingressclasses",
    "networking.k8s.io/ingresses",
    "networking.k8s.io/networkpolicies",
    "policy/poddisruptionbudgets",
    "resource.k8s.io/deviceclasses",
    "resource.k8s.io/resourceslices",
    "apiextensions.k8s.io/customresourcedefinitions",
    "admissionregistration.k8s.io/mutatingadmissionpolicies",
    "admissionregistration.k8s.io/mutatingadmissionpolicybindings",
    "admissionregistration.k8s.io/validatingadmissionpolicies",
    "admissionregistration.k8s.io/validatingadmissionpolicybindings",
}
ANNOTATIONS = {"apps/deployments"}  # and of their annotations, which go into the ReplicaSets
# Kinds that count changes of everything but metadata.
WHOLE = {
    "/podtemplates",
    "admissionregistration.k8s.io/mutatingwebhookconfigurations",
    "admissionregistration.k8s.io/validatingwebhookconfigurations",
    "discovery.k8s.io/endpointslices",
}
ONCE = {"scheduling.k8s.io/priorityclasses"}  # always 1
COUNTED = SPEC | WHOLE | ONCE
UNCOUNTED = {"metadata", "apiVersion", "kind"}


def first(type_: ResourceType) -> int:
    """Return the generation of a new object, 0 for none."""
    return 1 if type_.custom or type_.storage in COUNTED else 0


def following(type_: ResourceType, old: dict[str, Any], new: dict[str, Any]) -> int:
    """Return the generation after an update (not of the status)."""
    count = int(old["metadata"].get("generation") or 0)
    if type_.custom:
        # Without a status subresource a change of the status counts like any other.
        uncounted = UNCOUNTED | ({"status"} if type_.has_status else set())
        keys = sorted((old.keys() | new.keys()) - uncounted)
    elif type_.storage in SPEC:
        keys = ["spec"]
        notes = (it["metadata"].get("annotations") or {} for it in (old, new))
        if type_.storage in ANNOTATIONS and next(notes) != next(notes):
            return count + 1
    elif type_.storage in WHOLE:
        keys = sorted((old.keys() | new.keys()) - UNCOUNTED)
        if old["metadata"].get("labels") != new["metadata"].get("labels"):
            return count + 1
    else:
        return count
    return count + any(old.get(key) != new.get(key) for key in keys)
