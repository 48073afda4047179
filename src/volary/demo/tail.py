"""Follows a file that another process writes, line by line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

LOOK_SECONDS = 0.1


async def follow_file(path: Path, told: Callable[[bytes], None]) -> None:
    """Call `told` with each whole line of a file, those that are there and those to come, until cancelled."""
    rest = b""
    with path.open("rb") as file:
        while True:
            *lines, rest = (rest + file.read()).split(b"\n")
            for line in lines:
                told(line)
            await asyncio.sleep(LOOK_SECONDS)
