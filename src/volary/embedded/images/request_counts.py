"""Counts of answers by method, route and status, in Prometheus' text form, under podinfo's names."""

from __future__ import annotations

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
DURATION, TOTAL = "http_request_duration_seconds", "http_requests_total"


class RequestCounts:
    """A histogram for each (method, route, status)."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str, int], list[float]] = {}  # buckets, +Inf, sum of seconds

    def add(self, method: str, route: str, code: int, seconds: float) -> None:
        series = self._series.setdefault((method, route, code), [0.0] * (len(BUCKETS) + 2))
        series[next((place for place, limit in enumerate(BUCKETS) if seconds <= limit), len(BUCKETS))] += 1
        series[-1] += seconds

    def text(self) -> str:
        lines = [f"# HELP {DURATION} Seconds spent serving HTTP requests.", f"# TYPE {DURATION} histogram"]
        totals: dict[int, float] = {}
        for (method, route, code), series in sorted(self._series.items()):
            labels = f'method="{method}",path="{route}",status="{code}"'
            running = 0.0
            for limit, count in zip((*(f"{bucket:g}" for bucket in BUCKETS), "+Inf"), series):
                running += count
                lines.append(f'{DURATION}_bucket{{{labels},le="{limit}"}} {running:.0f}')
            lines.append(f"{DURATION}_sum{{{labels}}} {series[-1]!r}")
            lines.append(f"{DURATION}_count{{{labels}}} {running:.0f}")
            totals[code] = totals.get(code, 0) + running
        lines += [f"# HELP {TOTAL} The total number of HTTP requests.", f"# TYPE {TOTAL} counter"]
        lines += [f'{TOTAL}{{status="{code}"}} {count:.0f}' for code, count in sorted(totals.items())]
        return "\n".join(lines) + "\n"
