"""The computer's time for a cluster that runs by itself, beside the rest of the program or without it."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime


class ComputerClock:
    """Implements `controllers.Clock`; chance and ids are from a seed, or from the system."""

    def __init__(self, seed: int | None) -> None:
        self.rng = random.Random(seed)
        self._ids = random.Random(None if seed is None else f"{seed} ids")

    def now(self) -> datetime:
        return datetime.now(UTC)

    def new_id(self) -> str:
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))
