"""Arithmetic as IEEE 754 and Go have it: a division by zero is an infinity or NaN, never an error. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence


def divide(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


def remainder(left: float, right: float) -> float:
    if right == 0 or math.isinf(left) or math.isnan(left) or math.isnan(right):
        return math.nan
    return math.fmod(left, right)


def power(left: float, right: float) -> float:
    try:
        return math.pow(left, right)
    except OverflowError:
        return -math.inf if left < 0 and right % 2 == 1 else math.inf
    except ValueError:  # a root of a negative number, or 0 to a negative power
        odd = right == math.floor(right) and right % 2 == 1
        return math.copysign(math.inf, left if odd else 1) if left == 0 else math.nan


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": divide,
    "%": remainder,
    "^": power,
}
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
}


def logarithm(log: Callable[[float], float]) -> Callable[[float], float]:
    def safe(value: float) -> float:
        if value > 0:
            return log(value)
        return -math.inf if value == 0 else math.nan

    return safe


def whole(function: Callable[[float], float]) -> Callable[[float], float]:
    return lambda value: float(function(value)) if math.isfinite(value) else value


def exponential(value: float) -> float:
    try:
        return math.exp(value)
    except OverflowError:
        return math.inf


OF_ONE: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "ceil": whole(math.ceil),
    "floor": whole(math.floor),
    "round": whole(lambda value: math.floor(value + 0.5)),
    "sqrt": lambda value: math.sqrt(value) if value >= 0 else math.nan,
    "exp": exponential,
    "ln": logarithm(math.log),
    "log2": logarithm(math.log2),
    "log10": logarithm(math.log10),
}


def smallest(values: Sequence[float]) -> float:
    """Return the least number; NaN only when there is nothing else."""
    numbers = [value for value in values if not math.isnan(value)]
    return min(numbers) if numbers else math.nan


def greatest(values: Sequence[float]) -> float:
    numbers = [value for value in values if not math.isnan(value)]
    return max(numbers) if numbers else math.nan


AGGREGATE: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "min": smallest,
    "max": greatest,
    "count": lambda values: float(len(values)),
}


def quantile(wanted: float, buckets: Sequence[tuple[float, float]]) -> float:
    """Return a quantile of a histogram: (upper bound, count at or below it), sorted; NaN where there is none.

    Source: Prometheus promql/quantile.go, bucketQuantile.
    """
    if len(buckets) < 2 or buckets[-1][0] != math.inf:
        return math.nan
    counts: list[float] = []
    for _, count in buckets:  # a scrape in mid-update can show a larger bucket with a smaller count
        counts.append(max(count, counts[-1]) if counts else count)
    total = counts[-1]
    if total == 0 or math.isnan(total) or math.isnan(wanted):
        return math.nan
    if wanted < 0 or wanted > 1:
        return -math.inf if wanted < 0 else math.inf
    rank = wanted * total
    at = next((i for i, count in enumerate(counts[:-1]) if count >= rank), len(counts) - 1)
    if at == len(buckets) - 1:
        return buckets[-2][0]
    if at == 0 and buckets[0][0] <= 0:
        return buckets[0][0]
    below, start = (counts[at - 1], buckets[at - 1][0]) if at else (0.0, 0.0)
    return start + (buckets[at][0] - start) * divide(rank - below, counts[at] - below)
