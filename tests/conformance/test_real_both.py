"""The real Flagger and the real Flux in the members: Volary is the fleet alone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conformance.peer_stage import judged, needed, tell
from tests.conformance.peers import FLAGGER, KUSTOMIZE, SOURCE

pytestmark = pytest.mark.peers


def test_the_story_is_the_same(tmp_path: Path) -> None:
    needed(FLAGGER, KUSTOMIZE, SOURCE)
    _, endings = asyncio.run(tell(tmp_path, []))
    assert judged(endings, flagger=True) == []
    assert len(endings) == 5
