"""What became of the requests: answered by a pod, failed, or lost. Pure.

Lost: refused, reset, no answer in time, or an answer that no pod signed. Failed: a pod answered with 500 or more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

SIGNATURE = "x-volary-pod"
LOAD = "x-volary-load"  # in a request: which generator asks
SERVED = "x-volary-served"  # in an answer: how many requests of that generator this pod has answered
FIRST_FAILURE = 500
PERCENTILES = (("p50", 0.5), ("p99", 0.99), ("max", 1.0))


class Tally:
    """Counts of one stretch of time."""

    def __init__(self) -> None:
        self.sent = self.ok = self.failed = self.lost = 0
        self.pods: Counter[tuple[str, int]] = Counter()  # answers by (pod, status)
        self.why: Counter[str] = Counter()  # lost requests by what happened
        self.latencies: list[float] = []  # seconds, from when the request was due

    def answered(self, status: int, pod: str, seconds: float) -> None:
        """Count an answer; `pod` is who signed it, "" if nobody did."""
        if not pod:
            self.gone(f"unsigned {status}")
            return
        self.pods[pod, status] += 1
        self.latencies.append(seconds)
        if status >= FIRST_FAILURE:
            self.failed += 1
        else:
            self.ok += 1

    def gone(self, why: str) -> None:
        """Count a request that nobody answered for."""
        self.lost += 1
        self.why[why] += 1

    def add(self, other: Tally) -> None:
        """Take another's counts in; latencies are of a moment and stay behind."""
        self.sent += other.sent
        self.ok += other.ok
        self.failed += other.failed
        self.lost += other.lost
        self.pods += other.pods
        self.why += other.why

    def line(self) -> dict[str, Any]:
        """Return the counts: `pods` maps a pod to its answers by status, `codes` all answers by status."""
        pods: dict[str, dict[str, int]] = {}
        codes: dict[str, int] = {}
        for (pod, status), count in sorted(self.pods.items()):
            pods.setdefault(pod, {})[str(status)] = count
            codes[str(status)] = codes.get(str(status), 0) + count
        counts = {"sent": self.sent, "ok": self.ok, "failed": self.failed, "lost": self.lost}
        return {**counts, "pods": pods, "codes": codes, "lost_why": dict(sorted(self.why.items()))}


class Counts:
    """Counts since the last line, and since the beginning."""

    def __init__(self) -> None:
        self.total = Tally()
        self.now = Tally()
        self.served: dict[str, int] = {}  # pod -> what it says it has answered

    def told(self, pod: str, served: int) -> None:
        """Note what a pod says it has answered; answers may come out of order."""
        if pod and served > self.served.get(pod, 0):
            self.served[pod] = served

    def take(self, seconds: float, end: bool = False) -> dict[str, Any]:
        """Return one line for the reader (`seconds` since the start) and begin a new stretch.

        `total.served` is what the pods themselves have counted; it must agree with `total.pods`.
        """
        self.total.add(self.now)
        line = {"t": round(seconds, 3), **self.now.line(), "latency_ms": percentiles(self.now.latencies)}
        self.now = Tally()
        total = {**self.total.line(), "served": dict(sorted(self.served.items()))}
        return {**line, "total": total, **({"end": True} if end else {})}

    @property
    def unfinished(self) -> int:
        """Return how many requests are still out."""
        both = (self.total, self.now)
        return sum(tally.sent - tally.ok - tally.failed - tally.lost for tally in both)


def percentiles(latencies: Sequence[float]) -> dict[str, float]:
    """Return p50, p99 and max in milliseconds; empty without a latency."""
    found = sorted(latencies)
    last = len(found) - 1
    return {name: round(found[min(last, int(len(found) * q))] * 1000, 2) for name, q in PERCENTILES} if found else {}


class Paths:
    """Which path each request asks for: every path in its share, spread evenly, the same in every run."""

    def __init__(self, weights: Sequence[tuple[str, int]]) -> None:
        """Raises: ValueError, where no path has a weight."""
        self._weights = [(path, weight) for path, weight in weights if weight > 0]
        if not self._weights:
            raise ValueError("no path has a weight")
        self._sum = sum(weight for _, weight in self._weights)
        self._credit = dict.fromkeys((path for path, _ in self._weights), 0)

    def next(self) -> str:
        for path, weight in self._weights:
            self._credit[path] += weight
        path = max(self._credit, key=lambda path: self._credit[path])
        self._credit[path] -= self._sum
        return path
