"""Simulated bad luck: each kind does what it says, the same seed does the same, and informers get over it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.kube.fake_server import FakeServer
from volary.kube.client import Client
from volary.kube.errors import ApiError, Unreachable
from volary.kube.objects import key_of, version_of
from volary.kube.resources import CONFIG_MAPS
from volary.kube.transport import Request
from volary.runtime.informer import Informer
from volary.sim.clock import VirtualClock
from volary.sim.faults import CALM, ROUGH, Crash, Faulty, Rates
from volary.sim.loop import run_virtually

MAPS = "api/v1/configmaps"


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "apps"}}


async def create(faulty: Faulty, name: str) -> str:
    """Return what became of a write."""
    try:
        await Client(faulty).create(CONFIG_MAPS, config_map(name))
    except ApiError as error:
        return f"{error.code} {error.after.total_seconds():g}" if error.after else str(error.code)
    except Unreachable as error:
        return error.reason
    return "ok"


@pytest.mark.parametrize(
    ("rates", "told", "written"),
    [
        (Rates(conflict=1), "409", 0),
        (Rates(too_many=1), "429 1", 0),
        (Rates(server_error=1), "500", 0),
        (Rates(drop_before=1), "Reset", 0),
        (Rates(drop_after=1), "Reset", 1),
        (Rates(), "ok", 1),
    ],
)
def test_each_fault_is_what_it_says(rates: Rates, told: str, written: int) -> None:
    async def main() -> None:
        server = FakeServer()
        faulty = Faulty(server, 1, rates)
        assert await create(faulty, "a") == told
        assert len(server.objects) == faulty.tally.writes == written
        faulty.calm()
        assert await create(faulty, "b") == "ok"

    run_virtually(main())


def test_a_dark_cluster_answers_nothing_and_comes_back() -> None:
    async def main() -> None:
        faulty = Faulty(FakeServer(), 1)
        faulty.dark_for(100)
        assert await create(faulty, "a") == "Timeout"
        assert asyncio.get_running_loop().time() == 30
        await asyncio.sleep(71)
        assert await create(faulty, "a") == "ok"

    run_virtually(main())


@pytest.mark.parametrize("dies_after", [0, 1, 3])
def test_the_program_dies_at_its_nth_write_and_stays_dead(dies_after: int) -> None:
    async def main() -> None:
        server, seen = FakeServer(), list[Request]()
        faulty = Faulty(server, 1, CALM, seen.append)
        faulty.crash_after(dies_after)
        for number in range(dies_after - 1):
            assert await create(faulty, f"m{number}") == "ok"
        with pytest.raises(Crash):
            await create(faulty, "last")
        assert len(server.objects) == len(seen) == dies_after
        with pytest.raises(Crash):
            await Client(faulty).get(CONFIG_MAPS, "m0", "apps")
        assert str(faulty).endswith("crash=1")

    run_virtually(main())


@pytest.mark.parametrize("seconds", [30, 200])
def test_nothing_comes_through_the_dark_until_it_is_light(seconds: int) -> None:
    async def main() -> None:
        server = FakeServer()
        faulty = Faulty(server, 1)
        informer = Informer(Client(faulty), CONFIG_MAPS, VirtualClock())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(informer.run())
            await informer.synced.wait()
            await asyncio.sleep(20)
            faulty.dark_for(seconds)
            server.put(MAPS, config_map("a"), "apps")
            await asyncio.sleep(seconds - 1)
            assert informer.items() == []
            assert (informer.trouble is None) == (seconds == 30)  # the silence was too short to be noticed
            await asyncio.sleep(1 if seconds == 30 else 100)
            assert [key_of(obj) for obj in informer.items()] == ["apps/a"]
            task.cancel()

    run_virtually(main())


def test_not_even_the_end_of_a_watch_comes_through_the_dark() -> None:
    async def main() -> None:
        server = FakeServer()
        faulty = Faulty(server, 1)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(Informer(Client(faulty), CONFIG_MAPS, VirtualClock()).run())
            await asyncio.sleep(44)
            faulty.dark_for(14)
            await asyncio.sleep(13)  # the server ended the watch 12 s ago
            assert faulty.tally.requests == 2
            await asyncio.sleep(2)
            assert (faulty.tally.requests, faulty.tally.faults) == (3, {})
            task.cancel()

    run_virtually(main())


class World:
    """An informer behind a rough line, and somebody who writes by a good one."""

    def __init__(self, seed: int) -> None:
        self.server = FakeServer()
        self.faulty = Faulty(self.server, seed, ROUGH)
        self.clock = VirtualClock(seed)
        self.informer = Informer(Client(self.faulty), CONFIG_MAPS, self.clock)
        self.told: list[str] = []
        self.informer.listen(lambda old, new: self.told.append(f"{key_of(new or old or {})}@{version_of(new or {})}"))

    async def live(self) -> None:
        chance = self.clock.rng
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.informer.run())
            for number in range(200):
                await asyncio.sleep(chance.uniform(0, 20))
                self.server.put(MAPS, config_map(chance.choice("abcdefgh")), "apps")
                if number % 20 == 7:
                    self.faulty.dark_for(chance.uniform(5, 200))
                if number % 30 == 11:
                    self.server.forget()
            self.faulty.calm()
            await asyncio.sleep(120)
            task.cancel()

    def true(self) -> bool:
        there = {f"{key[1]}/{key[2]}": obj["metadata"]["resourceVersion"] for key, obj in self.server.objects.items()}
        return {key_of(obj): version_of(obj) for obj in self.informer.items()} == there


@pytest.mark.parametrize("seed", range(15))
def test_an_informer_is_true_again_once_luck_is_and_tells_each_state_once(seed: int) -> None:
    world = World(seed)
    run_virtually(world.live())
    assert world.true(), str(world.faulty)
    assert len(world.told) == len(set(world.told)), str(world.faulty)
    assert sum(world.faulty.tally.faults.values()) > 5, "there was bad luck at all"


def test_the_same_seed_has_the_same_luck() -> None:
    first, again, other = World(1), World(1), World(2)
    for world in (first, again, other):
        run_virtually(world.live())
    assert (first.told, str(first.faulty)) == (again.told, str(again.faulty))
    assert first.told != other.told


def test_a_late_watch_is_late_as_a_whole_and_in_order() -> None:
    async def main() -> None:
        server = FakeServer()
        faulty = Faulty(server, 3, Rates(stale_watch=1, late_seconds=20, latency_seconds=0))
        informer = Informer(Client(faulty), CONFIG_MAPS, VirtualClock())
        async with asyncio.TaskGroup() as group:
            task = group.create_task(informer.run())
            await informer.synced.wait()
            await asyncio.sleep(30)
            for name in "abc":
                server.put(MAPS, config_map(name), "apps")
            await asyncio.sleep(0.01)
            assert informer.items() == []
            await asyncio.sleep(20)
            assert [key_of(obj) for obj in informer.items()] == ["apps/a", "apps/b", "apps/c"]
            task.cancel()

    run_virtually(main())
