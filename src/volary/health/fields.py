"""What of an object a verdict depends on, so that a cache need keep no more."""

from __future__ import annotations

from volary.kube.keeping import Packed

HEALTH = Packed(
    "status",
    "spec.clusterIP",
    "spec.progressDeadlineSeconds",
    "spec.replicas",
    "spec.suspend",
    "spec.type",
    "spec.updateStrategy",
)
