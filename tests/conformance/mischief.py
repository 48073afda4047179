"""What is done to `volary run` while the story goes on, and what a crash may leave: one line more, for each crash."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec

from tests.conformance.real_stage import Meanwhile, RealStage
from volary.demo.acts import ACTS, Act
from volary.demo.story import Observation, Story
from volary.demo.world import HUB, MEMBERS

PATIENCE_SECONDS = 120.0  # an act may take this much longer: a new leader first waits for the old one's lease to end
LONGEST_MORE_SECONDS = 1.2  # behind a line; longer than an interval, so every place of a step is met


def patient(acts: Sequence[Act] = ACTS) -> list[Act]:
    return [replace(act, seconds=act.seconds + PATIENCE_SECONDS) for act in acts]


def random_moments(rng: random.Random, lines: int, count: int = 3) -> list[tuple[int, float]]:
    """Return moments in their order: so many lines have been seen, and so many seconds more have passed."""
    return [(number, rng.uniform(0, LONGEST_MORE_SECONDS)) for number in sorted(rng.sample(range(lines), count))]


def kill_at(moments: Sequence[tuple[int, float]]) -> Meanwhile:
    """Kill `volary run` at each of the moments."""

    async def mischief(stage: RealStage, story: Story) -> None:
        before = len(lines_of(story.observations))
        for lines, more in moments:
            await heard(story, partial(has_lines, story, before + lines))
            await asyncio.sleep(more)
            stage.kill()
            print(f"killed {more:.3f} s after line {lines}")

    return mischief


def has_lines(story: Story, count: int) -> bool:
    return len(lines_of(story.observations)) >= count


async def heard(story: Story, true: Callable[[], bool]) -> None:
    """Wait until something holds, asked after each observation."""
    changed = asyncio.Event()

    def wake(_: Observation) -> None:
        changed.set()

    story.listeners.append(wake)
    try:
        while not true():
            changed.clear()
            await changed.wait()
    finally:
        story.listeners.remove(wake)


def lines_of(seen: Sequence[Observation]) -> list[Observation]:
    """Return the lines of the canaries in the members."""
    return [one for one in seen if one.type == "event" and one.cluster in MEMBERS]


def without_doubles(seen: Sequence[Observation]) -> tuple[list[Observation], int]:
    """Return what was seen without lines that say again what the one before said, and how many those were."""
    kept: list[Observation] = []
    last: dict[str, object] = {}
    for one in seen:
        if one.type == "event" and one.cluster in MEMBERS:
            if last.get(one.cluster) == one.details["message"]:
                continue
            last[one.cluster] = one.details["message"]
        kept.append(one)
    return kept, len(seen) - len(kept)


async def start_second(stage: RealStage) -> None:
    """Start another `volary run` beside the one there is."""
    arguments = ("--kubeconfig", str(stage.kubeconfig), "--context", HUB, "--log-format", "json")
    await stage.children.start("second", "volary", "run", *arguments)


def stop(stage: RealStage, name: str) -> None:
    os.kill(stage.children.running[name].pid, signal.SIGSTOP)


def go_on(stage: RealStage, name: str) -> None:
    os.kill(stage.children.running[name].pid, signal.SIGCONT)


def messages_in(log: Path) -> list[str]:
    """Return the messages of a log in JSON lines."""
    lines = log.read_bytes().splitlines() if log.exists() else []
    return [str(msgspec.json.decode(line).get("message", "")) for line in lines if line.startswith(b"{")]
