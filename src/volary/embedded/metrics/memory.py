"""The samples of the last minutes, in memory. Pure.

All series are seen at the same moments, so a series is one array of numbers beside one list of times; where it was not
there at a moment stands NaN (what is counted here never is NaN itself).
"""

from __future__ import annotations

import math
import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence

from volary.embedded.metrics.promql.evaluate import NAME, Labels
from volary.embedded.metrics.promql.syntax import Matcher
from volary.embedded.metrics.promql.windows import Point

KEEP_MS = 10 * 60 * 1000
TRIM_EVERY = 256  # moments; moving the arrays each time would cost more than the memory


class Series:
    """One series: its values from moment number `first` on."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.values = array("d")


class Memory:
    """A ring of samples; the source of the query evaluator."""

    def __init__(self, keep_ms: int = KEEP_MS) -> None:
        self._keep = keep_ms
        self._times: list[int] = []  # milliseconds, rising
        self._dropped = 0  # moments forgotten so far; moment number n is at _times[n - _dropped]
        self._by_name: dict[str, dict[Labels, Series]] = {}

    def add(self, at: int, samples: Mapping[Labels, float]) -> None:
        """Remember one look at all series, `at` in milliseconds; a series that is not among them has a gap.

        A series seen for the first time was 0 one look before: what it has counted by now came since then.
        """
        if self._times and at <= self._times[-1]:
            return  # the clock stood still, or went back: a later look will do
        now = self._dropped + len(self._times)
        self._times.append(at)
        for labels, value in samples.items():
            family = self._by_name.setdefault(dict(labels)[NAME], {})
            series = family.get(labels)
            if series is None:
                series = family[labels] = Series(now)
                if now > self._dropped:
                    series.first = now - 1
                    series.values.append(0.0)
            fill(series, now)
            series.values.append(value)
        if now % TRIM_EVERY == 0:
            self._trim(at)

    def _trim(self, at: int) -> None:
        old = bisect_left(self._times, at - self._keep)
        del self._times[:old]
        self._dropped += old
        for family in self._by_name.values():
            for labels, series in list(family.items()):
                surplus = self._dropped - series.first
                if surplus >= len(series.values):
                    del family[labels]
                elif surplus > 0:
                    del series.values[:surplus]
                    series.first = self._dropped

    def select(self, matchers: Sequence[Matcher], start: int, end: int) -> Iterator[tuple[Labels, list[Point]]]:
        low = self._dropped + bisect_left(self._times, start)
        high = self._dropped + bisect_right(self._times, end)
        for labels, series in self._matching(matchers):
            yield labels, self._points(series, low, high)

    def _points(self, series: Series, low: int, high: int) -> list[Point]:
        first = max(low, series.first)
        values = series.values[first - series.first : max(high - series.first, 0)]
        times = self._times[first - self._dropped : first - self._dropped + len(values)]
        return [(at, value) for at, value in zip(times, values, strict=True) if not math.isnan(value)]

    def ended(self, labels: Labels, at: int) -> bool:
        """Was the series missing at the last look before `at`?"""
        series = self._by_name.get(dict(labels)[NAME], {}).get(labels)
        look = self._dropped + bisect_right(self._times, at) - 1
        if series is None or look < series.first:
            return True
        place = look - series.first
        return place >= len(series.values) or math.isnan(series.values[place])

    def _matching(self, matchers: Sequence[Matcher]) -> Iterator[tuple[Labels, Series]]:
        names = [matches(matcher) for matcher in matchers if matcher.label == NAME]
        others = [(matcher.label, matches(matcher)) for matcher in matchers if matcher.label != NAME]
        for name in sorted(self._by_name):
            if all(holds(name) for holds in names):
                for labels, series in self._by_name[name].items():
                    have = dict(labels)
                    if all(holds(have.get(label, "")) for label, holds in others):
                        yield labels, series

    def newest(self) -> dict[Labels, float]:
        """Return every series that the last look showed."""
        at = self._times[-1] if self._times else 0
        every = (item for family in self._by_name.values() for item in family.items())
        return {labels: series.values[-1] for labels, series in every if not self.ended(labels, at)}


def fill(series: Series, until: int) -> None:
    """Mark the moments in which the series was not there."""
    missing = until - series.first - len(series.values)
    if missing > 0:
        series.values.extend([math.nan] * missing)


def matches(matcher: Matcher) -> Callable[[str], bool]:
    """Return the test of one matcher; expressions match the whole value."""
    if matcher.operator in ("=", "!="):
        return lambda value: (value == matcher.value) == (matcher.operator == "=")
    pattern = re.compile(matcher.value)
    return lambda value: (pattern.fullmatch(value) is not None) == (matcher.operator == "=~")
