"""The real Flagger, unmodified, in place of our canary: the same clusters, sync, FleetRollout and traffic."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conformance.peer_stage import judged, needed, tell
from tests.conformance.peers import FLAGGER

pytestmark = pytest.mark.peers


def test_the_story_is_the_same(tmp_path: Path) -> None:
    needed(FLAGGER)
    _, endings = asyncio.run(tell(tmp_path, ["sync"]))
    assert judged(endings, flagger=True) == []
    assert len(endings) == 5
