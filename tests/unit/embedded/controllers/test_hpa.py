from __future__ import annotations

import asyncio
from typing import Any

from tests.unit.embedded.small_cluster import Small, deployment, play, set_replicas
from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.hpa import METRIC_VALUE
from volary.embedded.controllers.objects import condition, spec_of, status_of

AUTOSCALERS = "autoscaling/horizontalpodautoscalers"


def autoscaler(value: str | None = None, **spec: Any) -> NewObject:
    target = {"type": "Utilization", "averageUtilization": 99}
    metadata: NewObject = {"name": "podinfo", "namespace": "test"}
    if value is not None:
        metadata["annotations"] = {METRIC_VALUE: value}
    body = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
        "minReplicas": 2,
        "maxReplicas": 4,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        **spec,
    }
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": body}


def measure(cluster: Small, value: str) -> None:
    def change(obj: NewObject) -> None:
        obj["metadata"].setdefault("annotations", {})[METRIC_VALUE] = value

    cluster.change(change, AUTOSCALERS)


def reason(cluster: Small, kind: str) -> str:
    found: Object = cluster.get(AUTOSCALERS, "podinfo")
    return str((condition(found, kind) or {}).get("reason"))


def test_a_raised_metric_makes_four_pods_of_two() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(1), "kubectl")
        cluster.local.create(AUTOSCALERS, autoscaler(), "kubectl")
        await asyncio.sleep(5)
        assert len(cluster.pods()) == 2
        measure(cluster, "150")
        await asyncio.sleep(60)
        assert len(cluster.pods()) == 4
        assert reason(cluster, "ScalingLimited") == "TooManyReplicas"
        assert cluster.messages("SuccessfulRescale") == [
            "New size: 2; reason: Current number of replicas below Spec.MinReplicas",
            "New size: 4; reason: cpu resource utilization (percentage of request) above target",
        ]
        status = status_of(cluster.get(AUTOSCALERS, "podinfo"))
        assert (status["currentReplicas"], status["desiredReplicas"]) == (4, 4)
        assert status["currentMetrics"][0]["resource"]["current"]["averageUtilization"] == 150

    play(story)


def test_scaling_down_waits_for_its_window() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(4), "kubectl")
        cluster.local.create(AUTOSCALERS, autoscaler("99"), "kubectl")
        await asyncio.sleep(60)
        measure(cluster, "10")
        await asyncio.sleep(200)
        assert len(cluster.pods()) == 4
        assert reason(cluster, "AbleToScale") == "ScaleDownStabilized"
        await asyncio.sleep(200)
        assert len(cluster.pods()) == 2

    play(story)


def test_a_target_at_zero_is_left_there() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(2), "kubectl")
        cluster.local.create(AUTOSCALERS, autoscaler("500"), "kubectl")
        cluster.change(set_replicas(0))
        await asyncio.sleep(60)
        assert spec_of(cluster.deployment())["replicas"] == 0
        assert reason(cluster, "ScalingActive") == "ScalingDisabled"

    play(story)


def test_within_the_tolerance_nothing_changes_and_nothing_is_written() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(3), "kubectl")
        cluster.local.create(AUTOSCALERS, autoscaler("105"), "kubectl")
        await asyncio.sleep(60)
        before = len(cluster.writes)
        await asyncio.sleep(600)
        assert len(cluster.pods()) == 3
        assert reason(cluster, "ScalingActive") == "ValidMetricFound"
        assert len(cluster.writes) == before

    play(story)


def test_a_target_that_is_not_there_is_said() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create(AUTOSCALERS, autoscaler(), "kubectl")
        await asyncio.sleep(1)
        assert reason(cluster, "AbleToScale") == "FailedGetScale"

    play(story)
