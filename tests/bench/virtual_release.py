"""CPU of one release through two clusters at `interval: 1m`, in virtual time."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.figures import Figure
from volary.sim.loop import run_virtually
from volary.sim.stage import Setting, staged

NAME = "release at interval 1m in virtual time, CPU"


def measure() -> Iterator[Figure]:
    """Install quietly, then play acts 2 and 3; yield the CPU that these took."""
    used: list[float] = []
    found: list[str] = []

    async def story() -> None:
        async with staged(Setting(interval="1m", interval_seconds=60.0, patience_seconds=120.0)) as stage:
            stage.start()
            found.extend(await stage.acts(1))
            began = time.process_time()
            found.extend(await stage.acts(2, 3))
            used.append(time.process_time() - began)

    run_virtually(story())
    note = f"the story went otherwise: {found[0]}" if found else ""
    yield Figure(NAME, 2, None if found else used[0], "s", note)
