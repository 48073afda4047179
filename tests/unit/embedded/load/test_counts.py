from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volary.embedded.load.counts import Counts, Paths, percentiles


def test_a_line_tells_what_came_since_the_last_and_in_all() -> None:
    counts = Counts()
    counts.now.sent = 4
    counts.now.answered(200, "podinfo-a", 0.001)
    counts.now.answered(404, "podinfo-a", 0.002)
    counts.now.answered(500, "podinfo-b", 0.003)
    counts.now.answered(503, "", 0.004)
    first = counts.take(0.25)
    assert (first["ok"], first["failed"], first["lost"]) == (2, 1, 1)
    assert first["pods"] == {"podinfo-a": {"200": 1, "404": 1}, "podinfo-b": {"500": 1}}
    assert first["lost_why"] == {"unsigned 503": 1}
    assert first["latency_ms"] == {"p50": 2.0, "p99": 3.0, "max": 3.0}
    second = counts.take(0.5, end=True)
    assert (second["sent"], second["total"]["sent"], second["end"]) == (0, 4, True)
    assert second["total"]["codes"] == {"200": 1, "404": 1, "500": 1}


def test_what_is_out_is_sent_and_neither_answered_nor_lost() -> None:
    counts = Counts()
    counts.now.sent = 3
    counts.now.answered(200, "a", 0.001)
    counts.take(1)
    counts.now.gone("reset")
    assert counts.unfinished == 1


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5).filter(any))
def test_every_path_gets_its_exact_share(weights: list[int]) -> None:
    named = [(f"/{number}", weight) for number, weight in enumerate(weights)]
    paths, rounds = Paths(named), 3
    seen = Counter(paths.next() for _ in range(sum(weights) * rounds))
    assert seen == Counter({path: weight * rounds for path, weight in named if weight})


def test_paths_without_a_weight_are_refused() -> None:
    with pytest.raises(ValueError, match="no path has a weight"):
        Paths([("/", 0)])


def test_no_latency_gives_no_percentile() -> None:
    assert percentiles([]) == {}
