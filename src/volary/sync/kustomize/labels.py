"""Labels and annotations for a whole set: on the objects, and where asked on their selectors and pod templates.

Source: kustomize, default field specs for commonLabels, labels and commonAnnotations.
"""

from __future__ import annotations

from collections.abc import Mapping

from volary.kube.objects import NewObject
from volary.sync.kustomize.paths import update

TEMPLATES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("ReplicationController", "Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job"),
        ("spec.template.metadata",),
    ),
    "CronJob": ("spec.jobTemplate.metadata", "spec.jobTemplate.spec.template.metadata"),
}
SELECTORS: Mapping[str, tuple[str, ...]] = {  # made where they are missing
    **dict.fromkeys(("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet"), ("spec.selector.matchLabels",)),
    **dict.fromkeys(("Service", "ReplicationController"), ("spec.selector",)),
}
POD_TERMS = (
    *(
        f"spec.template.spec.affinity.{affinity}.{term}.labelSelector.matchLabels"
        for affinity in ("podAffinity", "podAntiAffinity")
        for term in (
            "preferredDuringSchedulingIgnoredDuringExecution[].podAffinityTerm",
            "requiredDuringSchedulingIgnoredDuringExecution[]",
        )
    ),
    "spec.template.spec.topologySpreadConstraints[].labelSelector.matchLabels",
)
OTHER_SELECTORS: Mapping[str, tuple[str, ...]] = {  # only where they are there already
    **dict.fromkeys(("Deployment", "StatefulSet"), POD_TERMS),
    "Job": ("spec.selector.matchLabels",),
    "CronJob": ("spec.jobTemplate.spec.selector.matchLabels",),
    "PodDisruptionBudget": ("spec.selector.matchLabels",),
    "NetworkPolicy": (
        "spec.podSelector.matchLabels",
        "spec.ingress[].from[].podSelector.matchLabels",
        "spec.egress[].to[].podSelector.matchLabels",
    ),
}


def add_labels(obj: NewObject, labels: dict[str, str], selectors: bool, templates: bool) -> None:
    """Put labels on an object that is ours; with `selectors` on its pods and their selectors too."""
    update(obj, "metadata.labels", labels, create=True)
    kind = obj["kind"]
    if selectors or templates:
        for path in TEMPLATES.get(kind, ()):
            update(obj, f"{path}.labels", labels, create=True)
        if kind == "StatefulSet":
            update(obj, "spec.volumeClaimTemplates[].metadata.labels", labels, create=True)
    if selectors:
        for path in SELECTORS.get(kind, ()):
            update(obj, path, labels, create=True)
        for path in OTHER_SELECTORS.get(kind, ()):
            update(obj, path, labels, create=False)


def add_annotations(obj: NewObject, annotations: dict[str, str]) -> None:
    """Put annotations on an object that is ours, and on the pods it makes."""
    update(obj, "metadata.annotations", annotations, create=True)
    for path in TEMPLATES.get(obj["kind"], ()):
        update(obj, f"{path}.annotations", annotations, create=True)
