"""The clock of a simulation: wall time is an epoch plus the loop's time, chance and ids come from a seed."""

from __future__ import annotations

import asyncio
import random
import uuid
from datetime import UTC, datetime, timedelta

EPOCH = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


class VirtualClock:
    """A `runtime.clock.Clock` for a `VirtualLoop`; the same seed gives the same numbers and ids.

    `skew` is how far this computer's wall clock is off; timers are not touched by it, as with a real computer.
    """

    def __init__(self, seed: int | str = 0, epoch: datetime = EPOCH, skew: timedelta = timedelta()) -> None:
        self.rng = random.Random(f"{seed} chance")
        self.epoch = epoch
        self.skew = skew
        # A stream of its own: one more id must not change the jitter of everything after it.
        self._ids = random.Random(f"{seed} ids")

    def now(self) -> datetime:
        return self.epoch + self.skew + timedelta(seconds=asyncio.get_running_loop().time())

    def new_id(self) -> str:
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))
