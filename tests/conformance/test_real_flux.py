"""The real source-controller and kustomize-controller, unmodified, in place of our sync."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.conformance.peer_stage import ABSENT, REAL, tell
from tests.conformance.peers import KUSTOMIZE, SOURCE, build
from volary.demo.judge import judge

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not REAL.is_dir(), reason=ABSENT),
    pytest.mark.skipif(not shutil.which("go"), reason="The real Flux is built with Go, which is not here."),
]


def test_a_release_goes_through_both_clusters_and_a_bad_one_is_taken_back(tmp_path: Path) -> None:
    build(SOURCE)
    build(KUSTOMIZE)
    _, endings = asyncio.run(tell(tmp_path, ["canary"], (1, 2, 3, 4)))
    assert [sentence for ending in endings for sentence in judge(ending)] == []
    assert len(endings) == 4
