from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.embedded.mesh.rolling import Rolling
from tests.unit.embedded.mesh.running import needs_envoy


@pytest.mark.envoy
@needs_envoy
def test_a_rolling_update_under_load_loses_nothing(tmp_path: Path) -> None:
    rolling = Rolling(tmp_path)
    last = asyncio.run(asyncio.wait_for(rolling.run(rate=1000, count=2500), 60))
    assert last["total"]["ok"] == 2500, last["total"]
    assert rolling.rolled >= 1
    assert len(last["total"]["pods"]) >= 4, "old pods and new ones"
