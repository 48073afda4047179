from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from volary.embedded.metrics.memory import KEEP_MS, TRIM_EVERY, Memory
from volary.embedded.metrics.promql.evaluate import Labels
from volary.embedded.metrics.promql.syntax import Matcher

A: Labels = (("__name__", "x"), ("job", "a"))
B: Labels = (("__name__", "x"), ("job", "b"))
NAMED_X = [Matcher("__name__", "=", "x")]


def points(memory: Memory, start: int = 0, end: int = 10**9) -> dict[Labels, list[tuple[int, float]]]:
    return {labels: list(found) for labels, found in memory.select(NAMED_X, start, end) if found}


def test_both_ends_of_a_window_are_in_it() -> None:
    memory = Memory()
    for at in (100, 200, 300, 400):
        memory.add(at, {A: float(at)})
    assert points(memory, 200, 300) == {A: [(200, 200.0), (300, 300.0)]}
    assert points(memory, 201, 299) == {}


def test_a_new_series_was_zero_one_look_before() -> None:
    memory = Memory()
    memory.add(100, {A: 1.0})
    memory.add(200, {A: 1.0, B: 5.0})
    assert points(memory)[B] == [(100, 0.0), (200, 5.0)]
    assert points(memory)[A] == [(100, 1.0), (200, 1.0)], "the very first look has none before it"


def test_a_series_may_be_away_for_a_while() -> None:
    memory = Memory()
    for at, there in ((100, True), (200, False), (300, False), (400, True)):
        memory.add(at, {A: float(at)} if there else {B: 0.0})
    assert points(memory)[A] == [(100, 100.0), (400, 400.0)]
    assert [memory.ended(A, at) for at in (99, 100, 199, 200, 399, 400, 500)] == [
        True, False, False, True, True, False, False,
    ]  # fmt: skip


def test_a_clock_that_goes_back_adds_nothing() -> None:
    memory = Memory()
    for at in (200, 100, 200, 300):
        memory.add(at, {A: float(at)})
    assert points(memory)[A] == [(200, 200.0), (300, 300.0)]


def test_what_is_old_is_forgotten_and_the_rest_kept() -> None:
    memory = Memory()
    looks = KEEP_MS // 250 + 3 * TRIM_EVERY
    for number in range(looks):
        memory.add(number * 250, {A: float(number), **({B: 1.0} if number < 10 else {})})
    kept = points(memory)
    assert B not in kept
    assert KEEP_MS // 250 <= len(kept[A]) <= KEEP_MS // 250 + TRIM_EVERY + 1
    assert kept[A][-1] == ((looks - 1) * 250, float(looks - 1))
    assert memory.newest() == {A: float(looks - 1)}


@given(st.lists(st.dictionaries(st.sampled_from([A, B]), st.integers(1, 9).map(float), max_size=2), max_size=40))
def test_it_remembers_what_a_plain_list_would(looks: list[dict[Labels, float]]) -> None:
    memory = Memory(keep_ms=10**9)
    plain: dict[Labels, list[tuple[int, float]]] = {A: [], B: []}
    for number, look in enumerate(looks):
        memory.add(number * 250, look)
        for labels, value in look.items():
            if not plain[labels] and number:
                plain[labels].append(((number - 1) * 250, 0.0))
            plain[labels].append((number * 250, value))
    assert points(memory) == {labels: found for labels, found in plain.items() if found}
    assert not any(math.isnan(value) for value in memory.newest().values())
