"""Random sequences of requests that no transcript has: the real API server and the embedded one answer alike."""

from __future__ import annotations

import json

import pytest

from tests.conformance.test_testbed import quiet_server
from tests.differential.real import RealServer
from tests.differential.record import record
from tests.differential.replay import Pair, replay
from tests.differential.sequences import Sequence

pytestmark = pytest.mark.conformance
__all__ = ["quiet_server"]

STEPS = 300
LEAST_SAME = 0.97  # some answers list several errors in the random order of a Go map


@pytest.mark.parametrize("seed", range(201, 207))
def test_sequences_have_the_same_answers(quiet_server: RealServer, seed: int) -> None:
    name = f"sequence-{seed}"
    lines = json.loads(json.dumps(record(quiet_server, Sequence(seed, name).script(name, STEPS))))
    wrong = [pair for pair in replay(name, lines) if pair.differences]
    assert len(wrong) <= (1 - LEAST_SAME) * len(lines), "\n".join(map(told, wrong))


def told(pair: Pair) -> str:
    return f"{pair.name}: {pair.line['request']}: {pair.differences[:3]}"
