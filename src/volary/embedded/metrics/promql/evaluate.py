"""Evaluates a query at one moment. Pure; exact where it answers, and it refuses rather than guess.

An empty vector and NaN are answers with a meaning ("no values" decides something in a canary), so both come out as
Prometheus gives them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, assert_never

from volary.embedded.metrics.promql.numbers import AGGREGATE, ARITHMETIC, COMPARE, OF_ONE, quantile
from volary.embedded.metrics.promql.syntax import (
    Aggregate,
    Binary,
    Call,
    Expression,
    Matcher,
    Negative,
    Number,
    Refused,
    Selector,
    Window,
)
from volary.embedded.metrics.promql.windows import WINDOW_FUNCTIONS, Point

Labels = tuple[tuple[str, str], ...]  # sorted; the metric's name is the label __name__
Sample = tuple[Labels, float]
Value = float | list[Sample]
NAME = "__name__"
LOOK_BACK = 300_000  # milliseconds that a sample stays the newest one


class Source(Protocol):
    """Where samples come from."""

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Iterable[tuple[Labels, Sequence[Point]]]:
        """Return the series that match, each with its samples from `start` to `end`, both included, in milliseconds."""
        ...

    def ended(self, labels: Labels, at: int) -> bool:
        """Was the series already gone at this time (its target no longer showed it)?"""
        ...


def evaluate(expression: Expression, source: Source, at: int) -> Value:
    """Return the value of a query at a time in milliseconds. Raises: Refused."""
    return Evaluation(source, at).value(expression)


def nameless(labels: Labels) -> Labels:
    return tuple(pair for pair in labels if pair[0] != NAME)


class Evaluation:
    """One query at one moment."""

    def __init__(self, source: Source, at: int) -> None:
        self._source = source
        self._at = at

    def value(self, expression: Expression) -> Value:
        match expression:
            case Number(number):
                return number
            case Selector():
                return self.newest(expression)
            case Negative(inner):
                found = self.value(inner)
                return -found if isinstance(found, float) else [(nameless(labels), -one) for labels, one in found]
            case Call():
                return self.call(expression)
            case Aggregate():
                return aggregate(expression, self.vector(expression.inner))
            case Binary():
                return self.binary(expression)
            case Window():
                raise Refused("unsupported: a range vector as a value")
            case _:
                assert_never(expression)

    def vector(self, expression: Expression) -> list[Sample]:
        found = self.value(expression)
        assert not isinstance(found, float), "the parser checks the kinds"
        return found

    def scalar(self, expression: Expression) -> float:
        found = self.value(expression)
        assert isinstance(found, float), "the parser checks the kinds"
        return found

    def newest(self, selector: Selector) -> list[Sample]:
        """Return the newest sample of each series, unless it is too old or the series has ended."""
        end = self._at - selector.offset
        found = self._source.select(selector.matchers, end - LOOK_BACK, end)
        return [(labels, points[-1][1]) for labels, points in found if points and not self._source.ended(labels, end)]

    def call(self, call: Call) -> Value:
        match call.function, call.arguments:
            case "time", ():
                return self._at / 1000
            case "vector", (inner,):
                return [((), self.scalar(inner))]
            case "scalar", (inner,):
                only = self.vector(inner)
                return only[0][1] if len(only) == 1 else float("nan")
            case "absent", (inner,):
                return [] if self.vector(inner) else [(known_labels(inner), 1.0)]
            case "histogram_quantile", (wanted, inner):
                return quantiles(self.scalar(wanted), self.vector(inner))
            case (("clamp_min" | "clamp_max" | "clamp"), (inner, *limits)):
                return clamp(call.function, self.vector(inner), [self.scalar(limit) for limit in limits])
            case function, (Window() as window,):
                return self.over(function, window)
            case function, (inner,):
                one = OF_ONE[function]
                return distinct((nameless(labels), one(value)) for labels, value in self.vector(inner))
            case _:
                raise Refused(f"unsupported: the function {call.function}")

    def over(self, function: str, window: Window) -> list[Sample]:
        end = self._at - window.selector.offset
        start = end - window.range
        compute = WINDOW_FUNCTIONS[function]
        series = self._source.select(window.selector.matchers, start, end)
        found = ((nameless(labels), compute(points, start, end)) for labels, points in series)
        return distinct((labels, value) for labels, value in found if value is not None)

    def binary(self, operation: Binary) -> Value:
        left, right = self.value(operation.left), self.value(operation.right)
        operator = operation.operator
        if isinstance(left, float) and isinstance(right, float):
            compute = ARITHMETIC.get(operator)
            return compute(left, right) if compute else float(COMPARE[operator](left, right))
        if isinstance(right, float):
            return each(operation, left, lambda value: (value, right)) if isinstance(left, list) else []
        if isinstance(left, float):
            return each(operation, right, lambda value: (left, value))
        if operator in ("or", "and", "unless"):
            return combine(operator, left, right)
        return pairs(operation, left, right)


def distinct(samples: Iterable[Sample]) -> list[Sample]:
    """Return the samples. Raises: Refused, when two have the same labels once the name is gone."""
    found = list(samples)
    if len({labels for labels, _ in found}) != len(found):
        raise Refused("the result has two series with the same labels; select one metric by its name")
    return found


def each(operation: Binary, vector: list[Sample], sides: Callable[[float], tuple[float, float]]) -> list[Sample]:
    """Return a vector against a number; a comparison leaves out what does not satisfy it."""
    if compute := ARITHMETIC.get(operation.operator):
        return distinct((nameless(labels), compute(*sides(value))) for labels, value in vector)
    holds = COMPARE[operation.operator]
    if operation.as_bool:
        return distinct((nameless(labels), float(holds(*sides(value)))) for labels, value in vector)
    return [(labels, value) for labels, value in vector if holds(*sides(value))]


def combine(operator: str, left: list[Sample], right: list[Sample]) -> list[Sample]:
    ours, theirs = ({nameless(labels) for labels, _ in side} for side in (left, right))
    if operator == "or":
        return left + [sample for sample in right if nameless(sample[0]) not in ours]
    return [sample for sample in left if (nameless(sample[0]) in theirs) == (operator == "and")]


def pairs(operation: Binary, left: list[Sample], right: list[Sample]) -> list[Sample]:
    """Return two vectors against each other, series by series with the same labels."""
    by_labels: dict[Labels, float] = {}
    for labels, value in right:
        if nameless(labels) in by_labels:
            raise Refused(f"{operation.operator}: two series on the right have the same labels")
        by_labels[nameless(labels)] = value
    found: list[Sample] = []
    compute, seen = ARITHMETIC.get(operation.operator), set()
    for labels, value in left:
        key = nameless(labels)
        if key not in by_labels:
            continue
        if key in seen:
            raise Refused(f"{operation.operator}: two series on the left have the same labels")
        seen.add(key)
        if compute:
            found.append((key, compute(value, by_labels[key])))
            continue
        holds = COMPARE[operation.operator](value, by_labels[key])
        if operation.as_bool:
            found.append((key, float(holds)))
        elif holds:
            found.append((labels, value))
    return found


def aggregate(operation: Aggregate, vector: list[Sample]) -> list[Sample]:
    groups: dict[Labels, list[float]] = defaultdict(list)
    for labels, value in vector:
        kept = labels if operation.by else nameless(labels)
        key = tuple(pair for pair in kept if (pair[0] in operation.labels) == operation.by)
        groups[key].append(value)
    compute = AGGREGATE[operation.operator]
    return [(labels, float(compute(values))) for labels, values in groups.items()]


def quantiles(wanted: float, vector: list[Sample]) -> list[Sample]:
    groups: dict[Labels, list[tuple[float, float]]] = defaultdict(list)
    for labels, value in vector:
        bound = dict(labels).get("le", "")
        try:
            limit = float(bound)
        except ValueError:
            continue  # no bucket
        groups[tuple(pair for pair in labels if pair[0] not in (NAME, "le"))].append((limit, value))
    return [(labels, quantile(wanted, merged(buckets))) for labels, buckets in groups.items()]


def merged(buckets: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return buckets sorted, those of one bound as one."""
    by_bound: dict[float, float] = defaultdict(float)
    for bound, count in buckets:
        by_bound[bound] += count
    return sorted(by_bound.items())


def clamp(function: str, vector: list[Sample], limits: list[float]) -> list[Sample]:
    low = limits[0] if function != "clamp_max" else float("-inf")
    high = limits[-1] if function != "clamp_min" else float("inf")
    if low > high:
        return []
    return distinct((nameless(labels), max(low, min(high, value))) for labels, value in vector)


def known_labels(expression: Expression) -> Labels:
    """Return the labels that a selector asks for by equality; what `absent` can say of a series that is not there."""
    if not isinstance(expression, Selector):
        return ()
    equal = [(m.label, m.value) for m in expression.matchers if m.operator == "=" and m.label != NAME]
    return tuple(sorted({label: (label, value) for label, value in equal}.values()))
