"""Whatever a client sends, the server answers, and its store stays whole."""

from __future__ import annotations

import pytest

from tests.fuzz.mutated import play, told

REQUESTS = 2_500  # `python -m tests.fuzz.mutated --requests 100000` sends more


@pytest.mark.parametrize("seed", [1, 2])
def test_spoilt_requests_are_answered_and_leave_the_store_whole(seed: int) -> None:
    failures = list(play(seed, REQUESTS))
    assert not failures, "\n\n".join(told(it) for it in failures[:5])
