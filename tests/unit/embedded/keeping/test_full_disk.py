"""A whole cluster while no write can be kept: pods run on, and what happened meanwhile is told once it can be."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.embedded.small_cluster import Small, deployment, play
from volary.embedded.api.errors import Problem, unexpected
from volary.embedded.api.store import Entry
from volary.embedded.controllers.objects import ready, status_of


class Full:
    """A keeper with no space left."""

    def keep(self, resource: str, entry: Entry, old: Entry | None) -> None:
        raise unexpected("database space exceeded")

    def drop(self, resource: str, old: Entry, version: int) -> None:
        raise unexpected("database space exceeded")


async def running(cluster: Small) -> None:
    cluster.local.create("apps/deployments", deployment(2), "kubectl")
    await asyncio.sleep(30)
    assert [ready(pod) for pod in cluster.pods()] == [True, True]


def test_a_pod_that_crashed_meanwhile_is_shown_when_there_is_space_again() -> None:
    async def story(cluster: Small) -> None:
        await running(cluster)
        store = cluster.api.core.store
        store.keeper = Full()
        version = store.version
        for child in cluster.processes.started:
            child.end(3)
        await asyncio.sleep(90)
        assert store.version == version
        assert len(cluster.pods()) == 2  # reads go on
        store.keeper = None
        await asyncio.sleep(60)
        restarts = [status_of(pod)["containerStatuses"][0]["restartCount"] for pod in cluster.pods()]
        assert restarts == [1, 1]
        assert [ready(pod) for pod in cluster.pods()] == [True, True]

    play(story)


def test_a_pod_that_could_not_be_taken_away_goes_when_there_is_space_again() -> None:
    async def story(cluster: Small) -> None:
        await running(cluster)
        store = cluster.api.core.store
        name = cluster.pods()[0]["metadata"]["name"]
        cluster.local.delete("/pods", "test", name)
        store.keeper = Full()
        await asyncio.sleep(90)
        assert cluster.local.get("/pods", "test", name) is not None
        with pytest.raises(Problem, match="space exceeded"):
            cluster.local.delete("apps/deployments", "test", "podinfo")
        store.keeper = None
        await asyncio.sleep(60)
        assert cluster.local.get("/pods", "test", name) is None
        assert [ready(pod) for pod in cluster.pods()] == [True, True]

    play(story)
