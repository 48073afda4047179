"""The guard of the simulation sees what it is there for: each wrong done by hand is named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from volary.demo.world import HUB_NAMESPACE, NAMESPACE
from volary.kube.client import STRATEGIC
from volary.kube.objects import NewObject
from volary.kube.resources import DEPLOYMENTS, GIT_REPOSITORIES, VIRTUAL_SERVICES
from volary.sim.guard import Guard
from volary.sim.loop import run_virtually
from volary.sim.stage import VirtualStage, staged

Wrong = Callable[[VirtualStage], Awaitable[None]]


def template(version: str) -> NewObject:
    container = {"name": "podinfod", "image": f"ghcr.io/stefanprodan/podinfo:{version}"}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


async def promote_unmeasured(stage: VirtualStage) -> None:
    client = stage.clusters["west"].client("kubectl")
    await client.patch(DEPLOYMENTS, "podinfo-primary", template("6.0.9"), NAMESPACE, STRATEGIC)


async def skip_west(stage: VirtualStage) -> None:
    client = stage.clusters["east"].client("kubectl")
    await client.patch(DEPLOYMENTS, "podinfo", template("6.0.9"), NAMESPACE, STRATEGIC)


async def send_traffic_nowhere(stage: VirtualStage) -> None:
    client = stage.clusters["west"].client("kubectl")
    route = await client.get(VIRTUAL_SERVICES, "podinfo", NAMESPACE)
    assert route is not None
    route["spec"]["http"][0]["route"][0]["weight"], route["spec"]["http"][0]["route"][1]["weight"] = 50, 50
    await client.update(VIRTUAL_SERVICES, route)


async def go_forward_again(stage: VirtualStage) -> None:
    assert await stage.acts(4) != []
    body = {"spec": {"ref": {"commit": stage.project.commits[3]}}}
    client = stage.clusters["west"].client("kubectl")
    await client.patch(GIT_REPOSITORIES, "podinfo", body, HUB_NAMESPACE, manager="kubectl-edit")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (promote_unmeasured, "west promoted 6.0.9"),
        (skip_west, "east got 6.0.9"),
        (send_traffic_nowhere, "west: 100.0 requests found no ready pod"),
        (go_forward_again, "after its way back had begun"),
    ],
)
def test_what_must_not_be_is_seen(wrong: Wrong, sentence: str) -> None:
    async def story() -> None:
        async with staged() as stage:
            guard, process = Guard(stage), stage.start()
            assert await stage.acts(1) == []
            if wrong is send_traffic_nowhere:  # the program would put it right before anybody is lost
                process.restart_seconds = 3600.0
                process.kill()
            await wrong(stage)
            await asyncio.sleep(1)
            assert [found for found in guard.check() if sentence in found] != [], guard.check()

    run_virtually(story())
