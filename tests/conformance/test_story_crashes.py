"""`volary run` killed at random moments of a release and of the way back, and stopped while another takes over."""

from __future__ import annotations

import asyncio
import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.mischief import (
    go_on,
    has_lines,
    heard,
    kill_at,
    messages_in,
    patient,
    random_moments,
    start_second,
    stop,
    without_doubles,
)
from tests.conformance.real_stage import EAST, WEST, RealStage, Told, tell
from volary.demo.judge import canary_events, eleven_lines, judge
from volary.demo.story import Story
from volary.runtime.leader import LEASE

pytestmark = pytest.mark.conformance
RELEASE_LINES, WAY_BACK_LINES = 20, 26  # of acts 2 and 3, and of act 5: at least so many come
AT_REST_SECONDS = 8.0


def judged(told: Told) -> tuple[list[str], int]:
    """Return the differences, doubled lines aside, and how many lines were doubled."""
    found, doubles = [], 0
    for ending in told.endings:
        seen, more = without_doubles(ending.seen)
        doubles += more
        found += judge(replace(ending, seen=seen))
    return found, doubles


def test_killed_at_random_moments_it_ends_the_same(fresh: Any, tmp_path: Path) -> None:
    seed = int(os.environ.get("VOLARY_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    print(f"VOLARY_SEED={seed}")
    rng = random.Random(seed)
    release, way_back = random_moments(rng, RELEASE_LINES), random_moments(rng, WAY_BACK_LINES)
    told = asyncio.run(tell(tmp_path, fresh, {2: kill_at(release), 5: kill_at(way_back)}, patient()))
    found, doubles = judged(told)
    assert found == [], f"seed {seed}"
    assert len(told.endings) == 5
    assert 4 <= told.deaths <= 6  # a kill in the pause between an end and the next start hits nobody
    assert doubles <= told.deaths


def test_a_leader_that_was_stopped_and_goes_on_writes_nothing(fresh: Any, tmp_path: Path) -> None:
    late: list[str] = []

    async def mischief(stage: RealStage, story: Story) -> None:
        await start_second(stage)
        await heard(story, lambda: has_lines(story, 5))
        stop(stage, "run")
        await asyncio.sleep(LEASE.total_seconds())

    async def wake_up(stage: RealStage) -> None:
        assert "leading" in messages_in(stage.children.logs / "second.log")
        before = len(told_writes(stage.story))
        go_on(stage, "run")
        await asyncio.sleep(AT_REST_SECONDS)
        late.extend(told_writes(stage.story)[before:])
        assert "leadership lost" in messages_in(stage.children.logs / "run.log")

    told = asyncio.run(tell(tmp_path, fresh, {2: mischief}, patient()[:3], afterwards=wake_up))
    found, doubles = judged(told)
    assert found == []
    assert doubles <= 1
    assert late == []
    for number, cluster in ((1, WEST), (2, EAST)):
        seen, _ = without_doubles(told.endings[number].seen)
        assert canary_events(seen, cluster, "Normal") == eleven_lines()


def told_writes(story: Story) -> list[str]:
    return [f"{one.cluster} {one.details}" for one in story.observations if one.type == "write"]
