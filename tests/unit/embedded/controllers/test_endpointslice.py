from __future__ import annotations

import asyncio
from typing import Any

from tests.unit.embedded.small_cluster import Small, deployment, play, service, set_replicas
from volary.embedded.api.local import Object
from volary.embedded.controllers.objects import labels_of, name_of

SLICES = "discovery.k8s.io/endpointslices"


def slices(cluster: Small) -> list[Object]:
    return cluster.local.items(SLICES, "test")


def conditions(cluster: Small) -> dict[str, Any]:
    return {each["targetRef"]["name"]: each["conditions"] for each in slices(cluster)[0]["endpoints"]}


def test_a_service_has_a_slice_even_without_pods() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/services", service(), "kubectl")
        await asyncio.sleep(0.1)
        (only,) = slices(cluster)
        assert not only["endpoints"]
        assert labels_of(only)["kubernetes.io/service-name"] == "podinfo"
        assert not cluster.get("/endpoints", "podinfo").get("subsets")

    play(story)


def test_endpoints_follow_readiness_and_a_deleted_pod_stops_being_ready_at_once() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/services", service(), "kubectl")
        cluster.local.create("apps/deployments", deployment(), "kubectl")
        await asyncio.sleep(0.5)
        assert all(not each["ready"] for each in conditions(cluster).values())
        await asyncio.sleep(5)
        assert all(
            each == {"ready": True, "serving": True, "terminating": False} for each in conditions(cluster).values()
        )
        name = name_of(cluster.pods()[0])
        cluster.local.delete("/pods", "test", name)
        await asyncio.sleep(0.01)
        assert conditions(cluster)[name] == {"ready": False, "serving": True, "terminating": True}
        endpoints = cluster.get("/endpoints", "podinfo")
        assert name not in [each["targetRef"]["name"] for each in endpoints["subsets"][0]["addresses"]]
        await asyncio.sleep(5)
        assert name not in conditions(cluster)

    play(story)


def test_a_named_target_port_is_the_pods_and_the_address_is_never_loopback() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/services", service(), "kubectl")
        cluster.local.create("apps/deployments", deployment(1), "kubectl")
        await asyncio.sleep(5)
        (only,) = slices(cluster)
        assert only["ports"] == [{"name": "http", "port": 9898, "protocol": "TCP"}]
        assert [each["addresses"] for each in only["endpoints"]] == [["10.1.0.1"]]

    play(story)


def test_slices_hold_a_hundred_endpoints_and_shrink_again() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/services", service(), "kubectl")
        cluster.local.create("apps/deployments", deployment(120), "kubectl")
        await asyncio.sleep(30)
        assert sorted(len(each["endpoints"]) for each in slices(cluster)) == [20, 100]
        cluster.change(set_replicas(3))
        await asyncio.sleep(30)
        assert [len(each["endpoints"]) for each in slices(cluster)] == [3]

    play(story)


def test_a_service_without_a_selector_is_left_alone() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/services", service(selector=None), "kubectl")
        await asyncio.sleep(1)
        assert slices(cluster) == []

    play(story)


def test_an_external_name_has_no_slices_and_one_that_became_external_keeps_them() -> None:
    async def story(cluster: Small) -> None:
        outside = {"type": "ExternalName", "externalName": "example.com"}
        made = cluster.local.create("/services", service(**outside), "kubectl")
        await asyncio.sleep(1)
        assert slices(cluster) == []
        assert cluster.local.get("/endpoints", "test", "podinfo") is None
        inside = cluster.local.update("/services", {**made, "spec": service()["spec"]}, "kubectl")
        await asyncio.sleep(1)
        assert len(slices(cluster)) == 1
        cluster.local.update("/services", {**inside, "spec": {**service()["spec"], **outside}}, "kubectl")
        await asyncio.sleep(1)
        assert len(slices(cluster)) == 1

    play(story)
