"""Functions over the samples of a window: rate and its kin. Pure.

Times are whole milliseconds: with fractions of seconds, answers differ from Prometheus's in the eighth digit.

Source: Prometheus promql/functions.go, extrapolatedRate (2.x).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

Point = tuple[int, float]  # (milliseconds, value)
FAR = 1.1  # a window's end is this many average gaps away from the first or last sample: do not reach for it


def extrapolated(points: Sequence[Point], start: int, end: int, counter: bool) -> float | None:
    """Return how much a series grew in the window, as if it had samples at both ends; None with fewer than two."""
    if len(points) < 2:
        return None
    (first_at, first), (last_at, last) = points[0], points[-1]
    growth = last - first
    if counter:
        growth += sum(before for (_, before), (_, after) in pairwise(points) if after < before)  # it began anew
    sampled = (last_at - first_at) / 1000
    average = sampled / (len(points) - 1)
    to_start, to_end = (first_at - start) / 1000, (end - last_at) / 1000
    if counter and growth > 0 and first >= 0:
        to_start = min(to_start, sampled * (first / growth))  # a counter was never below 0
    reach = sampled
    reach += to_start if to_start < average * FAR else average / 2
    reach += to_end if to_end < average * FAR else average / 2
    return growth * (reach / sampled)


def rate(points: Sequence[Point], start: int, end: int) -> float | None:
    grown = extrapolated(points, start, end, counter=True)
    return None if grown is None else grown / ((end - start) / 1000)


def irate(points: Sequence[Point], start: int, end: int) -> float | None:
    if len(points) < 2:
        return None
    (before_at, before), (last_at, last) = points[-2:]
    return (last if last < before else last - before) / ((last_at - before_at) / 1000)


def of_values(function: Callable[[Sequence[float]], float]) -> Callable[[Sequence[Point], int, int], float | None]:
    """Return a function over the values alone; a window without samples gives nothing."""
    return lambda points, start, end: function([value for _, value in points]) if points else None


WINDOW_FUNCTIONS: dict[str, Callable[[Sequence[Point], int, int], float | None]] = {
    "rate": rate,
    "increase": lambda points, start, end: extrapolated(points, start, end, counter=True),
    "delta": lambda points, start, end: extrapolated(points, start, end, counter=False),
    "irate": irate,
    "avg_over_time": of_values(lambda values: sum(values) / len(values)),
    "sum_over_time": of_values(sum),
    "min_over_time": of_values(min),
    "max_over_time": of_values(max),
    "count_over_time": of_values(lambda values: float(len(values))),
}
