"""As kube-controller-manager 1.36.3 was seen to write them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from tests.unit.embedded.small_cluster import Small, play, service
from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.endpoints.endpoints import subsets_of
from volary.embedded.controllers.objects import controller_of, labels_of, name_of

SLICES = "discovery.k8s.io/endpointslices"


def pod(name: str, port: int, ready: bool = True, **spec: Any) -> NewObject:
    container = {"name": "main", "ports": [{"name": "http", "containerPort": port}]}
    return {
        "metadata": {"name": name, "namespace": "test", "uid": f"uid-{name}", "labels": {"app": "podinfo"}},
        "spec": {"nodeName": "node-1", "containers": [container], **spec},
        "status": {
            "podIP": f"10.0.0.{name[-1]}",
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def shape(subsets: Sequence[Object]) -> list[tuple[list[str], list[str], list[int]]]:
    """Return who is ready, who is not, and on which ports, of each subset."""
    return [
        (
            [each["targetRef"]["name"] for each in subset.get("addresses", ())],
            [each["targetRef"]["name"] for each in subset.get("notReadyAddresses", ())],
            [each["port"] for each in subset.get("ports", ())],
        )
        for subset in subsets
    ]


PODS = [pod("p1", 9898), pod("p2", 8080), pod("p3", 9898, ready=False, hostname="h", subdomain="podinfo")]


def test_ports_that_share_their_pods_are_one_subset() -> None:
    ports = [{"name": "http", "port": 80, "targetPort": "http"}, {"name": "m", "port": 81, "targetPort": 9797}]
    found = subsets_of(service(ports=ports), PODS)
    assert sorted(shape(found)) == [
        (["p1"], ["p3"], [9898]),
        (["p1", "p2"], ["p3"], [9797]),
        (["p2"], [], [8080]),
    ]


def test_a_headless_service_needs_no_ports_and_one_may_publish_all() -> None:
    found = subsets_of(service(clusterIP="None", ports=None), PODS)
    assert shape(found) == [(["p1", "p2"], ["p3"], [])]
    assert found[0]["notReadyAddresses"][0]["hostname"] == "h"
    published = subsets_of(service(publishNotReadyAddresses=True), PODS)
    assert sorted(shape(published)) == [(["p1", "p3"], [], [9898]), (["p2"], [], [8080])]


def test_a_port_that_no_pod_knows_gives_no_subset() -> None:
    assert subsets_of(service(ports=[{"port": 80, "targetPort": "unknown"}]), PODS) == []


def test_endpoints_that_a_person_wrote_are_mirrored() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/services", service(selector=None), "kubectl")
        cluster.local.create("/endpoints", written(), "kubectl")
        await asyncio.sleep(1)
        (found,) = cluster.local.items(SLICES, "test")
        assert labels_of(found) == {
            "kubernetes.io/service-name": "podinfo",
            "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
        }
        assert (controller_of(found) or {})["kind"] == "Endpoints"
        assert found["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
        assert [(each["addresses"], each["conditions"]) for each in found["endpoints"]] == [
            (["10.1.2.3"], {"ready": True}),
            (["10.1.2.4"], {"ready": False}),
        ]
        cluster.change(lambda obj: obj.update(subsets=[]), "/endpoints")
        await asyncio.sleep(1)
        assert cluster.local.items(SLICES, "test") == []

    play(story)


def written() -> NewObject:
    subset = {"addresses": [{"ip": "10.1.2.3"}], "notReadyAddresses": [{"ip": "10.1.2.4"}], "ports": [{"port": 8080}]}
    metadata = {"name": "podinfo", "namespace": "test"}
    return {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": [subset]}


def test_endpoints_go_with_their_service_and_come_back_while_it_is_there() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/services", service(), "kubectl")
        await asyncio.sleep(1)
        assert name_of(cluster.get("/endpoints")) == "podinfo"
        cluster.local.delete("/endpoints", "test", "podinfo")
        await asyncio.sleep(1)
        assert name_of(cluster.get("/endpoints")) == "podinfo"
        cluster.local.delete("/services", "test", "podinfo")
        await asyncio.sleep(1)
        assert cluster.local.items("/endpoints", "test") == []
        assert cluster.local.items(SLICES, "test") == []

    play(story)
