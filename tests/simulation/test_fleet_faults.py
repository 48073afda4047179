"""Bad luck from a seed on every way: 409, 429, 500, dropped and late watches, a cluster that goes dark and returns.

The seed is in the test's name; while faults last nothing unsafe may happen, and once they end the run must too.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.simulation.fleet_scene import Scene, program, site
from volary.kube.objects import dig
from volary.kube.resources import FLEET_ROLLOUT_RUNS
from volary.kube.transport import Transport
from volary.sim.faults import ROUGH, Faulty
from volary.sim.loop import run_virtually


async def watch_safety(fleet: Scene) -> None:
    """Look every second: east gets the commit only once west is verified, or has been."""
    while True:
        await asyncio.sleep(1)
        pins = await fleet.pins()
        run = await fleet.hub.get(FLEET_ROLLOUT_RUNS, "podinfo-ddddddd", "apps")
        if pins["east"] == "d":
            west = dig(run, "status", "clusters", 0) or {}
            assert west.get("verifiedAt"), f"east is pinned and west is {west}"


async def rough(seed: int, bad: bool) -> tuple[str, dict[str, str], str]:
    ways: list[Faulty] = []

    def wrap(name: str, transport: Transport) -> Transport:
        ways.append(Faulty(transport, f"{seed} {name}", replace(ROUGH, late_seconds=8)))
        return ways[-1]

    async with site() as fleet:
        async with program(fleet):
            await fleet.installed()
        if bad:
            fleet.bad["east"].add("v4")
        async with asyncio.TaskGroup() as group:
            watcher = group.create_task(watch_safety(fleet))
            async with program(fleet, wrap):
                await fleet.push("d", "v4")
                await asyncio.sleep(20 + seed)
                ways[seed % 2].dark_for(45)
                await asyncio.sleep(100)
                for way in ways:
                    way.calm()
                run = await fleet.ended("podinfo-ddddddd")
                await asyncio.sleep(60)
            watcher.cancel()
        return str(run["status"]["phase"]), await fleet.pins(), "; ".join(str(way) for way in ways)


@pytest.mark.parametrize("seed", range(4))
def test_a_good_commit_arrives_whatever_the_luck(seed: int) -> None:
    phase, pins, luck = run_virtually(rough(seed, bad=False))
    print(luck)
    assert (phase, pins) == ("Succeeded", {"west": "d", "east": "d"}), luck


@pytest.mark.parametrize("seed", range(4, 8))
def test_a_bad_commit_is_taken_back_whatever_the_luck(seed: int) -> None:
    phase, pins, luck = run_virtually(rough(seed, bad=True))
    print(luck)
    assert (phase, pins) == ("RolledBack", {"west": "a", "east": "a"}), luck
