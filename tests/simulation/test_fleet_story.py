"""The story of the fleet, end to end in virtual time: real controllers, embedded servers, scripted members."""

from __future__ import annotations

from tests.simulation.fleet_scene import scene
from volary.kube.objects import dig
from volary.sim.loop import run_virtually


def test_a_good_commit_goes_through_west_and_then_east() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            assert await fleet.pins() == {"west": "a", "east": "a"}
            await fleet.push("b", "v2")
            run = await fleet.ended("podinfo-bbbbbbb")
            assert dig(run, "status", "phase") == "Succeeded", run["status"]
            assert await fleet.pins() == {"west": "b", "east": "b"}

    run_virtually(story())


def test_a_commit_that_fails_in_the_second_cluster_is_taken_back_everywhere() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            fleet.bad["east"].add("v4")
            await fleet.push("d", "v4")
            run = await fleet.ended("podinfo-ddddddd")
            assert dig(run, "status", "phase") == "RolledBack", run["status"]
            assert await fleet.pins() == {"west": "a", "east": "a"}
            assert "66.67% < 99%" in str(dig(run, "status", "clusters", 1, "message"))
            print("\n".join(await fleet.said()))

    run_virtually(story())
