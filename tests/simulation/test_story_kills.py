"""kill -9 of the whole program at its writes: same end, and none of the lines lost or doubled.

`make test` takes samples and a program that dies again and again; VOLARY_SIM=all tries every single write.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable

import pytest

from volary.demo import judge
from volary.demo.acts import ACTS
from volary.sim.guard import Guard, unrest
from volary.sim.life import Process
from volary.sim.loop import run_virtually
from volary.sim.stage import Setting, VirtualStage, staged

WRITES_OF_A_RELEASE = 130  # acts 2 and 3
WRITES_OF_A_WAY_BACK = 180  # act 5 after act 1
ALL = os.environ.get("VOLARY_SIM") == "all"
PATIENT = Setting(patience_seconds=1200.0)

HALT = "Halt podinfo.test advancement success rate 85.00% < 99%"

Story = Callable[[VirtualStage, Process], Awaitable[None]]


def played(story: Story, arm: Callable[[Process], None]) -> int:
    """Install, arm the fault, play the story; return how many writes it had."""

    async def whole() -> int:
        async with staged(PATIENT) as stage:
            guard, process = Guard(stage), stage.start()
            assert await stage.acts(1) == []
            installed = len(process.written)
            arm(process)
            await story(stage, process)
            assert guard.check() == []
            holds = {one.details["reason"] for one in stage.story.observations if one.type == "hold"}
            assert "ClusterUnreachable" not in holds, "a program that has just started knows nothing of this kind"
            return len(process.written) - installed

    return run_virtually(whole())


async def release(stage: VirtualStage, process: Process) -> None:
    assert await stage.acts(2, 3) == []
    assert unrest(stage, 2) == []


async def way_back(stage: VirtualStage, process: Process) -> None:
    """Act 5 right after act 1: back to version 1."""
    found = await stage.act(ACTS[4])
    assert found == [
        "act 5: west is proven at version 1, not version 2",
        "act 5: east is proven at version 1, not version 2",
        "act 5: remembered as bad are [4], not [3, 4]",
    ]
    assert unrest(stage, 1) == []
    observed = stage.story.observations
    west = judge.canary_events(observed, "west", "Normal")[1:]
    assert west == [*judge.eleven_lines(), *judge.eleven_lines()]
    east = judge.canary_events(observed, "east")[1:]
    halts = [line for line in east if line == HALT]
    assert len(halts) in (3, 4), "a crash may count the line in flight twice"
    assert len(set(east)) == len(east) - len(halts) + 1, east


def kill_once(process: Process, at: int) -> None:
    process.kill_at = len(process.written) + at


def kill_each(process: Process, number: int) -> None:
    """Let the program die after every `number` writes of its life."""

    def again(cluster: str, request: object) -> None:
        if process.kill_at == len(process.written):
            process.kill_at += number
            process.life.die()
            process.life.check()

    process.kill_at = 0
    process.listeners.append(again)
    process.kill_at = len(process.written) + number


@pytest.mark.parametrize("at", range(1, WRITES_OF_A_RELEASE + 1) if ALL else (77, 118))
def test_a_release_survives_a_kill(at: int) -> None:
    played(release, lambda process: kill_once(process, at))


@pytest.mark.parametrize("at", range(1, WRITES_OF_A_WAY_BACK + 1) if ALL else (95,))
def test_a_way_back_survives_a_kill(at: int) -> None:
    played(way_back, lambda process: kill_once(process, at))


@pytest.mark.parametrize("every", [17])
def test_a_release_survives_many_kills(every: int) -> None:
    played(release, lambda process: kill_each(process, every))


@pytest.mark.parametrize("every", [23])
def test_a_way_back_survives_many_kills(every: int) -> None:
    played(way_back, lambda process: kill_each(process, every))


def test_these_are_all_the_writes() -> None:
    assert played(release, lambda process: None) == WRITES_OF_A_RELEASE
    assert played(way_back, lambda process: None) == WRITES_OF_A_WAY_BACK
