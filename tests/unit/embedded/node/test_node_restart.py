"""A node that begins with pods of before: their processes are lost, and it goes on as a kubelet does after a reboot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.unit.embedded.node.test_pods import container, pod
from tests.unit.embedded.small_cluster import Small, deployment, play
from volary.embedded.api.local import NewObject
from volary.embedded.api.restoring import clone
from volary.embedded.controllers import World, controllers
from volary.embedded.controllers.objects import ready, status_of
from volary.embedded.node.addresses import Addresses
from volary.embedded.node.node import Node
from volary.embedded.node.pods import Setting
from volary.embedded.node.simulated_processes import SimulatedProcesses


@asynccontextmanager
async def rebooted(cluster: Small) -> AsyncIterator[Small]:
    """Give a cluster that begins as this one is now, as after a restart of the whole."""
    clock = cluster.world.clock
    api = clone(cluster.api, "again", clock.now, clock.rng, clock.new_id)
    world = World(api.local, clock)
    manager = controllers(world)
    manager.start(asyncio.get_running_loop())
    processes = SimulatedProcesses(1.0)
    node = Node(world, processes, Addresses(2), Setting(), lease_seconds=None)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(node.run())
        yield Small(api, api.local, world, manager, node, processes, [])
        running.cancel()
    manager.stop()


def test_pods_are_started_again_and_it_counts_as_a_restart() -> None:
    async def story(before: Small) -> None:
        before.local.create("apps/deployments", deployment(2), "kubectl")
        await asyncio.sleep(20)
        names = [it["metadata"]["uid"] for it in before.pods()]
        async with rebooted(before) as after:
            await asyncio.sleep(0.5)
            assert [ready(it) for it in after.pods()] == [False, False]
            await asyncio.sleep(20)
            assert [it["metadata"]["uid"] for it in after.pods()] == names  # the same pods
            for found in after.pods():
                (state,) = status_of(found)["containerStatuses"]
                assert state["restartCount"] == 1
                assert (state["lastState"]["terminated"]["exitCode"], state["ready"]) == (255, True)
                assert status_of(found)["podIP"].startswith("10.2.")

    play(story)


def with_policy(policy: str) -> NewObject:
    made = pod()
    made["spec"]["restartPolicy"] = policy
    return made


@pytest.mark.parametrize(
    ("policy", "code", "phase", "restarts"),
    [
        ("Never", None, "Failed", 0),
        ("OnFailure", None, "Running", 1),
        ("Always", 0, "Running", 2),  # started again before the restart, and after it
        ("OnFailure", 0, "Succeeded", 0),
        ("Never", 3, "Failed", 0),
    ],
)
def test_what_becomes_of_a_pod_goes_by_its_restart_policy(
    policy: str, code: int | None, phase: str, restarts: int
) -> None:
    async def story(before: Small) -> None:
        before.local.create("/pods", with_policy(policy), "kubectl")
        await asyncio.sleep(5)
        if code is not None:
            before.processes.started[0].end(code)
            await asyncio.sleep(5)
        async with rebooted(before) as after:
            await asyncio.sleep(20)
            state: Any = container(after)
            assert status_of(after.get("/pods", "one"))["phase"] == phase
            assert state["restartCount"] == restarts
            assert len(after.processes.started) == (phase == "Running")

    play(story)
