"""What a canary decides in a good and in a bad release, sentence by sentence; `make golden` accepts another story."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from tests.simulation.canary_cluster import Play, play
from tests.simulation.canary_manifests import V2

FOLDER = Path(__file__).parent


async def good(at: Play) -> None:
    await at.installed()
    await at.push(V2)
    await at.until("Succeeded")
    await asyncio.sleep(60)


async def bad(at: Play) -> None:
    await at.installed()
    await at.push(V2)
    await at.until_weight(20)
    at.script.success = 80.0
    await at.until("Failed")
    await asyncio.sleep(60)


@pytest.mark.parametrize(("name", "story"), [("canary-good", good), ("canary-bad", bad)])
def test_log_is_as_it_was(name: str, story: object) -> None:
    kept: list[Play] = []

    async def whole(at: Play) -> None:
        kept.append(at)
        await story(at)  # type: ignore[operator]

    play(whole)
    log = "\n".join(kept[0].logged) + "\n"
    path = FOLDER / f"{name}.log"
    if os.environ.get("VOLARY_GOLDEN") == "accept":
        path.write_text(log)
    assert log == path.read_text()
