"""Controllers and passes: what comes round again, when, and what happens on bad days."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from tests.unit.kube.fake_server import FakeServer
from volary.kube.client import Client
from volary.kube.errors import Forbidden, KubeError, TooManyRequests, Unreachable
from volary.kube.objects import key_of
from volary.kube.resources import CONFIG_MAPS
from volary.runtime.controller import Controller
from volary.runtime.errors import Stalled, TryAgain
from volary.runtime.informer import Informer
from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually

MAPS = "api/v1/configmaps"


@dataclass(frozen=True, slots=True)
class Plan:
    because: str
    look_again_at: datetime | None = None


class Feature:
    """Does what the test says for each key, and writes down when."""

    def __init__(self) -> None:
        self.passes: list[tuple[float, str]] = []
        self.told: list[str] = []
        self.script: Callable[[str], timedelta | None] = lambda key: None
        self.busy: dict[str, int] = {}
        self.seconds = 0.0
        self.stall_error: KubeError | None = None

    async def observe(self, key: str) -> str | None:
        assert self.busy.get(key, 0) == 0, "one key in two hands"
        self.busy[key] = 1
        try:
            self.passes.append((asyncio.get_running_loop().time(), key))
            await asyncio.sleep(self.seconds)
            return key
        finally:
            self.busy[key] = 0

    def decide(self, facts: str, now: datetime) -> Plan:
        wait = self.script(facts)
        return Plan(f"saw {facts}", now + wait if wait is not None else None)

    async def act(self, key: str, facts: str, plan: Plan) -> None:
        await asyncio.sleep(0)

    async def stall(self, key: str, why: Stalled) -> None:
        self.told.append(f"{why.reason}: {why}")
        if self.stall_error is not None:
            raise self.stall_error

    def times(self, key: str) -> list[float]:
        return [at for at, name in self.passes if name == key]


class Bench:
    def __init__(self, workers: int = 8) -> None:
        self.feature = Feature()
        self.controller = Controller("test", self.feature, VirtualClock(), workers)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.controller.run())
            yield
            task.cancel()


def raising(*errors: Exception) -> Callable[[str], timedelta | None]:
    left = list(errors)

    def script(key: str) -> timedelta | None:
        if left:
            raise left.pop(0)
        return None

    return script


def test_a_pass_comes_round_when_it_said_and_at_rest_nothing_runs() -> None:
    async def main() -> None:
        bench = Bench()
        waits = iter([timedelta(seconds=10), timedelta(seconds=30)])
        bench.feature.script = lambda key: next(waits, None)
        async with bench.running():
            bench.controller.add("a")
            await asyncio.sleep(3600)
        assert bench.feature.times("a") == [0, 10, 40]
        assert bench.controller.passes.because == {"a": "saw a"}

    run_virtually(main())


def test_what_is_asked_for_during_a_pass_comes_round_right_after_it() -> None:
    async def main() -> None:
        bench = Bench()
        bench.feature.seconds = 5
        async with bench.running():
            bench.controller.add("a")
            await asyncio.sleep(1)
            bench.controller.add("a")
            bench.controller.add("a")
            bench.controller.add("b")
            await asyncio.sleep(60)
        assert bench.feature.times("a") == [0, 5]
        assert bench.feature.times("b") == [1]

    run_virtually(main())


def test_no_more_passes_run_at_once_than_there_are_workers() -> None:
    async def main() -> None:
        bench = Bench(workers=2)
        bench.feature.seconds = 10
        async with bench.running():
            for key in "abcd":
                bench.controller.add(key)
            await asyncio.sleep(60)
        assert [at for at, _ in bench.feature.passes] == [0, 0, 10, 10]

    run_virtually(main())


@pytest.mark.parametrize(
    "error",
    [TryAgain("busy"), Unreachable("Reset", "broke"), TooManyRequests({"code": 429}), RuntimeError("a bug")],
)
def test_failures_are_retried_ever_slower_and_forgotten_by_a_success(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        bench = Bench()
        bench.feature.script = raising(*[error] * 12)
        async with bench.running():
            bench.controller.add("a")
            await asyncio.sleep(3600)
        times = bench.feature.times("a")
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert len(gaps) == 12
        for number, gap in enumerate(gaps):
            least = min(60.0, 0.25 * 2**number)
            assert least <= gap <= least * 1.2 + 0.02
        assert bench.controller.passes.unfinished() == []

    run_virtually(main())
    bugs = [record for record in caplog.records if record.message == "a pass failed; this is a bug"]
    assert len(bugs) == (12 if isinstance(error, RuntimeError) else 0)


def test_what_failed_together_does_not_come_back_together() -> None:
    async def main() -> None:
        bench = Bench()
        bench.feature.script = raising(*[TryAgain("busy")] * 5)
        async with bench.running():
            for key in "abcde":
                bench.controller.add(key)
            await asyncio.sleep(60)
        assert len({at for at, _ in bench.feature.passes}) == 6

    run_virtually(main())


def test_a_server_that_names_a_time_is_given_it() -> None:
    async def main() -> None:
        bench = Bench()
        bench.feature.script = raising(TooManyRequests({"code": 429}, timedelta(seconds=7)))
        async with bench.running():
            bench.controller.add("a")
            await asyncio.sleep(60)
        first, second = bench.feature.times("a")
        assert 7 <= second - first <= 8.4

    run_virtually(main())


@pytest.mark.parametrize(
    ("stall_error", "seconds"),
    [(None, 600.0), (Forbidden({"code": 403}), 600.0), (Unreachable("Reset", "broke"), 0.25)],
)
def test_what_only_a_person_can_mend_is_said_and_looked_at_again(stall_error: KubeError | None, seconds: float) -> None:
    async def main() -> None:
        bench = Bench()
        bench.feature.stall_error = stall_error
        bench.feature.script = raising(Forbidden({"code": 403, "message": "not you"}))
        async with bench.running():
            bench.controller.add("a")
            await asyncio.sleep(700)
        first, second = bench.feature.times("a")
        assert seconds <= second - first <= seconds * 1.2
        assert bench.feature.told == ["Forbidden: not you"]

    run_virtually(main())


def test_changes_of_watched_objects_make_passes_and_a_return_wakes_what_had_failed() -> None:
    async def main() -> None:
        bench, server = Bench(), FakeServer()
        informer = Informer(Client(server), CONFIG_MAPS, bench.controller.clock)
        bench.controller.watch(informer, lambda obj: [key_of(obj)])
        server.put(MAPS, {"metadata": {"name": "a"}}, "apps")
        bench.feature.script = raising(Stalled("Unauthorized", "token expired"))
        async with bench.running(), asyncio.TaskGroup() as group:
            watching = group.create_task(informer.run())
            await asyncio.sleep(1)
            server.hush(True)
            await asyncio.sleep(100)
            server.hush(False)
            await asyncio.sleep(90)
            watching.cancel()
        times = bench.feature.times("apps/a")
        assert len(times) == 2
        assert 100 < times[1] < 200  # long before the ten minutes of a stalled key are over

    run_virtually(main())


def test_a_gone_object_leaves_no_sentence() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running():
            bench.controller.add("a")
            await asyncio.sleep(1)
            bench.feature.observe = gone  # type: ignore[method-assign]
            bench.controller.add("a")
            await asyncio.sleep(1)
        assert bench.controller.passes.because == {}

    async def gone(key: str) -> str | None:
        return None

    run_virtually(main())
