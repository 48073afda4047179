"""Somebody who wishes the program ill, from a seed: bad lines, dark clusters, sudden deaths."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from volary.demo.world import HUB, MEMBERS
from volary.sim.faults import CALM, ROUGH, Rates
from volary.sim.life import Process

WEATHERS: Sequence[Rates] = (
    CALM,
    Rates(latency_seconds=0.3),
    ROUGH,
    Rates(conflict=0.3),
    Rates(drop_after=0.3, drop_watch=0.3),
    Rates(stale_watch=1.0, late_seconds=30.0),
)
LONGEST_DARK = 300.0  # seconds
LONGEST_CALM = 60.0


class Misfortune:
    """What goes wrong, and when. Each blow is told to `say`."""

    def __init__(self, process: Process, rng: random.Random, say: Callable[[str], None]) -> None:
        self.process = process
        self.rng = rng
        self.say = say

    async def strike(self) -> None:
        """Strike again and again until cancelled."""
        while True:
            await asyncio.sleep(self.rng.uniform(1.0, LONGEST_CALM))
            self.strike_once()

    def strike_once(self) -> None:
        blow = self.rng.choice((self._weather, self._weather, self._dark_member, self._dark_hub, self._kill))
        blow()

    def _weather(self) -> None:
        number = self.rng.randrange(len(WEATHERS))
        where = self.rng.choice((HUB, *MEMBERS))
        self.say(f"weather {number} on the way to {where}")
        self.process.set_weather(WEATHERS[number], where)

    def _dark_member(self) -> None:
        self._dark(self.rng.choice(MEMBERS))

    def _dark_hub(self) -> None:
        self._dark(HUB)

    def _dark(self, where: str) -> None:
        seconds = round(self.rng.uniform(1.0, LONGEST_DARK), 1)
        self.say(f"{where} is dark for {seconds} s")
        self.process.darken(where, seconds)

    def _kill(self) -> None:
        writes = self.rng.randrange(1, 30)
        self.say(f"the program dies after {writes} more writes")
        self.process.kill_at = len(self.process.written) + writes
