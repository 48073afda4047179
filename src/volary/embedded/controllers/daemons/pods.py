"""The pod that a DaemonSet makes for a node, and which nodes it should be on. Pure.

Source: Kubernetes DaemonSet controller (`daemonset_util.go`, `NodeShouldRunDaemonPod`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.defaults.kinds import TEMPLATE_GENERATION
from volary.embedded.api.encoding import copy_of
from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.node_fit import fits, repelled
from volary.embedded.controllers.objects import annotations_of, name_of, namespace_of, owner_ref, spec_of

HASH = "controller-revision-hash"
GENERATION = "pod-template-generation"
# A node in trouble keeps its daemons: they are what mends it.
TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
OF_HOST_NETWORK = ("node.kubernetes.io/network-unavailable", "NoSchedule")


def new_pod(daemon_set: Object, node: str, digest: str) -> NewObject:
    """Return the pod for a node; the scheduler binds it there, as its affinity says."""
    template = spec_of(daemon_set)["template"]
    metadata: NewObject = copy_of(dict(template.get("metadata") or {}))
    metadata.pop("creationTimestamp", None)
    generation = annotations_of(daemon_set).get(TEMPLATE_GENERATION)
    marks = {HASH: digest, **({GENERATION: generation} if generation else {})}
    metadata["labels"] = {**(metadata.get("labels") or {}), **marks}
    metadata["generateName"] = f"{name_of(daemon_set)}-"
    metadata["namespace"] = namespace_of(daemon_set)
    metadata["ownerReferences"] = [owner_ref(daemon_set)]
    spec = _tolerating(copy_of(dict(template["spec"])))
    _pin(spec, node)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _pin(spec: NewObject, node: str) -> None:
    affinity: NewObject = spec.setdefault("affinity", {})
    of_node: NewObject = affinity.setdefault("nodeAffinity", {})
    required: NewObject = of_node.setdefault("requiredDuringSchedulingIgnoredDuringExecution", {})
    rule = {"key": "metadata.name", "operator": "In", "values": [node]}
    required["nodeSelectorTerms"] = [{"matchFields": [rule]}]


def _tolerating(spec: NewObject) -> NewObject:
    """Return the spec with the tolerations of every daemon; one of the same key and effect is replaced."""
    wanted = [*TOLERATED, *([OF_HOST_NETWORK] if spec.get("hostNetwork") else [])]
    tolerations: list[Mapping[str, Any]] = list(spec.get("tolerations") or ())
    for key, effect in wanted:
        new = {"key": key, "operator": "Exists", "effect": effect}
        same = [
            place for place, each in enumerate(tolerations) if (each.get("key"), each.get("effect")) == (key, effect)
        ]
        if same:
            tolerations[same[0]] = new
        else:
            tolerations.append(new)
    return {**spec, "tolerations": tolerations}


def belongs(daemon_set: Object, node: Object) -> tuple[bool, bool]:
    """Return whether a pod should run on the node, and whether one that is there may stay."""
    spec = _tolerating(dict(spec_of(daemon_set)["template"]["spec"]))
    if not fits(spec, node):
        return False, False
    if repelled(spec, node) is not None:
        return False, repelled(spec, node, ("NoExecute",)) is None
    return True, True
