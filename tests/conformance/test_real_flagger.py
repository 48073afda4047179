"""The real Flagger, unmodified, in place of our canary: the same clusters, sync, FleetRollout and traffic."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.conformance.peer_stage import ABSENT, REAL, tell
from tests.conformance.peers import FLAGGER, build
from volary.demo.judge import judge

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not REAL.is_dir(), reason=ABSENT),
    pytest.mark.skipif(not shutil.which("go"), reason="The real Flagger is built with Go, which is not here."),
]


def test_a_release_goes_through_both_clusters_and_a_bad_one_is_taken_back(tmp_path: Path) -> None:
    build(FLAGGER)
    _, endings = asyncio.run(tell(tmp_path, ["sync"], (1, 2, 3, 4)))
    assert [sentence for ending in endings for sentence in judge(ending)] == []
    assert len(endings) == 4
