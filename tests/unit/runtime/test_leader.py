"""Leader election: one at a time, whatever happens to whom."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.unit.kube.fake_server import FakeServer, Refusal
from volary.kube.client import Client
from volary.kube.errors import Unreachable
from volary.kube.objects import dig
from volary.kube.resources import CONFIG_MAPS
from volary.kube.transport import Request, Response
from volary.runtime.leader import Leadership, OnlyAsLeader
from volary.sim.clock import VirtualClock
from volary.sim.faults import CALM, Faulty
from volary.sim.loop import VirtualLoop, run_virtually

LEASE = ("apis/coordination.k8s.io/v1/leases", "volary-system", "volary")


class Candidates:
    """Several processes beside one server, and a record of who worked when."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.lines: dict[str, Faulty] = {}
        self.who: dict[str, Leadership] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.working: set[str] = set()
        self.history: list[tuple[int, str]] = []
        self.slow_to_stop = 0.0

    async def work(self, name: str) -> None:
        assert not {other for other in self.working if self.who[other].is_leader}, "two leaders"
        self.working.add(name)
        self.history.append((round(asyncio.get_running_loop().time()), name))
        try:
            await asyncio.Event().wait()
        finally:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(self.slow_to_stop)
            self.working.discard(name)

    def start(self, group: asyncio.TaskGroup, name: str) -> None:
        self.lines[name] = Faulty(self.server, name, CALM)
        client = Client(self.lines[name])
        leadership = Leadership(client, VirtualClock(len(self.who)), name, "volary", "volary-system")
        self.who[name] = leadership
        self.tasks[name] = group.create_task(leadership.run(lambda: self.work(name)))

    @contextlib.asynccontextmanager
    async def running(self, *names: str) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            for name in names:
                self.start(group, name)
                await asyncio.sleep(0.1)
            yield
            for task in self.tasks.values():
                task.cancel()

    def leaders(self) -> list[str]:
        return [name for name, leadership in self.who.items() if leadership.is_leader]

    def lease(self) -> dict[str, Any]:
        spec: dict[str, Any] = self.server.objects[LEASE]["spec"]
        return spec


def test_one_of_two_leads_and_at_rest_its_renewals_are_the_only_writes() -> None:
    async def main() -> None:
        both = Candidates()
        async with both.running("a", "b"):
            await asyncio.sleep(600)
            assert (both.leaders(), both.history) == (["a"], [(0, "a")])
            assert both.lease()["leaseTransitions"] == 0
            writes = both.server.count("PUT", "POST", "PATCH", "DELETE")
            assert 290 <= writes <= 302
            assert both.lines["b"].tally.writes == 0
            assert both.who["b"].leader == "a"

    run_virtually(main())


def test_a_leader_that_stops_in_order_hands_over_at_once_and_only_when_its_work_has_ended() -> None:
    async def main() -> None:
        both = Candidates()
        both.slow_to_stop = 3.0
        async with both.running("a", "b"):
            await asyncio.sleep(60)
            both.tasks["a"].cancel()
            await asyncio.sleep(2.9)
            assert both.working == {"a"}
            await asyncio.sleep(6)
            assert (both.leaders(), both.working) == (["b"], {"b"})
            assert both.lease()["leaseTransitions"] == 1

    run_virtually(main())


def test_a_leader_that_is_cut_off_stops_before_another_starts_and_may_lead_again() -> None:
    async def main() -> None:
        both = Candidates()
        async with both.running("a", "b"):
            await asyncio.sleep(60)
            both.lines["a"].dark_for(100)
            await asyncio.sleep(8)
            assert both.leaders() == ["a"]
            await asyncio.sleep(2.5)
            assert (both.leaders(), both.working) == ([], set())
            await asyncio.sleep(10)
            assert (both.leaders(), both.working) == (["b"], {"b"})
            await asyncio.sleep(120)
            both.tasks["b"].cancel()
            await asyncio.sleep(10)
            assert both.leaders() == ["a"]
        assert [name for _, name in both.history] == ["a", "b", "a"]

    run_virtually(main())


@pytest.mark.parametrize("seconds", [3, 11, 60])
def test_a_short_trouble_of_the_server_costs_nobody_the_lead(seconds: int) -> None:
    async def main() -> None:
        both = Candidates()
        async with both.running("a", "b"):
            await asyncio.sleep(60)
            both.server.refusals = [Refusal(500, "InternalError") for _ in range(3)]
            await asyncio.sleep(seconds)
            assert both.leaders() == ["a"]
        assert both.history == [(0, "a")]

    run_virtually(main())


