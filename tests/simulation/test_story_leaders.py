"""Two `volary run` side by side: one works; one that was stopped for longer than its lease writes nothing old."""

from __future__ import annotations

import asyncio

from volary.demo.world import HUB
from volary.sim.freezing import FreezingLoop, as_process, run_freezing
from volary.sim.guard import Guard, unrest
from volary.sim.life import Process
from volary.sim.loop import run_virtually
from volary.sim.stage import Setting, VirtualStage, staged

PATIENT = Setting(patience_seconds=300.0)


def pair(stage: VirtualStage) -> tuple[Process, Process]:
    """Start two, each as a process of its own."""
    made = []
    for name in ("first", "second"):
        process = Process(name, HUB, stage.clusters, stage.fetcher)
        stage.begin(as_process(name, process.run()))
        made.append(process)
    return made[0], made[1]


def test_one_of_two_works_and_the_other_takes_over_when_it_dies() -> None:
    async def story() -> None:
        async with staged(PATIENT) as stage:
            guard, (first, second) = Guard(stage), pair(stage)
            assert await stage.acts(1) == []
            leader, other = (first, second) if first.written else (second, first)
            assert other.written == []
            leader.restart_seconds = 3600.0
            leader.kill_at = len(leader.written) + 30
            assert await stage.acts(2, 3) == []
            assert len(leader.written) == leader.kill_at
            assert other.written != []
            assert guard.check() + unrest(stage, 2) == []

    run_virtually(story())


def test_a_leader_that_was_stopped_writes_nothing_old() -> None:
    """Stopped in the middle of a pass, at several writes of a release; it wakes up after another has gone on."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, FreezingLoop)
        async with staged(PATIENT) as stage:
            guard, (first, second) = Guard(stage), pair(stage)
            assert await stage.acts(1) == []
            leader, other = (first, second) if first.written else (second, first)
            stop_at = len(leader.written) + 40

            def stop(cluster: str, request: object) -> None:
                if len(leader.written) == stop_at:
                    loop.freeze(leader.name, 40.0)

            leader.listeners.append(stop)
            assert await stage.acts(2, 3) == []
            await asyncio.sleep(60)
            assert len(leader.written) == stop_at, "what it wrote after it woke up"
            assert other.written != []
            assert leader.life.program.leadership.leader.startswith(other.name)
            assert guard.check() + unrest(stage, 2) == []

    run_freezing(story())
