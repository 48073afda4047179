"""What only real API machinery shows: field managers, stale looks, crashes, clocks, silence at rest."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.simulation.fleet_scene import FLEET_ROLLOUT, Scene, program, scene, site
from volary.fleet.hub import Hub
from volary.fleet.names import PINNED_BY, PREVIOUS
from volary.fleet.observe import Observer
from volary.fleet.plan import Pin
from volary.fleet.spec import Ref
from volary.kube.objects import annotations_of, dig
from volary.kube.resources import FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS, GIT_REPOSITORIES
from volary.kube.transport import Request, Response, Transport
from volary.runtime.errors import TryAgain
from volary.sim.faults import Faulty
from volary.sim.loop import run_virtually


async def repository(fleet: Scene, name: str) -> dict[str, Any]:
    found = await fleet.sites[name].client.get(GIT_REPOSITORIES, "podinfo", "apps")
    assert found is not None
    return found


async def hold(fleet: Scene, run: str, seconds: float = 600) -> dict[str, Any]:
    """Wait for a hold of a run and return it."""

    async def there() -> bool:
        found = await fleet.hub.get(FLEET_ROLLOUT_RUNS, run, "apps")
        return bool(dig(found, "status", "hold"))

    await fleet.until(there, seconds)
    return dict(dig(await fleet.run(run), "status", "hold"))


def test_a_pin_is_three_fields_of_our_manager_and_the_branch_stays() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            await fleet.push("b", "v2")
            await fleet.ended("podinfo-bbbbbbb")
            west = await repository(fleet, "west")
            assert west["spec"]["ref"] == {"branch": "main", "commit": "b" * 40}
            assert annotations_of(west)[PINNED_BY] == "apps/podinfo"
            assert annotations_of(west)[PREVIOUS] == "a" * 40
            ours = [entry for entry in west["metadata"]["managedFields"] if entry["manager"] == "volary-fleet"]
            assert [entry["operation"] for entry in ours] == ["Apply"]
            assert set(ours[0]["fieldsV1"]) == {"f:metadata", "f:spec"}
            assert ours[0]["fieldsV1"]["f:spec"] == {"f:ref": {"f:commit": {}}}

    run_virtually(story())


def test_a_pin_edited_by_hand_holds_the_run_until_a_person_says_take_pin() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            fleet.git.versions["e" * 40] = "v9"
            edit = {"spec": {"ref": {"commit": "e" * 40}}}
            await fleet.sites["west"].client.patch(GIT_REPOSITORIES, "podinfo", edit, "apps", manager="kubectl-edit")
            await fleet.push("b", "v2")
            found = await hold(fleet, "podinfo-bbbbbbb")
            assert (found["reason"], found["cluster"]) == ("DeliveryDrift", "west")
            assert 'set by "kubectl-edit"' in found["message"]
            assert (await fleet.pins())["west"] == "e"
            said = {"metadata": {"annotations": {"volary.dev/take-pin": "west", "volary.dev/by": "ann"}}}
            await fleet.hub.patch(FLEET_ROLLOUT_RUNS, "podinfo-bbbbbbb", said, "apps")
            run = await fleet.ended("podinfo-bbbbbbb")
            assert run["status"]["phase"] == "Succeeded"
            assert run["status"]["decisions"][0]["state"] == "take-pin west"
            assert not annotations_of(run)

    run_virtually(story())


def test_a_pin_that_a_tool_removed_is_put_back_with_a_warning() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            gone = {"spec": {"ref": {"commit": None}}, "metadata": {"annotations": None}}
            await fleet.sites["west"].client.patch(GIT_REPOSITORIES, "podinfo", gone, "apps", manager="tool")
            await asyncio.sleep(5)
            assert (await fleet.pins())["west"] == "a"
            assert "west: the pin to aaaaaaa was gone and is put back" in await fleet.said("FleetRollout")

    run_virtually(story())


def test_a_former_leader_that_wakes_up_cannot_write_an_old_decision() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            old = await repository(fleet, "west")
            await fleet.push("b", "v2")
            await fleet.ended("podinfo-bbbbbbb")
            cluster = fleet.members.members["west"].cluster
            assert cluster is not None
            hub = Hub(cluster, fleet.members, lambda: True)
            stale = Pin("west", "a" * 40, "", old["metadata"]["resourceVersion"])
            with pytest.raises(TryAgain, match="changed meanwhile"):
                await hub.write_pins([stale], Ref("apps", "podinfo"), "apps/podinfo", Observer(hub.clock, print))
            assert (await fleet.pins())["west"] == "b"

    run_virtually(story())


def test_who_does_not_lead_writes_nothing() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            fleet.leading = False
            await fleet.push("b", "v2")
            await asyncio.sleep(120)
            assert not (await fleet.hub.list(FLEET_ROLLOUT_RUNS, "apps")).items
            fleet.leading = True
            run = await fleet.ended("podinfo-bbbbbbb")
            assert run["status"]["phase"] == "Succeeded"

    run_virtually(story())


class Counting:
    """A transport that remembers what was asked."""

    fleet: Scene

    def __init__(self, inner: Transport, asked: list[str]) -> None:
        self.inner = inner
        self.asked = asked

    async def request(self, request: Request) -> Response:
        self.asked.append(f"{request.method} {request.path}")
        return await self.inner.request(request)

    def stream(self, request: Request) -> Any:
        return self.inner.stream(request)

    async def close(self) -> None:
        await self.inner.close()


def test_at_rest_there_is_no_request_besides_the_watches() -> None:
    asked: list[str] = []

    async def story() -> None:
        async with scene(wrap=lambda name, transport: Counting(transport, asked)) as fleet:
            await fleet.installed()
            await fleet.push("b", "v2")
            await fleet.ended("podinfo-bbbbbbb")
            await asyncio.sleep(60)
            asked.clear()
            await asyncio.sleep(3600)
            assert asked == []

    run_virtually(story())


def test_east_sees_no_write_until_west_is_proven() -> None:
    writes: list[tuple[str, str]] = []  # how west stood in the hub, and the request to east

    class East(Counting):
        async def request(self, request: Request) -> Response:
            if request.method != "GET":
                run = await self.fleet.hub.get(FLEET_ROLLOUT_RUNS, "podinfo-bbbbbbb", "apps")
                writes.append((str(dig(run, "status", "clusters", 0, "phase")), request.method))
            return await super().request(request)

    def watch_east(name: str, transport: Transport) -> Transport:
        return East(transport, []) if name == "east" else transport

    async def story() -> None:
        async with scene(wrap=watch_east) as fleet:
            East.fleet = fleet
            await fleet.installed()
            writes.clear()
            await fleet.push("b", "v2")
            assert (await fleet.ended("podinfo-bbbbbbb"))["status"]["phase"] == "Succeeded"
            assert writes == [("Verified", "PATCH")], "one pin, after the proof, and nothing else"

    run_virtually(story())


@pytest.mark.parametrize("hours", [-1, 1])
def test_deadlines_go_by_the_hubs_clock_when_ours_is_an_hour_off(hours: int) -> None:
    async def story() -> None:
        async with scene(skew=timedelta(hours=hours)) as fleet:
            await fleet.installed()
            fleet.sites["west"].asleep = True  # Flux stands still there: only the deadline can end it
            began = asyncio.get_running_loop().time()
            await fleet.push("b", "v2")

            async def failed() -> bool:
                found = await fleet.hub.get(FLEET_ROLLOUT_RUNS, "podinfo-bbbbbbb", "apps")
                return bool(dig(found, "status", "clusters", 0, "failure") == "ProgressDeadlineExceeded")

            await fleet.until(failed, 4000)
            minutes = (asyncio.get_running_loop().time() - began) / 60
            assert 29.9 < minutes < 31

    run_virtually(story())


def test_an_unmodified_run_of_the_program_writes_the_same_status_twice_never() -> None:
    asked: list[str] = []

    async def story() -> None:
        async with scene(wrap=lambda name, transport: Counting(transport, asked)) as fleet:
            await fleet.installed()
            await fleet.push("b", "v2")
            await fleet.ended("podinfo-bbbbbbb")
            statuses = [line for line in asked if line.startswith("PUT") and "fleetrolloutruns" in line]
            assert len(statuses) < 60, "two clusters, five steps each, and their turns"

    run_virtually(story())


async def crashing(server: str, writes: int) -> tuple[str, dict[str, str], bool]:
    """Let the program die after its n-th write to one server, start another, and return how the run ended."""
    made: dict[str, Faulty] = {}

    def wrap(name: str, transport: Transport) -> Transport:
        made[name] = Faulty(transport, f"{name} {writes}")
        return made[name]

    crashed = False
    async with site() as fleet:
        async with program(fleet):
            await fleet.installed()
        fleet.bad["east"].add("v4")
        await fleet.push("d", "v4")
        try:
            async with program(fleet, wrap):
                made[server].crash_after(writes)
                await fleet.ended("podinfo-ddddddd")
        except BaseExceptionGroup:
            crashed = True
        async with program(fleet):
            run = await fleet.ended("podinfo-ddddddd")
            await asyncio.sleep(30)
        return str(run["status"]["phase"]), await fleet.pins(), crashed


@pytest.mark.parametrize(("server", "most"), [("hub", 120), ("west", 4), ("east", 4)])
def test_a_crash_at_any_write_changes_nothing_in_the_outcome(server: str, most: int) -> None:
    crashes = 0
    for writes in range(0, most, 6 if server == "hub" else 1):
        phase, pins, crashed = run_virtually(crashing(server, writes))
        assert phase == "RolledBack", writes
        assert pins == {"west": "a", "east": "a"}, writes
        crashes += crashed
        if not crashed:
            break
    print(f"{crashes} crashes")
    assert crashes >= min(most, 2)
    assert crashes < most, "the last one did not reach the end"


def test_releasing_the_pins_lets_each_member_follow_its_branch() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            body = {"metadata": {"annotations": {"volary.dev/release-pins": "true"}}}
            await fleet.hub.patch(FLEET_ROLLOUTS, "podinfo", body, "apps")
            await fleet.hub.delete(FLEET_ROLLOUTS, "podinfo", "apps")
            await asyncio.sleep(10)
            assert await fleet.hub.get(FLEET_ROLLOUTS, "podinfo", "apps") is None
            west = await repository(fleet, "west")
            assert west["spec"]["ref"] == {"branch": "main"}
            assert PINNED_BY not in annotations_of(west)

    run_virtually(story())


def test_deleting_keeps_the_pins_and_creating_again_moves_nothing() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            await fleet.hub.delete(FLEET_ROLLOUTS, "podinfo", "apps")
            await asyncio.sleep(10)
            assert await fleet.pins() == {"west": "a", "east": "a"}
            await fleet.push("b", "v2")
            await fleet.hub.create(FLEET_ROLLOUTS, FLEET_ROLLOUT)
            await asyncio.sleep(60)
            assert await fleet.pins() == {"west": "a", "east": "a"}
            assert not (await fleet.hub.list(FLEET_ROLLOUT_RUNS, "apps")).items
            status = (await fleet.rollout())["status"]
            assert status["handled"] == "b" * 40

    run_virtually(story())
