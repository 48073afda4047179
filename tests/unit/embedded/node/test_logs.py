"""The log of a container's life before: only of one that had such a life."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.embedded.node.test_pods import pod
from tests.unit.embedded.small_cluster import Small, play
from volary.embedded.api.answers import Logs
from volary.embedded.api.errors import Problem
from volary.embedded.inside import Inside


def test_only_a_container_that_was_started_again_has_a_log_of_before() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/pods", pod(), "kubectl")
        await asyncio.sleep(2)
        inside = Inside(cluster.local, cluster.node, lambda *_: None)
        name = cluster.pods()[0]["spec"]["containers"][0]["name"]
        before = Logs("test", "one", name, {"previous": "true"})
        with pytest.raises(Problem) as refused:
            await inside.logs(before)
        assert str(refused.value) == f'previous terminated container "{name}" in pod "one" not found'
        cluster.processes.started[0].end(1)
        await asyncio.sleep(2)
        assert [each async for each in await inside.logs(before)] == [b""]

    play(story)
