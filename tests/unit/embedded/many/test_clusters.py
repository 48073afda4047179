"""Clusters by name, each with controllers of its own, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from tests.unit.embedded.small_cluster import deployment
from volary.embedded.api.server import ApiServer
from volary.embedded.api.store import SMALL_RING
from volary.embedded.clusters import Clusters, Style, Taken
from volary.kube.transport import Request, Response
from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test"}}


def within(story: Callable[[Clusters], Awaitable[None]]) -> None:
    """Tell a story of clusters that are let go at its end."""

    async def whole() -> None:
        clusters = Clusters(VirtualClock(), Style(ring=SMALL_RING))
        await story(clusters)
        clusters.close()
        assert len(clusters) == 0

    run_virtually(whole())


def pods(api: ApiServer) -> list[str]:
    return [str(pod["metadata"]["name"]) for pod in api.local.items("/pods", "test")]


def test_a_clone_is_worked_on_by_controllers_of_its_own() -> None:
    async def story(clusters: Clusters) -> None:
        west = clusters.create("west")
        west.local.create("/namespaces", NAMESPACE, "kubectl")
        west.local.create("apps/deployments", deployment(2), "kubectl")
        await asyncio.sleep(1)
        east = clusters.clone("west", "east")
        before = pods(west)
        assert len(before) == 2
        east.local.delete("/pods", "test", before[0])
        east.local.remove("/pods", "test", before[0])
        await asyncio.sleep(1)
        assert pods(west) == before
        assert len(pods(east)) == 2
        assert before[0] not in pods(east)

    within(story)


def test_the_collector_of_a_clone_knows_what_was_there_before() -> None:
    async def story(clusters: Clusters) -> None:
        west = clusters.create("west")
        west.local.create("/namespaces", NAMESPACE, "kubectl")
        west.local.create("apps/deployments", deployment(2), "kubectl")
        await asyncio.sleep(1)
        east = clusters.clone("west", "east")
        east.local.delete("apps/deployments", "test", "podinfo")
        await asyncio.sleep(1)
        assert (len(pods(west)), pods(east)) == (2, [])
        east.local.delete("/namespaces", "", "test")
        await asyncio.sleep(1)
        assert east.local.get("/namespaces", "", "test") is None
        assert west.local.get("/namespaces", "", "test") is not None

    within(story)


def test_nothing_acts_in_a_cluster_that_was_let_go() -> None:
    async def story(clusters: Clusters) -> None:
        gone: list[str] = []
        clusters.on_destroy.append(gone.append)
        west = clusters.create("west")
        clusters.destroy("west")
        assert (gone, list(clusters), "west" in clusters) == (["west"], [], False)
        west.local.create("/namespaces", NAMESPACE, "kubectl")
        west.local.create("apps/deployments", deployment(2), "kubectl")
        await asyncio.sleep(1)
        assert pods(west) == []

    within(story)


def test_a_name_is_given_once_and_must_be_known() -> None:
    async def story(clusters: Clusters) -> None:
        clusters.create("west")
        with pytest.raises(Taken, match='a cluster named "west" already'):
            clusters.create("west")
        with pytest.raises(Taken, match='a cluster named "west" already'):
            clusters.clone("west", "west")
        with pytest.raises(KeyError):
            clusters.clone("east", "north")
        assert clusters["west"].name == "west"

    within(story)


def test_clusters_and_their_clones_are_of_the_version_asked_for() -> None:
    async def whole() -> None:
        clusters = Clusters(VirtualClock(), Style(version="1.33"))
        clusters.create("west")
        east = clusters.clone("west", "east")
        answer = east.handle(Request("GET", "/version"))
        assert isinstance(answer, Response)
        assert msgspec.json.decode(answer.body)["minor"] == "33"
        clusters.close()

    run_virtually(whole())
