"""The five acts on three real control planes: real API servers, etcd and controllers, pods by the testbed's nodes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.real_stage import EAST, WEST, tell
from volary.demo.judge import canary_events, eleven_lines

pytestmark = pytest.mark.conformance


def test_the_story_is_the_same_on_real_control_planes(fresh: Any, tmp_path: Path) -> None:
    told = asyncio.run(tell(tmp_path, fresh))
    assert told.differences == []
    assert len(told.endings) == 5
    for number, cluster in ((1, WEST), (2, EAST)):
        assert canary_events(told.endings[number].seen, cluster, "Normal") == eleven_lines()
