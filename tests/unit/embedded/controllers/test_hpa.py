from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.embedded.small_cluster import Small, deployment, play, set_replicas
from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.autoscaling.hpa import METRIC_QUERY, METRIC_VALUE
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


def test_a_script_moves_the_metric_in_time() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(2), "kubectl")
        quick = {"scaleDown": {"stabilizationWindowSeconds": 0}}
        cluster.local.create(AUTOSCALERS, autoscaler("99, 1m=150, 5m=40", behavior=quick), "kubectl")
        seen = []
        for _ in range(3):
            await asyncio.sleep(50)
            seen.append(len(cluster.pods()))
            await asyncio.sleep(70)
        assert seen == [2, 4, 4]
        await asyncio.sleep(60)
        assert len(cluster.pods()) == 2

    play(story)


def test_policies_say_how_fast() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(2), "kubectl")
        one_a_minute = [{"type": "Pods", "value": 1, "periodSeconds": 60}]
        behavior = {
            "scaleUp": {"policies": one_a_minute},
            "scaleDown": {"policies": one_a_minute, "stabilizationWindowSeconds": 30},
        }
        cluster.local.create(AUTOSCALERS, autoscaler("1000", behavior=behavior), "kubectl")
        await asyncio.sleep(30)
        assert spec_of(cluster.deployment())["replicas"] == 3
        assert reason(cluster, "ScalingLimited") == "ScaleUpLimit"
        await asyncio.sleep(170)
        assert spec_of(cluster.deployment())["replicas"] == 4
        measure(cluster, "1")
        await asyncio.sleep(20)
        assert reason(cluster, "AbleToScale") == "ScaleDownStabilized"
        await asyncio.sleep(30)
        assert spec_of(cluster.deployment())["replicas"] == 3
        assert reason(cluster, "ScalingLimited") == "ScaleDownLimit"

    play(story)


def test_a_query_is_asked_again_and_again() -> None:
    async def story(cluster: Small) -> None:
        values: list[float | None] = [None, 99.0, 198.0]
        asked: list[str] = []

        def answer(query: str) -> float | None:
            asked.append(query)
            return values[min(len(asked) - 1, 2)]

        cluster.world.measure = answer
        cluster.local.create("apps/deployments", deployment(2), "kubectl")
        await asyncio.sleep(5)
        measured = autoscaler()
        measured["metadata"]["annotations"] = {METRIC_QUERY: "sum(rate(requests_total[1m]))"}
        cluster.local.create(AUTOSCALERS, measured, "kubectl")
        await asyncio.sleep(1)
        assert reason(cluster, "ScalingActive") == "FailedGetResourceMetric"
        assert "found nothing" in cluster.messages("FailedGetResourceMetric")[0]
        await asyncio.sleep(60)
        assert set(asked) == {"sum(rate(requests_total[1m]))"}
        assert len(cluster.pods()) == 4

    play(story)


@pytest.mark.parametrize("text", ["fast", "1m=", "=5", "1y=5"])
def test_a_script_that_cannot_be_read_is_said(text: str) -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(2), "kubectl")
        cluster.local.create(AUTOSCALERS, autoscaler(text), "kubectl")
        await asyncio.sleep(1)
        assert reason(cluster, "ScalingActive") == "FailedGetResourceMetric"
        assert len(cluster.pods()) == 2

    play(story)


def test_a_custom_resource_with_a_scale_is_scaled() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apiextensions.k8s.io/customresourcedefinitions", fleets(), "kubectl")
        fleet = {"apiVersion": "example.com/v1", "kind": "Fleet", "metadata": {"name": "podinfo", "namespace": "test"}}
        cluster.local.create("example.com/fleets", {**fleet, "spec": {"ships": 1}}, "kubectl")
        target = {"apiVersion": "example.com/v1", "kind": "Fleet", "name": "podinfo"}
        cluster.local.create(AUTOSCALERS, autoscaler("1", scaleTargetRef=target), "kubectl")
        await asyncio.sleep(1)
        assert spec_of(cluster.get("example.com/fleets"))["ships"] == 2
        cluster.change(lambda obj: obj["spec"].update(ships=9), "example.com/fleets")
        await asyncio.sleep(1)
        assert spec_of(cluster.get("example.com/fleets"))["ships"] == 4

    play(story)


def fleets() -> NewObject:
    scale = {"specReplicasPath": ".spec.ships", "statusReplicasPath": ".status.ships"}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}, "scale": scale},
    }
    names = {"plural": "fleets", "kind": "Fleet"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    head = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    return {**head, "metadata": {"name": "fleets.example.com"}, "spec": spec}
