"""The seam to time, chance and identity. Everything that wants one of these is given a `Clock`.

Waiting is asyncio's (`asyncio.sleep`, `asyncio.timeout`): the simulation replaces the event loop, not the code.
"""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall clock, random numbers and new ids."""

    rng: random.Random

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        ...

    def new_id(self) -> str:
        """Return a fresh id (a UUID's text)."""
        ...


class SystemClock:
    """The real one; the only place in the program that reads the computer's clock."""

    def __init__(self) -> None:
        self.rng = random.Random()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def new_id(self) -> str:
        return str(uuid.uuid4())
