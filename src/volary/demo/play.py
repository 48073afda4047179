"""`volary demo`: raises the curtain, plays the acts, judges them, and clears everything away.

It is wired like anybody's installation: the clusters, the controllers and the load are processes of their own, the
controllers know the clusters by their kubeconfigs only, and what is shown was read from the API.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from rich.console import Console

from volary.demo.acts import ACTS, Act, play
from volary.demo.ending import read_ending, revisions, why_sentence
from volary.demo.judge import Ending, judge
from volary.demo.memory import proportional_bytes
from volary.demo.project import GitFailed
from volary.demo.settings import Settings
from volary.demo.stage import Broken, Stage
from volary.demo.story import Observation, Story
from volary.demo.summary import Result, print_summary, totals
from volary.demo.traffic import disagreements, follow, start_load
from volary.demo.view import View, view_for
from volary.demo.world import MEMBERS

MEMORY_SECONDS = 5.0  # how often memory is looked at: reading it costs time itself
LOAD_ENDS_SECONDS = 2.0  # for its last report, once it has ended
INSTALL_SECONDS = 120.0  # after that the first act has long been called failed


TROUBLE = (Broken, GitFailed, OSError)  # what a person can mend; the text says what happened


class Demo:
    """One run of the demo."""

    def __init__(self, settings: Settings, console: Console, folder: Path) -> None:
        self.settings = settings
        self.console = console
        self.stage = Stage(folder, settings)
        self.story = Story(self.stage.seconds)
        self.view: View = view_for(console)
        self.differences: list[str] = []
        self.memory = 0
        self.ended = 0.0  # when the last act did, in seconds since the start
        self.shown = False  # earlier acts than those asked for are played quietly

    async def run(self) -> int:
        """Play; return 0 only if every act that was asked for ended exactly as the story says."""
        try:
            async with contextlib.AsyncExitStack() as stack:
                self._open_trace(stack)
                stack.push_async_callback(self.stage.clear)
                return await self._play()
        except (*TROUBLE, BaseExceptionGroup) as error:
            broken = first_broken(error)
            if broken is None:
                raise
            self.console.print(f"volary demo: {broken}", style="red", markup=False, highlight=False, soft_wrap=True)
            return 1

    async def _play(self) -> int:
        self.console.print("Raising two clusters and a hub ...", highlight=False)
        await self.stage.raise_curtain()
        self.console.print(self.stage.greeting(), markup=False, highlight=False, soft_wrap=True)
        if quiet := played_quietly(self.settings.acts):
            self.console.print(quiet, highlight=False, soft_wrap=True)
        async with asyncio.TaskGroup() as group:
            side = [group.create_task(self.stage.attend())]
            await self.stage.watch(group, self.story)
            side.append(group.create_task(self._weigh()))
            loads = [group.create_task(self._load(name)) for name in MEMBERS]
            showing = group.create_task(self._show())
            await self._acts()
            showing.cancel()
            await asyncio.wait([showing])
            await self._finish(loads)
            if self.settings.keep:
                await self._stay()
            for task in (*side, *loads):
                task.cancel()
            self.stage.unwatch()
        return 1 if self.differences else 0

    async def _acts(self) -> None:
        wanted = self.settings.acts or tuple(act.number for act in ACTS)
        for act in ACTS[: max(wanted)]:
            self.shown = act.number in wanted
            ending = await self._act(act)
            found = judge(ending)
            self.differences += found
            if any("did not end in time" in sentence for sentence in found):
                return

    async def _act(self, act: Act) -> Ending:
        began = self.ended
        self.story.tell("", "act", n=act.number, title=act.title)
        in_time = await play(act, self.stage.world, self.stage.project, self.settings.interval_seconds)
        if act.flows_on:
            self.ended = self.stage.seconds()
        await self.stage.settle()
        if not act.flows_on:
            self.ended = self.stage.seconds()
        seen = [one for one in self.story.observations if began <= one.t < self.ended]
        return await read_ending(act, in_time, seen, self.stage)

    async def _load(self, cluster: str) -> None:
        """Ask like a crowd of users, from the moment that the cluster's Canary is Initialized."""
        world = self.stage.world
        await world.until(lambda: world.canary_phase(cluster) == "Initialized", INSTALL_SECONDS)
        process = await start_load(self.stage.children, cluster, self.stage.gateways[cluster])
        total = await follow(process, cluster, self.story)
        self.differences += disagreements(cluster, total)

    async def _show(self) -> None:
        await self.view.run()

    def _heard(self, seen: Observation) -> None:
        if self.shown:
            self.view.take(seen)

    async def _weigh(self) -> None:
        while True:
            self.memory = max(self.memory, await asyncio.to_thread(proportional_bytes))
            await asyncio.sleep(MEMORY_SECONDS)

    async def _finish(self, loads: list[asyncio.Task[None]]) -> None:
        """Stop the load, count, and say how it went."""
        await self.stage.children.stop(*(f"load-{name}" for name in MEMBERS))
        await asyncio.wait(loads, timeout=LOAD_ENDS_SECONDS)
        self.memory = max(self.memory, await asyncio.to_thread(proportional_bytes))
        why = await why_sentence(self.stage)
        where = revisions(self.stage)
        lost = sum(totals(self.story.observations, name)["lost"] for name in MEMBERS)
        self.story.tell("", "end", lost=lost, memory_bytes=self.memory, revisions=where)
        result = Result(self.stage.seconds(), self.memory, where, self.story.observations, why, self.differences)
        print_summary(self.console, result)

    async def _stay(self) -> None:
        self.console.print(self.stage.invitation(), markup=False, highlight=False, soft_wrap=True)
        await asyncio.Event().wait()

    def _open_trace(self, stack: contextlib.AsyncExitStack) -> None:
        """Hear every observation, and write each to the trace that was asked for."""
        self.story.listeners.append(self._heard)
        if self.settings.trace is None:
            return
        try:
            file = stack.enter_context(self.settings.trace.open("wb", buffering=0))
        except OSError as error:
            raise Broken(f"--trace {self.settings.trace}: {error.strerror or error}") from None

        def write(seen: Observation) -> None:
            file.write(seen.line() + b"\n")
            if seen.type == "end":
                self.story.listeners.remove(write)  # it is the last line, also of a demo that stays up

        self.story.listeners.append(write)


def played_quietly(acts: tuple[int, ...]) -> str:
    """Return a line about what is played before the first act that is shown, "" if nothing is."""
    earlier = range(1, min(acts, default=1))
    if not earlier:
        return ""
    what = "Act 1 comes" if len(earlier) == 1 else f"Acts 1 to {earlier[-1]} come"
    return f"{what} first, quietly ..."


def first_broken(error: BaseException) -> BaseException | None:
    """Return why the demo could not go on, wherever it stands in a group of errors; None: it is a bug."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for inner in error.exceptions if (found := first_broken(inner))), None)
    return error if isinstance(error, TROUBLE) else None
