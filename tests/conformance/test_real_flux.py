"""The real source-controller and kustomize-controller, unmodified, in place of our sync."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.conformance.peer_stage import judged, needed, tell
from tests.conformance.peers import KUSTOMIZE, SOURCE

pytestmark = pytest.mark.peers


def test_the_story_is_the_same(tmp_path: Path) -> None:
    needed(KUSTOMIZE, SOURCE)
    _, endings = asyncio.run(tell(tmp_path, ["canary"]))
    assert judged(endings, flagger=False) == []
    assert len(endings) == 5
