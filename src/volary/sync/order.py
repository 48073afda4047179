"""In which order objects are written and deleted: what others stand on first, and taken away last. Pure.

A stage is written as a whole before the next is looked at; after the first two, what they brought must be usable.
Source: Flux, fluxcd/pkg/ssa, apply stages and sort order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from volary.kube.objects import Object, name_of, namespace_of
from volary.sync.spec import ObjectId

FIRST = (
    "CustomResourceDefinition", "Namespace", "ClusterRole", "ClusterClass", "RuntimeClass", "PriorityClass",
    "StorageClass", "VolumeSnapshotClass", "IngressClass", "GatewayClass", "ClusterRoleBinding", "ResourceQuota",
    "ServiceAccount", "Role", "RoleBinding", "ConfigMap", "Secret", "Service", "LimitRange", "Deployment",
    "StatefulSet", "CronJob", "PodDisruptionBudget",
)  # fmt: skip
LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
RANKS = {kind: at - len(FIRST) for at, kind in enumerate(FIRST)} | {kind: 1 + at for at, kind in enumerate(LAST)}

DEFINITIONS = ("CustomResourceDefinition", "Namespace", "ClusterRole")
STAGES = 3  # definitions, classes, the rest
USABLE_BEFORE_NEXT = ("CustomResourceDefinition", "Namespace")  # kinds whose health the next stage waits for


def id_of(obj: Object) -> ObjectId:
    """Return an object's name in the inventory."""
    group = str(obj["apiVersion"]).rpartition("/")[0]
    return ObjectId(namespace_of(obj), name_of(obj), group, str(obj["kind"]))


def apply_order(entry: ObjectId) -> tuple[int, str, str, str, str]:
    """Return the key by which objects are sorted before they are written."""
    return RANKS.get(entry.kind, 0), entry.group, entry.kind, entry.namespace, entry.name


def stage_of(entry: ObjectId) -> int:
    """Return 0 for what defines things, 1 for classes, 2 for all else."""
    if entry.kind in DEFINITIONS:
        return 0
    return 1 if entry.kind.endswith("Class") else 2


def in_apply_order(objects: Iterable[Object]) -> list[Object]:
    return sorted(objects, key=lambda obj: apply_order(id_of(obj)))


def in_delete_order(entries: Iterable[ObjectId]) -> list[ObjectId]:
    """Return the exact reverse of the order of writing."""
    return sorted(entries, key=apply_order, reverse=True)


def same_kind_runs(objects: Sequence[Object]) -> list[list[Object]]:
    """Cut sorted objects where the kind changes: what is in one run may be written at the same time."""
    runs: list[list[Object]] = []
    for obj in objects:
        if runs and (runs[-1][0]["kind"], runs[-1][0]["apiVersion"]) == (obj["kind"], obj["apiVersion"]):
            runs[-1].append(obj)
        else:
            runs.append([obj])
    return runs
