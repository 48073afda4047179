"""The users of one application in one cluster, as a model: traffic becomes counters, without a single request.

    load x VirtualService weights ──► Services ──► ready pods ──► each pod's own PODINFO_FAULT ──► Istio's counters

Nothing is scripted: who gets traffic and what fails is read from the objects in the API, at each write, so a wrong
weight, a pod that is not ready or a bad template shows in the metrics as it would in real life. Counters are worked
out only when somebody asks; at rest the model costs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from volary.embedded.api.local import Local, Object
from volary.embedded.images.podinfo import read_faults
from volary.embedded.mesh.endpoints import by_service, ready
from volary.embedded.metrics.istio import BOUNDS, BUCKETS, Destination, Part, all_parts, labels_of
from volary.embedded.metrics.memory import Memory
from volary.embedded.metrics.promql.evaluate import Labels
from volary.embedded.metrics.workloads import Workloads

SERVICES, SLICES, PODS = "/services", "discovery.k8s.io/endpointslices", "/pods"
DEPLOYMENTS, REPLICA_SETS = "apps/deployments", "apps/replicasets"
VIRTUAL_SERVICES = "networking.istio.io/virtualservices"
WATCHED = {SERVICES, SLICES, PODS, DEPLOYMENTS, REPLICA_SETS, VIRTUAL_SERVICES}
ANSWER_MS = 8.0
LOST = Destination("", "lost")
UNAVAILABLE = "503"

Rates = dict[tuple[Destination, str], float]  # (who, code) -> requests a second


@dataclass(frozen=True, slots=True)
class Load:
    """What the users of a host ask for."""

    namespace: str
    service: str
    rate: float = 200.0  # requests a second
    paths: Mapping[str, float] = field(default_factory=lambda: {"/": 1.0})  # path -> share


@dataclass(slots=True)
class Stretch:
    """A time in which nothing changed: counts at its beginning, and how fast they grow."""

    began: float
    counts: Rates
    rates: Rates


class Crowd:
    """The load on one application, in the time of the event loop."""

    def __init__(self, local: Local, load: Load, step_seconds: float = 0.25) -> None:
        self.local = local
        self.load = load
        self.loop = asyncio.get_running_loop()
        self.now = self.loop.time
        self.step = step_seconds  # between two looks at the counters, as a scraper makes them
        self.on = False
        self._stretches = [Stretch(0.0, {}, {})]
        self._stale = False
        self._sampled = 0.0
        local.listen(self._note)

    def begin(self) -> None:
        """Let the users come."""
        self._close()
        self.on = True

    @property
    def lost(self) -> float:
        """Return how many requests found no pod so far."""
        return sum(count for (who, _), count in self._counts(self.now()).items() if who == LOST)

    @property
    def answered(self) -> dict[str, float]:
        """Return how many requests each workload answered so far."""
        found: dict[str, float] = {}
        for (who, _), count in self._counts(self.now()).items():
            found[who.workload] = found.get(who.workload, 0.0) + count
        return found

    def fill(self, memory: Memory, wall_ms: int, window_seconds: float) -> None:
        """Bring the counters of the last `window_seconds` into a metrics memory."""
        now = self.now()
        count = int(window_seconds / self.step)
        for number in range(count, -1, -1):
            at = now - number * self.step
            if at > self._sampled:
                memory.add(wall_ms - round(number * self.step * 1000), series(self._counts(at)))
        self._sampled = now
        self._forget(now - window_seconds - self.step)

    def _note(self, resource: str, old: Object | None, new: Object | None) -> None:
        if resource in WATCHED:
            self._close()

    def _close(self) -> None:
        """Something changes now: settle what was until now; look at what is from now on once all is written."""
        if not self._stale:
            now = self.now()
            counts = self._counts(now)
            if self._stretches[-1].began == now:
                self._stretches.pop()
            self._stretches.append(Stretch(now, counts, {}))
            self._stale = True
            self.loop.call_soon(self._refresh)

    def _counts(self, at: float) -> Rates:
        """Return all counts at a moment."""
        self._refresh()
        stretch = next((one for one in reversed(self._stretches) if one.began <= at), self._stretches[0])
        counts = dict(stretch.counts)
        for key, rate in stretch.rates.items():
            counts[key] = counts.get(key, 0.0) + rate * max(at - stretch.began, 0.0)
        return counts

    def _refresh(self) -> None:
        if self._stale:
            self._stale = False
            last = self._stretches[-1]
            last.rates = self._rates() if self.on else {}
            for who, _ in last.rates:  # both codes are there from the first moment: `rate` cannot see a first value
                last.counts.setdefault((who, "200"), 0.0)
                last.counts.setdefault((who, "500"), 0.0)

    def _forget(self, before: float) -> None:
        while len(self._stretches) > 1 and self._stretches[1].began <= before:
            del self._stretches[0]

    def _rates(self) -> Rates:
        """Return who gets how much, from the objects as they are."""
        rates: Rates = {}
        workloads = Workloads(*(self.local.items(resource) for resource in (DEPLOYMENTS, REPLICA_SETS, PODS)))
        for name, share in shares(self._route(), self.load.service).items():
            pods = self._ready_pods(name)
            service = self.local.get(SERVICES, self.load.namespace, name)
            if service is None or not pods:
                rates[LOST, UNAVAILABLE] = rates.get((LOST, UNAVAILABLE), 0.0) + self.load.rate * share
                continue
            who = Destination(self.load.namespace, name, workloads.behind(service))
            for pod in pods:
                self._add(rates, who, pod, self.load.rate * share / len(pods))
        return rates

    def _add(self, rates: Rates, who: Destination, pod: Object, rate: float) -> None:
        for path, share in sorted(self.load.paths.items()):
            code, bad = fault_of(pod, path)
            for key, part in ((code, bad), ("200", 1.0 - bad)):
                rates[who, key] = rates.get((who, key), 0.0) + rate * share * part

    def _route(self) -> Object | None:
        return self.local.get(VIRTUAL_SERVICES, self.load.namespace, self.load.service)

    def _ready_pods(self, service: str) -> list[Object]:
        return ready_pods(self.local, self.load.namespace, service)


def ready_pods(local: Local, namespace: str, service: str) -> list[Object]:
    """Return the pods that a Service sends requests to."""
    slices = by_service(local.items(SLICES, namespace)).get((namespace, service), ())
    names = {
        (endpoint.get("targetRef") or {}).get("name", "")
        for one in slices
        for endpoint in one.get("endpoints") or ()
        if ready(endpoint)
    }
    found = (local.get(PODS, namespace, name) for name in sorted(names) if name)
    return [pod for pod in found if pod is not None and not pod["metadata"].get("deletionTimestamp")]


def shares(route: Object | None, service: str) -> dict[str, float]:
    """Return which Service gets which part of the traffic; without a route all goes to the Service itself."""
    http = ((route or {}).get("spec") or {}).get("http") or ()
    if not http:
        return {service: 1.0}
    entries = http[0].get("route") or ()
    weights: dict[str, float] = {}
    for entry in entries:
        host = str((entry.get("destination") or {}).get("host") or "").split(".")[0]
        weight = 1.0 if len(entries) == 1 else float(entry.get("weight") or 0)
        weights[host] = weights.get(host, 0.0) + weight
    total = sum(weights.values())
    return {host: weight / total for host, weight in sorted(weights.items()) if weight} if total else {}


def fault_of(pod: Object, path: str) -> tuple[str, float]:
    """Return which code a pod answers a path with, and in which part of the cases, from its PODINFO_FAULT."""
    for fault in read_faults(variable(pod, "PODINFO_FAULT")):
        if fault.path == path:
            return str(fault.status), 1.0 / fault.every
    return "200", 0.0


def variable(pod: Object, name: str) -> str:
    containers: Iterable[Mapping[str, Any]] = (pod.get("spec") or {}).get("containers") or ()
    entries = (entry for container in containers for entry in container.get("env") or ())
    return next((str(entry.get("value") or "") for entry in entries if entry.get("name") == name), "")


def series(counts: Rates) -> dict[Labels, float]:
    """Return the counts as Istio's series, durations included: every request takes ANSWER_MS."""
    found: dict[Labels, float] = {}
    totals: dict[Destination, float] = {}
    for (who, code), count in counts.items():
        if who != LOST:
            found[labels_of((code, ""), who)] = count
            totals[who] = totals.get(who, 0.0) + count
    for who, total in totals.items():
        for part in all_parts():
            if not part[0]:
                found[labels_of(part, who)] = duration(part, total)
    return found


def duration(part: Part, total: float) -> float:
    if part[1] == "sum":
        return total * ANSWER_MS
    bound = dict(zip(BUCKETS, BOUNDS, strict=False)).get(part[1])
    return 0.0 if bound is not None and bound < ANSWER_MS else total
