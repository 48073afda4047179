from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volary.embedded.controllers.rollouts.numbers import (
    Bounds,
    Size,
    bounds,
    new_size,
    scaled,
    share_out,
    shrink_old,
)


@pytest.mark.parametrize(
    ("replicas", "rolling", "expected"),
    [
        (4, {}, Bounds(4, 1, 1)),
        (2, {"maxSurge": "25%", "maxUnavailable": "25%"}, Bounds(2, 1, 0)),
        (10, {"maxSurge": "25%", "maxUnavailable": "25%"}, Bounds(10, 3, 2)),
        (3, {"maxSurge": 0, "maxUnavailable": 0}, Bounds(3, 0, 1)),
        (3, {"maxSurge": "0%", "maxUnavailable": 5}, Bounds(3, 0, 3)),
        (0, {"maxSurge": 1, "maxUnavailable": 1}, Bounds(0, 1, 0)),
    ],
)
def test_percentages_round_up_for_surge_and_down_for_unavailable(
    replicas: int, rolling: dict[str, object], expected: Bounds
) -> None:
    spec = {"replicas": replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}
    assert bounds({"spec": spec}) == expected


def test_recreate_allows_no_surge() -> None:
    assert bounds({"spec": {"replicas": 3, "strategy": {"type": "Recreate"}}}) == Bounds(3, 0, 0)


def test_an_integer_is_no_percentage() -> None:
    assert scaled(3, 100, up=True) == 3


@pytest.mark.parametrize(
    ("limits", "new", "all_pods", "expected"),
    [
        (Bounds(4, 1, 1), 0, 4, 1),
        (Bounds(4, 1, 1), 1, 4, 2),
        (Bounds(4, 1, 1), 1, 5, 1),
        (Bounds(4, 1, 1), 6, 6, 4),
        (Bounds(2, 1, 0), 0, 0, 2),
    ],
)
def test_the_new_set_grows_into_the_room_there_is(limits: Bounds, new: int, all_pods: int, expected: int) -> None:
    assert new_size(limits, new, all_pods) == expected


def test_pods_that_are_not_available_go_first() -> None:
    old = [Size("a", 2, 0), Size("b", 3, 3)]
    assert shrink_old(Bounds(4, 1, 1), Size("new", 1, 0), old) == {"a": 0}


def test_nothing_shrinks_below_the_minimum() -> None:
    assert shrink_old(Bounds(2, 1, 0), Size("new", 1, 0), [Size("a", 2, 2)]) == {}


def test_a_change_of_scale_in_mid_rollout_is_shared() -> None:
    sizes = [Size("new", 3, 3, 13), Size("old", 10, 10, 13)]
    assert share_out(Bounds(20, 6, 5), sizes) == {"old": 20, "new": 6}
    assert share_out(Bounds(0, 1, 0), sizes) == {"old": 0, "new": 0}


counts = st.integers(0, 8)


@given(counts, counts, counts, st.lists(st.tuples(counts, counts), max_size=3), st.tuples(counts, counts))
def test_a_step_never_takes_a_pod_that_is_missed_and_always_stays_in_bounds(
    replicas: int, surge: int, unavailable: int, old: list[tuple[int, int]], new: tuple[int, int]
) -> None:
    unavailable = min(replicas, unavailable if surge or unavailable else 1)
    limits = Bounds(replicas, surge, unavailable)
    olds = [Size(f"old-{place}", size, min(size, available)) for place, (size, available) in enumerate(old)]
    fresh = Size("new", min(new[0], replicas), min(new[0], replicas, new[1]))
    before = fresh.available + sum(each.available for each in olds)
    smaller = shrink_old(limits, fresh, olds)
    after = fresh.available + sum(min(each.available, smaller.get(each.name, each.replicas)) for each in olds)
    assert after >= min(before, replicas - unavailable)
    assert all(0 <= size < next(each.replicas for each in olds if each.name == name) for name, size in smaller.items())
    everything = fresh.replicas + sum(each.replicas for each in olds)
    grown = new_size(limits, fresh.replicas, everything)
    assert grown >= fresh.replicas
    assert grown + everything - fresh.replicas <= max(everything, limits.most)
