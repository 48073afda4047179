"""Seeded misfortune: safety holds all the time, and once it is over everything comes to its right end.

The seed is in the test's name; `make sim SEED=N HOURS=H` plays longer ones.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial

import pytest

from volary.demo.acts import settled
from volary.fleet import commands
from volary.sim.diary import Diary, keeping
from volary.sim.faults import ROUGH
from volary.sim.guard import Guard, unrest
from volary.sim.loop import run_virtually
from volary.sim.misfortune import Misfortune
from volary.sim.people import Person
from volary.sim.scenario import play
from volary.sim.stage import Setting, VirtualStage, staged

PATIENCE = 1800.0


@pytest.mark.parametrize("seed", [1, 2])
def test_on_bad_lines_the_acts_end_as_on_good_ones(seed: int) -> None:
    """409, 429, 500, lines that break before and after a write, watches that are cut or late: the same story."""

    async def story() -> None:
        async with staged(Setting(seed=seed, patience_seconds=PATIENCE)) as stage:
            guard, process = Guard(stage), stage.start()
            assert await stage.acts(1) == []
            process.set_weather(ROUGH)
            assert await stage.acts(2, 3, 4) == []
            process.calm()
            await asyncio.sleep(60)
            assert unrest(stage, 2) == []
            assert guard.check() == []
            assert len(process.faults()) == 7, process.faults()

    run_virtually(story())


@pytest.mark.parametrize("seed", [3, 4])
def test_after_dark_clusters_and_deaths_everything_ends_well(seed: int) -> None:
    async def story() -> None:
        async with staged(Setting(seed=seed)) as stage:
            with keeping(Diary(asyncio.get_running_loop().time), stage.story) as diary:
                guard, process = Guard(stage), stage.start()
                assert await stage.acts(1) == []
                misfortune = Misfortune(process, random.Random(f"{seed} luck"), lambda text: diary.write("story", text))
                for number, end in ((2, 2), (3, 2)):
                    await stage.project.release(number)
                    await suffer(misfortune, partial(settled, stage.world, stage.project.commits[number]))
                    process.calm()
                    await recover(stage, end)
                assert guard.check() + diary.bugs == []
                assert stage.world.run_phase(stage.project.commits[3]) == "RolledBack"

    run_virtually(story())


async def suffer(misfortune: Misfortune, done: Callable[[], bool]) -> None:
    """Strike until something has come about, or for a quarter of an hour."""
    async with asyncio.TaskGroup() as group:
        striking = group.create_task(misfortune.strike())
        for _ in range(180):
            await asyncio.sleep(5)
            if done():
                break
        striking.cancel()


async def recover(stage: VirtualStage, release: int) -> None:
    """Wait until the fleet rests on a release; one rejected because its hook was in the dark is tried again."""
    person = Person(stage, lambda text: None)
    commit = stage.project.commits[release]
    for _ in range(int(PATIENCE)):
        await asyncio.sleep(5)
        newest = max(stage.project.commits)
        if settled(stage.world, stage.project.commits[newest]) and not unrest(stage, release):
            return
        if newest == release and settled(stage.world, commit) and stage.world.run_phase(commit) != "Succeeded":
            await person.tell(commands.retry)
    raise AssertionError(f"{unrest(stage, release)}; {stage.why()}")


@pytest.mark.parametrize("seed", [5])
def test_a_random_run_holds(seed: int) -> None:
    outcome = run_virtually(play(seed, 0.1))
    assert outcome.violations == [], outcome.story
