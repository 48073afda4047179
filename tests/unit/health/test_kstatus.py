"""kstatus verdicts, one row a rule."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from volary.health import CURRENT, FAILED, HEALTH, IN_PROGRESS, NOT_FOUND, TERMINATING, verdict_of
from volary.kube.objects import Resource

NOW = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)


def cond(kind: str, status: str = "True", reason: str = "", since: str = "2026-11-24T12:00:00Z") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": reason, "lastTransitionTime": since}


def obj(kind: str, spec: Any = None, status: Any = None, **meta: Any) -> dict[str, Any]:
    group = {"Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1", "ReplicaSet": "apps/v1"}
    other = {"Job": "batch/v1", "CustomResourceDefinition": "apiextensions.k8s.io/v1", "Canary": "flagger.app/v1beta1"}
    version = {**group, **other}.get(kind, "v1")
    return {"apiVersion": version, "kind": kind, "metadata": meta, "spec": spec or {}, "status": status or {}}


AVAILABLE = [cond("Progressing", reason="NewReplicaSetAvailable"), cond("Available")]
FULL = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "readyReplicas": 2, "conditions": AVAILABLE}
ASKED = {"replicas": 2, "progressDeadlineSeconds": 600}


def deployment(spec: Any = None, **status: Any) -> dict[str, Any]:
    return obj("Deployment", ASKED if spec is None else spec, {**FULL, **status})


STATEFUL = {"replicas": 1, "readyReplicas": 1, "currentReplicas": 1, "currentRevision": "a", "updateRevision": "a"}
DAEMON = dict.fromkeys(
    ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"), 2
) | {"observedGeneration": 1}
REPLICAS = {"replicas": 1, "fullyLabeledReplicas": 1, "availableReplicas": 1, "readyReplicas": 1}
CRASH = [{"name": "a", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
UNSCHEDULABLE = cond("PodScheduled", "False", "Unschedulable")
JUST_NOW = cond("PodScheduled", "False", "Unschedulable", "2026-11-24T12:00:20Z")

ROWS: list[tuple[dict[str, Any] | None, str]] = [
    (None, NOT_FOUND),
    (obj("ConfigMap"), CURRENT),
    (obj("ConfigMap", deletionTimestamp="2026-11-24T12:00:00Z"), TERMINATING),
    (obj("Canary", status={"phase": "Progressing", "conditions": [cond("Promoted", "Unknown")]}), CURRENT),
    (obj("Thing", status={"observedGeneration": 1}, generation=2), IN_PROGRESS),
    (obj("Thing", status={"observedGeneration": 2}, generation=2), CURRENT),
    (obj("Thing", status={"conditions": [cond("Ready", "False")]}), IN_PROGRESS),
    (obj("Thing", status={"conditions": [cond("Ready")]}), CURRENT),
    (obj("Thing", status={"conditions": [cond("Reconciling"), cond("Ready")]}), IN_PROGRESS),
    (obj("Thing", status={"conditions": [cond("Stalled"), cond("Ready")]}), FAILED),
    (deployment(), CURRENT),
    (deployment(replicas=1), IN_PROGRESS),
    (deployment(updatedReplicas=1), IN_PROGRESS),
    (deployment(replicas=3), IN_PROGRESS),
    (deployment(availableReplicas=1), IN_PROGRESS),
    (deployment(readyReplicas=1), IN_PROGRESS),
    (deployment(conditions=[cond("Available")]), IN_PROGRESS),
    (deployment({"replicas": 2}, conditions=[cond("Available")]), CURRENT),
    (deployment(conditions=[AVAILABLE[0], cond("Available", "False")]), IN_PROGRESS),
    (deployment(conditions=[cond("Progressing", "False", "ProgressDeadlineExceeded")]), FAILED),
    (obj("Deployment", {"replicas": 0, "progressDeadlineSeconds": 60}, {"conditions": AVAILABLE}), CURRENT),
    (obj("Deployment", {"replicas": 0}, {"replicas": 2, "conditions": AVAILABLE}), IN_PROGRESS),
    (obj("StatefulSet", status=STATEFUL), CURRENT),
    (obj("StatefulSet", status={**STATEFUL, "updateRevision": "b"}), IN_PROGRESS),
    (obj("StatefulSet", status={**STATEFUL, "readyReplicas": 0}), IN_PROGRESS),
    (obj("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}), CURRENT),
    (obj("StatefulSet", {"updateStrategy": {"rollingUpdate": {"partition": 0}}}, STATEFUL), IN_PROGRESS),
    (obj("StatefulSet", {"updateStrategy": {"rollingUpdate": {"partition": 1}}}, STATEFUL), CURRENT),
    (obj("DaemonSet", status=DAEMON, generation=1), CURRENT),
    (obj("DaemonSet", status={**DAEMON, "numberReady": 1}, generation=1), IN_PROGRESS),
    (obj("DaemonSet", generation=1), IN_PROGRESS),
    (obj("ReplicaSet", status=REPLICAS), CURRENT),
    (obj("ReplicaSet", status={**REPLICAS, "readyReplicas": 0}), IN_PROGRESS),
    (obj("ReplicaSet", status={**REPLICAS, "conditions": [cond("ReplicaFailure")]}), IN_PROGRESS),
    (obj("Pod", status={"phase": "Succeeded"}), CURRENT),
    (obj("Pod", status={"phase": "Failed"}), CURRENT),
    (obj("Pod", status={"phase": "Running", "conditions": [cond("Ready")]}), CURRENT),
    (obj("Pod", status={"phase": "Running"}), IN_PROGRESS),
    (obj("Pod", status={"phase": "Running", "containerStatuses": CRASH}), FAILED),
    (obj("Pod", status={"phase": "Pending", "conditions": [UNSCHEDULABLE]}), FAILED),
    (obj("Pod", status={"phase": "Pending", "conditions": [JUST_NOW]}), IN_PROGRESS),
    (obj("Pod"), IN_PROGRESS),
    (obj("PersistentVolumeClaim", status={"phase": "Bound"}), CURRENT),
    (obj("PersistentVolumeClaim", status={"phase": "Pending"}), IN_PROGRESS),
    (obj("Service", {"type": "LoadBalancer"}), IN_PROGRESS),
    (obj("Service", {"type": "LoadBalancer", "clusterIP": "10.0.0.1"}), CURRENT),
    (obj("Job", {"suspend": True}), CURRENT),
    (obj("Job", status={"conditions": [cond("Complete")]}), CURRENT),
    (obj("Job", status={"conditions": [cond("Failed")]}), FAILED),
    (obj("Job", status={"startTime": "2026-11-24T12:00:00Z"}), IN_PROGRESS),
    (obj("CustomResourceDefinition", status={"conditions": [cond("Established")]}), CURRENT),
    (obj("CustomResourceDefinition", status={"conditions": [cond("NamesAccepted", "False")]}), FAILED),
    (obj("CustomResourceDefinition", status={"conditions": [cond("Established", "False", "Installing")]}), IN_PROGRESS),
    (obj("CustomResourceDefinition", status={"conditions": [cond("Established", "False", "Denied")]}), FAILED),
]


@pytest.mark.parametrize(("thing", "status"), ROWS, ids=[f"{i}-{s}" for i, (_, s) in enumerate(ROWS)])
def test_verdict(thing: dict[str, Any] | None, status: str) -> None:
    assert verdict_of(thing, NOW).status == status


def test_a_verdict_depends_on_nothing_but_the_fields_of_health() -> None:
    for thing, _ in ROWS:
        if thing is not None:
            shown = HEALTH.show(HEALTH.pack(thing), Resource(thing["apiVersion"], thing["kind"], ""))
            assert verdict_of(shown, NOW) == verdict_of(thing, NOW)


def test_a_verdict_that_is_not_current_says_why() -> None:
    for thing, status in ROWS:
        if status != CURRENT:
            assert verdict_of(thing, NOW).message
