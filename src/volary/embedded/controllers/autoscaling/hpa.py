"""HorizontalPodAutoscalers: pods by what a metric is measured at.

There is no metrics server inside. Three ways say what each pod is measured at, in the unit of the metric's target
(percent for a utilization): a constant or a script of values in time (`hpa_metrics`), by the annotation
`embedded.volary.dev/metric-value`; or a query of the cluster's own metrics, by `embedded.volary.dev/metric-query`.
Without either pods are idle: 0. The rest is the real rule: replicas = ceil(ready * value / target), tolerance, bounds,
windows, policies, and no scaling of a target that stands at 0.
Source: Kubernetes HPA controller (`horizontal.go`, `replica_calculator.go`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from volary.embedded.api import selectors
from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.autoscaling.limits import Advice, Condition, Past, limit, stabilize
from volary.embedded.controllers.autoscaling.metrics import (
    Measured,
    describe,
    metrics_of,
    name_of_metric,
    propose,
    read_script,
    shown,
    tolerances,
)
from volary.embedded.controllers.manager import Key
from volary.embedded.controllers.objects import (
    annotations_of,
    format_time,
    key_of,
    labels_of,
    meta,
    parse_time,
    ready,
    spec_of,
    status_of,
)
from volary.embedded.controllers.world import MANAGER, Line, World

AUTOSCALERS, PODS = "autoscaling/horizontalpodautoscalers", "/pods"
METRIC_VALUE, METRIC_QUERY = "embedded.volary.dev/metric-value", "embedded.volary.dev/metric-query"
COMPONENT = "horizontal-pod-autoscaler"
SYNC_SECONDS = 15.0  # between two steps, as the real controller's period
BELOW = "All metrics below target"
KEPT = timedelta(hours=1)  # the longest window and the longest period of a policy


@dataclass(frozen=True, slots=True)
class Decision:
    """How many pods there should be, and what to say about it."""

    replicas: int
    conditions: tuple[Condition, ...]
    metrics: tuple[NewObject, ...] = ()
    reason: str = BELOW
    next_in: float | None = None  # seconds until a metric is another, or must be asked again


@dataclass
class Memory:
    """What one autoscaler advised and did lately."""

    advised: list[Advice] = field(default_factory=list)
    added: list[Advice] = field(default_factory=list)
    removed: list[Advice] = field(default_factory=list)

    def past(self, now: datetime) -> Past:
        for each in (self.advised, self.added, self.removed):
            each[:] = [entry for entry in each if now - entry[0] < KEPT]
        return Past(tuple(self.advised), tuple(self.added), tuple(self.removed))


class Autoscalers:
    """The reconciler of HorizontalPodAutoscalers."""

    name = "hpa"
    sources = (AUTOSCALERS,)

    def __init__(self, world: World) -> None:
        self.world = world
        self.local = world.local
        self._memory: dict[Key, Memory] = {}
        self._targets: dict[tuple[str, str, str], set[Key]] = {}  # (resource, namespace, name) -> autoscalers

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == AUTOSCALERS and new is not None and (old is None or _input(old) != _input(new)):
            yield key_of(new)
        elif resource != AUTOSCALERS and self._targets and new is not None:
            watching = self._targets.get((resource, *key_of(new)))
            if watching and (old is None or _size(old) != _size(new)):
                yield from sorted(watching)

    def reconcile(self, key: Key) -> float | None:
        autoscaler = self.local.get(AUTOSCALERS, *key)
        if autoscaler is None:
            self._memory.pop(key, None)
            for watching in self._targets.values():
                watching.discard(key)
            return None
        ref = spec_of(autoscaler)["scaleTargetRef"]
        resource = self.local.resource_of(str(ref.get("apiVersion") or ""), str(ref["kind"]))
        if resource:
            self._targets.setdefault((resource, key[0], ref["name"]), set()).add(key)
        scale = self.local.scale(resource, key[0], ref["name"]) if resource else None
        if scale is None:
            return self._no_target(autoscaler, resource, ref)
        return self._scale(key, autoscaler, resource, scale)

    def _no_target(self, autoscaler: Object, resource: str, ref: Object) -> float:
        group, _, plural = resource.partition("/")
        if resource:
            why = f'{plural}{"." if group else ""}{group} "{ref["name"]}" not found'
        else:
            why = (
                f'no matches for kind "{ref["kind"]}" in group "{str(ref.get("apiVersion") or "").rpartition("/")[0]}"'
            )
        message = f"the HPA controller was unable to get the target's current scale: {why}"
        self.world.event(autoscaler, Line("FailedGetScale", why, "Warning"), COMPONENT)
        decision = Decision(0, (("AbleToScale", "False", "FailedGetScale", message),))
        self._write_status(autoscaler, decision, int(status_of(autoscaler).get("currentReplicas") or 0), False)
        return SYNC_SECONDS

    def _scale(self, key: Key, autoscaler: Object, resource: str, scale: Object) -> float | None:
        current = int(spec_of(scale).get("replicas") or 0)
        decision = self._decide(key, autoscaler, scale, current)
        rescale = decision.replicas != current
        if rescale:
            self.local.resize(
                resource, key[0], spec_of(autoscaler)["scaleTargetRef"]["name"], decision.replicas, MANAGER
            )
            self._remember_change(key, decision.replicas - current)
            line = Line("SuccessfulRescale", f"New size: {decision.replicas}; reason: {decision.reason}")
            self.world.event(autoscaler, line, COMPONENT)
        self._write_status(autoscaler, decision, current, rescale)
        held = any(each[2].endswith(("Stabilized", "Limit")) for each in decision.conditions)
        waits = [SYNC_SECONDS] if rescale or held else []
        return min([*waits, *([decision.next_in] if decision.next_in is not None else [])], default=None)

    def _remember_change(self, key: Key, difference: int) -> None:
        memory, now = self._memory.setdefault(key, Memory()), self.world.now()
        (memory.added if difference > 0 else memory.removed).append((now, abs(difference)))

    def _decide(self, key: Key, autoscaler: Object, scale: Object, current: int) -> Decision:
        spec = spec_of(autoscaler)
        least, most = int(spec.get("minReplicas") or 1), int(spec["maxReplicas"])
        if current == 0 and least != 0:
            text = "scaling is disabled since the replica count of the target is zero"
            return Decision(0, (_able(None), ("ScalingActive", "False", "ScalingDisabled", text)))
        if current > most:
            return Decision(most, (_able(most),), reason="Current number of replicas above Spec.MaxReplicas")
        if current < least:
            return Decision(least, (_able(least),), reason="Current number of replicas below Spec.MinReplicas")
        try:
            measured = self._measure(autoscaler)
        except ValueError as problem:
            return self._no_metric(autoscaler, current, str(problem))
        return self._by_metrics(key, autoscaler, scale, current, measured)

    def _by_metrics(self, key: Key, autoscaler: Object, scale: Object, current: int, measured: Measured) -> Decision:
        spec, now = spec_of(autoscaler), self.world.now()
        pods, metrics, allowed = self._ready_pods(key[0], scale), metrics_of(spec), tolerances(spec)
        proposals = [(propose(it, measured.value, current, pods, allowed), it) for it in metrics]
        wanted, by = max(proposals, key=lambda proposal: proposal[0])
        text = f"the HPA was able to successfully calculate a replica count from {describe(by)}"
        active = ("ScalingActive", "True", "ValidMetricFound", text)
        memory = self._memory.setdefault(key, Memory())
        memory.advised.append((now, memory.advised[-1][1] if memory.advised else current))  # it has stood until now
        past = memory.past(now)
        memory.advised.append((now, wanted))
        stable, able = stabilize(spec, current, wanted, past, now)
        replicas, limited = limit(spec, current, stable, past, now)
        reason = f"{describe(by)} above target" if replicas > current else BELOW
        able = _able(replicas) if replicas != current else able
        entries = tuple(shown(metric, measured.value) for metric in metrics)
        return Decision(replicas, (able, active, limited), entries, reason, measured.next_in)

    def _ready_pods(self, namespace: str, scale: Object) -> int:
        wanted = selectors.parse(str(status_of(scale).get("selector") or ""))
        pods = [pod for pod in self.local.items(PODS, namespace) if ready(pod)]
        return sum(selectors.matches(wanted, labels_of(pod)) for pod in pods) if wanted else 0

    def _measure(self, autoscaler: Object) -> Measured:
        """Return what pods are measured at. Raises: ValueError, where there is no value."""
        notes = annotations_of(autoscaler)
        if query := notes.get(METRIC_QUERY):
            value = self.world.measure(query)
            if value is None:
                raise ValueError(f"the query {query!r} found nothing")
            return Measured(value, SYNC_SECONDS)
        age = self.world.now() - parse_time(meta(autoscaler)["creationTimestamp"])
        return read_script(notes.get(METRIC_VALUE, ""), age.total_seconds())

    def _no_metric(self, autoscaler: Object, current: int, problem: str) -> Decision:
        metric = metrics_of(spec_of(autoscaler))[0]
        reason = f"FailedGet{metric['type']}Metric"
        why = f"unable to get metric {name_of_metric(metric)}: {problem}"
        text = f"the HPA was unable to compute the replica count: {why}"
        self.world.event(autoscaler, Line(reason, why, "Warning"), COMPONENT)
        self.world.event(
            autoscaler, Line("FailedComputeMetricsReplicas", f"invalid metrics: {why}", "Warning"), COMPONENT
        )
        got = "the HPA controller was able to get the target's current scale"
        able = ("AbleToScale", "True", "SucceededGetScale", got)
        return Decision(current, (able, ("ScalingActive", "False", reason, text)), next_in=SYNC_SECONDS)

    def _write_status(self, autoscaler: Object, decision: Decision, current: int, rescaled: bool) -> None:
        old, now = status_of(autoscaler), format_time(self.world.now())
        status: NewObject = {
            "currentMetrics": list(decision.metrics) or None,
            "desiredReplicas": decision.replicas,
            "conditions": [_stamped(entry, old, now) for entry in decision.conditions],
        }
        if current:
            status["currentReplicas"] = current
        if rescaled or old.get("lastScaleTime"):
            status["lastScaleTime"] = now if rescaled else old["lastScaleTime"]
        if status != old:
            self.local.update_status(AUTOSCALERS, {**autoscaler, "status": status}, MANAGER)


def _input(autoscaler: Object) -> tuple[Any, ...]:
    notes = annotations_of(autoscaler)
    return spec_of(autoscaler), notes.get(METRIC_VALUE), notes.get(METRIC_QUERY)


def _size(target: Object) -> tuple[Any, ...]:
    """Return what of a target matters, as far as it says it in the usual fields; of any other, each change does."""
    spec, status = spec_of(target), status_of(target)
    if "readyReplicas" not in status and "replicas" not in spec:
        return (meta(target).get("resourceVersion"),)
    return spec.get("replicas", 1), status.get("readyReplicas", 0)


def _able(replicas: int | None) -> Condition:
    if replicas is None:
        text = "the HPA controller was able to get the target's current scale"
        return "AbleToScale", "True", "SucceededGetScale", text
    text = f"the HPA controller was able to update the target scale to {replicas}"
    return "AbleToScale", "True", "SucceededRescale", text


def _stamped(entry: Condition, old: Object, now: str) -> NewObject:
    kind, status, reason, message = entry
    last = next((each for each in old.get("conditions") or () if each["type"] == kind), None)
    since = last["lastTransitionTime"] if last is not None and last["status"] == status else now
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}