def test_a_stopped_leader_that_wakes_up_knows_at_once_that_it_may_not_write() -> None:
    async def main() -> None:
        both = Candidates()
        async with both.running("a"):
            await asyncio.sleep(60)
            guarded = Client(OnlyAsLeader(both.lines["a"], both.who["a"]))
            await guarded.create(CONFIG_MAPS, config_map("before"))
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop.jump(60)  # stopped; nothing of it has run since, and another may have taken the Lease
            both.server.put(*taken_by("b", both.server))
            assert not both.who["a"].is_leader
            with pytest.raises(Unreachable, match="not the leader any more"):
                await guarded.create(CONFIG_MAPS, config_map("after"))
            assert await guarded.get(CONFIG_MAPS, "before", "apps")
            await asyncio.sleep(5)
            assert both.working == set()
            assert both.lease()["holderIdentity"] == "b"
            await asyncio.sleep(20)  # b, which is no process at all, does not renew
            assert (both.leaders(), both.working) == (["a"], {"a"})
            with pytest.raises(Unreachable, match="not the leader any more"):
                await guarded.create(CONFIG_MAPS, config_map("late"))  # made in the first term; this is another
            anew = Client(OnlyAsLeader(both.lines["a"], both.who["a"]))
            assert await anew.create(CONFIG_MAPS, config_map("anew"))

    run_virtually(main())


def test_nobody_waits_for_a_write_longer_than_the_lease_is_ours() -> None:
    async def main() -> None:
        one = Candidates()
        async with one.running("a"):
            await asyncio.sleep(60)
            guarded = Client(OnlyAsLeader(one.lines["a"], one.who["a"]), timeout_seconds=300)
            await guarded.create(CONFIG_MAPS, config_map("first"))
            await guarded.get(CONFIG_MAPS, "first", "apps")
            of_maps = [request for request in one.server.requests if "configmaps" in request.path]
            assert 13 <= of_maps[0].timeout_seconds <= 15
            assert of_maps[1].timeout_seconds == 300

    run_virtually(main())


def test_the_time_of_a_renewal_counts_from_before_it_was_asked_for() -> None:
    async def main() -> None:
        both = Candidates()
        async with both.running("a", "b"):
            await asyncio.sleep(60)
            request = both.server.request

            async def slow(one: Request) -> Response:
                response = await request(one)
                await asyncio.sleep(7 if b'"holderIdentity":"a"' in one.body else 0)
                return response

            both.server.request = slow  # type: ignore[method-assign,assignment]
            await asyncio.sleep(8)
            both.lines["a"].dark_for(60)  # at once after a slow renewal
            for _ in range(300):
                await asyncio.sleep(0.1)
                assert len(both.leaders()) <= 1
                assert len(both.working) <= 1
            assert both.leaders() == ["b"]

    run_virtually(main())


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "apps"}}


def taken_by(name: str, server: FakeServer) -> tuple[str, dict[str, Any], str]:
    lease = server.objects[LEASE]
    return LEASE[0], {**lease, "spec": {**lease["spec"], "holderIdentity": name}}, LEASE[1]


def test_work_that_fails_ends_the_run_and_gives_the_lease_back() -> None:
    async def broken() -> None:
        await asyncio.sleep(5)
        raise ValueError("no")

    async def main() -> None:
        server = FakeServer()
        leadership = Leadership(Client(server), VirtualClock(), "a", "volary", "volary-system")
        with pytest.raises(ExceptionGroup) as caught:
            await leadership.run(broken)
        assert caught.group_contains(ValueError)
        assert dig(server.objects[LEASE], "spec", "holderIdentity") == ""
        assert not leadership.is_leader

    run_virtually(main())


def test_a_lease_that_we_may_not_touch_is_said_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        one = Candidates()
        one.server.refusals = [Refusal(403, "Forbidden", "leases is forbidden") for _ in range(20)]
        async with one.running("a"):
            await asyncio.sleep(20)
            assert one.history == []
            await asyncio.sleep(120)
            assert one.leaders() == ["a"]

    run_virtually(main())
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == ["cannot reach the lease"]


def test_work_that_is_done_ends_the_run() -> None:
    async def done() -> None:
        await asyncio.sleep(30)

    async def main() -> float:
        server = FakeServer()
        await Leadership(Client(server), VirtualClock(), "a", "volary", "volary-system").run(done)
        assert dig(server.objects[LEASE], "spec", "holderIdentity") == ""
        return asyncio.get_running_loop().time()

    assert run_virtually(main()) == 30


@pytest.mark.parametrize("seed", range(20))
def test_under_faults_there_is_never_more_than_one(seed: int) -> None:
    async def main() -> None:
        three = Candidates()
        async with three.running("a", "b", "c"):
            for name, line in three.lines.items():
                line.rng.seed(f"{seed} {name}")
            chance = VirtualClock(seed).rng
            for _ in range(30):
                name = chance.choice("abc")
                three.lines[name].dark_for(chance.uniform(1, 40))
                for _ in range(40):
                    await asyncio.sleep(0.5)
                    assert len(three.leaders()) <= 1
                    assert len(three.working) <= 1
            for line in three.lines.values():
                line.calm()
            await asyncio.sleep(60)
            assert len(three.leaders()) == 1
            assert set(three.leaders()) == three.working

    run_virtually(main())
