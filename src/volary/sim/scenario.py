"""A seeded random run: pushes, people and misfortune for a while, then calm, in which all must come to its right end.

Safety (`guard`) is looked at all the time. Each round ends with a good release in calm weather: it must reach every
cluster, or the sentence says what stands in its way.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from volary.demo.acts import settled
from volary.demo.world import APP, HUB, MEMBERS
from volary.kube.resources import GIT_REPOSITORIES
from volary.sim.diary import Diary, keeping
from volary.sim.guard import Guard, unrest
from volary.sim.misfortune import Misfortune
from volary.sim.people import BAD, BAD_FOR_BETA, BROKEN, GOOD, README, Author, Person
from volary.sim.stage import Setting, VirtualStage, staged

ROUND_SECONDS = 1200.0  # of misfortune
CALM_SECONDS = 5400.0  # in which a fleet must come to rest, whatever was
LOOK_SECONDS = 15.0
RELEASES = (GOOD, GOOD, BAD, BAD_FOR_BETA, README, BROKEN)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended."""

    violations: list[str]
    diary: Diary
    story: str  # a line of what happened: pushes, deaths, faults


class Scenario:
    """One random run on a stage."""

    def __init__(self, stage: VirtualStage, diary: Diary, seed: int) -> None:
        self.stage = stage
        self.diary = diary
        self.rng = random.Random(f"{seed} scenario")
        self.guard = Guard(stage)
        self.process = stage.start()
        self.author = Author(stage.project, self.say)
        self.person = Person(stage, self.say)

    def say(self, text: str) -> None:
        self.diary.write("story", text)

    async def run(self, hours: float) -> list[str]:
        """Play rounds for so many hours; return what was violated, and stop there."""
        found = await self.stage.acts(1)
        self.author.number = 1
        ends = self.stage.story.clock() + hours * 3600
        while not found and self.stage.story.clock() < ends:
            await self.trouble(min(ROUND_SECONDS, ends - self.stage.story.clock()))
            found = await self.end_of_round()
        return found

    async def trouble(self, seconds: float) -> None:
        """Let people and misfortune work at the same time."""
        misfortune = Misfortune(self.process, random.Random(self.rng.random()), self.say)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work) for work in (misfortune.strike(), self._push(), self._speak())]
            await asyncio.sleep(seconds)
            for task in tasks:
                task.cancel()
        self.say("calm")
        self.process.calm()

    async def end_of_round(self) -> list[str]:
        """Push a good release in calm weather; return what was violated, or is not as it should be."""
        number = self.author.push(GOOD)
        commit = self.stage.project.commits[number]

        def done() -> bool:
            return settled(self.stage.world, commit) and not unrest(self.stage, number)

        if not await self._helped_until(done):
            rest = (
                "; ".join(unrest(self.stage, number)) or f"its run is {self.stage.world.run_phase(commit) or 'missing'}"
            )
            return [*self.guard.check(), f"version {number} is not everywhere {CALM_SECONDS:.0f} s after: {rest}"]
        return self.guard.check()

    async def _helped_until(self, done: Callable[[], bool]) -> bool:
        """Wait, and do what a person can do, until something holds; False: not in time."""
        ends = self.stage.story.clock() + CALM_SECONDS
        while not done():
            if self.stage.story.clock() > ends:
                return False
            await asyncio.sleep(LOOK_SECONDS)
            await self.person.help()
        return True

    async def _push(self) -> None:
        while True:
            await asyncio.sleep(self.rng.uniform(5.0, 240.0))
            self.author.push(self.rng.choice(RELEASES))

    async def _speak(self) -> None:
        while True:
            await asyncio.sleep(self.rng.uniform(30.0, 600.0))
            await self.person.say_anything(self.rng)


async def play(seed: int, hours: float) -> Outcome:
    """Play one run."""
    async with staged(Setting(seed=seed)) as stage:
        with keeping(Diary(asyncio.get_running_loop().time), stage.story) as diary:
            scenario = Scenario(stage, diary, seed)
            await slow_polls(stage)
            violations = await scenario.run(hours)
            return Outcome(violations + diary.bugs, diary, summary(scenario))


async def slow_polls(stage: VirtualStage) -> None:
    """Look at Git every quarter of a minute only: hours of looking each second would be most of the work."""
    client = stage.clusters[HUB].client("platform-engineer")
    await client.patch(GIT_REPOSITORIES, APP, {"spec": {"interval": "15s"}}, "apps")


def summary(scenario: Scenario) -> str:
    process = scenario.process
    faults = " ".join(f"{name}={count}" for name, count in sorted(process.faults().items()))
    lost = sum(scenario.stage.clusters[name].crowd.lost for name in MEMBERS)
    hours = scenario.stage.story.clock() / 3600
    return (
        f"{hours:.1f} h, {scenario.author.number} releases, {len(process.lives)} lives, "
        f"{len(process.written)} writes, {lost:.0f} requests lost; {faults}"
    )
