"""Envoy's counters under the names and labels of Istio's standard metrics. Pure but for what it remembers.

Every cluster has zeros for the usual codes and all buckets from its first moment: `rate` cannot see the first value of
a series, so the first errors of a canary would otherwise be invisible. Counters never go back: what Envoy counted
before it restarted, or before a cluster left and came again, is kept.

The gateway measures what Istio calls `reporter="source"`; the label says "destination" because the standard query asks
for it. Source: Istio standard metrics; Envoy cluster statistics.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from volary.embedded.metrics.exposition import read_text
from volary.embedded.metrics.promql.evaluate import NAME, Labels

REQUESTS, DURATION = "istio_requests_total", "istio_request_duration_milliseconds"
ENVOY_REQUESTS, ENVOY_TIME = "envoy_cluster_upstream_rq", "envoy_cluster_upstream_rq_time"
CODES = ("200", "500")  # there from the beginning
BOUNDS = (0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000)
LONG_BOUNDS = (300000, 600000, 1800000, 3600000)
BUCKETS = (*(f"{bound:g}" if bound < 1 else str(bound) for bound in (*BOUNDS, *LONG_BOUNDS)), "+Inf")
FILTER = r"^cluster\.[^.]+\.upstream_rq_([0-9]+|time)$"  # of Envoy's own names
REMEMBER_MS = 5 * 60 * 1000

Part = tuple[str, str]  # (code, "") of a count; ("", "le") of a bucket; ("", "sum"), ("", "count")


@dataclass(frozen=True, slots=True)
class Destination:
    """Whom the requests to an Envoy cluster count for."""

    namespace: str
    service: str
    workload: str = "unknown"

    def labels(self) -> dict[str, str]:
        return {
            "reporter": "destination",
            "destination_workload": self.workload,
            "destination_workload_namespace": self.namespace,
            "destination_service": f"{self.service}.{self.namespace}.svc.cluster.local",
            "destination_service_name": self.service,
            "destination_service_namespace": self.namespace,
            "request_protocol": "http",
            "connection_security_policy": "none",
        }


class Translator:
    """From one Envoy's statistics to Istio's series."""

    def __init__(self) -> None:
        self._last: dict[str, dict[Part, float]] = {}  # what Envoy last said, by cluster
        self._totals: dict[Destination, dict[Part, float]] = {}
        self._seen: dict[Destination, int] = {}  # when it last had a cluster, milliseconds

    def translate(self, text: str, destinations: Mapping[str, Destination], at: int) -> dict[Labels, float]:
        """Return all series now, from Envoy's text and the clusters there are; `at` in milliseconds."""
        for destination in destinations.values():
            self._seen[destination] = at
            self._totals.setdefault(destination, dict.fromkeys(all_parts(), 0.0))
        now: dict[str, dict[Part, float]] = {}
        for cluster, part, value in envoy_counts(text):
            if cluster in destinations:
                now.setdefault(cluster, {})[part] = value
                totals = self._totals[destinations[cluster]]
                # Envoy says less than before: it, or the cluster, began anew at 0. So it did where it said nothing.
                last = self._last.get(cluster, {}).get(part, 0.0)
                totals[part] = totals.get(part, 0.0) + (value - last if value >= last else value)
        self._last = now
        self._forget(at)
        return {
            labels_of(part, destination): total
            for destination, totals in self._totals.items()
            for part, total in totals.items()
        }

    def _forget(self, at: int) -> None:
        """Drop what was gone for so long that no query sees it any more."""
        for destination in [one for one, seen in self._seen.items() if at - seen > REMEMBER_MS]:
            del self._seen[destination], self._totals[destination]


def all_parts() -> Iterable[Part]:
    yield from ((code, "") for code in CODES)
    yield from (("", bucket) for bucket in (*BUCKETS, "sum", "count"))


@lru_cache(maxsize=16_384)  # the same few hundred, four times a second
def labels_of(part: Part, destination: Destination) -> Labels:
    code, bucket = part
    if code:
        own = {NAME: REQUESTS, "response_code": code}
    elif bucket in ("sum", "count"):
        own = {NAME: f"{DURATION}_{bucket}"}
    else:
        own = {NAME: f"{DURATION}_bucket", "le": bucket}
    return tuple(sorted({**destination.labels(), **own}.items()))


def envoy_counts(text: str) -> Iterable[tuple[str, Part, float]]:
    """Yield (cluster, part, value) from Envoy's statistics in Prometheus's format."""
    for name, labels, value in read_text(text):
        cluster = labels.get("envoy_cluster_name", "")
        if name == ENVOY_REQUESTS and "envoy_response_code" in labels:
            yield cluster, (labels["envoy_response_code"], ""), value
        elif name.startswith(ENVOY_TIME):
            suffix = name.removeprefix(f"{ENVOY_TIME}_")
            if suffix == "bucket":
                yield cluster, ("", labels.get("le", "")), value
            elif suffix in ("sum", "count"):
                yield cluster, ("", suffix), value
