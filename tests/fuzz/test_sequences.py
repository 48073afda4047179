"""Recorded random writes have the answers of the real server still, and leave the same objects."""

from __future__ import annotations

import pytest

from tests.fuzz.sequences import SEQUENCES, replay


@pytest.mark.parametrize("name", sorted(path.stem for path in SEQUENCES.glob("*.jsonl")))
def test_recorded_random_writes_have_the_same_answers(name: str) -> None:
    wrong = [(move, found[:3]) for move, found in replay(name) if found]
    assert not wrong, f"{len(wrong)} steps differ, first {wrong[0]}"
