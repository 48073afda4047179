"""HorizontalPodAutoscalers whose one metric is a constant that an annotation sets.

There is no metrics server inside: `embedded.volary.dev/metric-value: "150"` on the autoscaler says what each pod is
measured at, in the unit of the metric's target (percent for a utilization). Without it pods are idle: 0. The rest is
the real rule: replicas = ceil(ready * value / target), a tolerance of a tenth, min and max, and no scaling of a
target that stands at 0.
Source: Kubernetes HPA controller (`horizontal.go`, `replica_calculator.go`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.manager import Key
from volary.embedded.controllers.objects import (
    annotations_of,
    edited,
    format_time,
    key_of,
    labels_of,
    meta,
    name_of,
    namespace_of,
    ready,
    selects,
    spec_of,
    status_of,
)
from volary.embedded.controllers.quantity import parse_quantity
from volary.embedded.controllers.world import MANAGER, Line, World

AUTOSCALERS, PODS = "autoscaling/horizontalpodautoscalers", "/pods"
METRIC_VALUE = "embedded.volary.dev/metric-value"
TARGETS = {"Deployment": "apps/deployments", "ReplicaSet": "apps/replicasets"}
COMPONENT = "horizontal-pod-autoscaler"
SYNC_SECONDS = 15.0  # between two steps, as the real controller's period
TOLERANCE = 0.1
BELOW = "All metrics below target"
STABILIZATION_SECONDS = 300  # before scaling down, unless `behavior` says otherwise

Condition = tuple[str, str, str, str]  # type, status, reason, message


@dataclass(frozen=True, slots=True)
class Advice:
    """How many pods there should be, and what to say about it."""

    replicas: int
    conditions: tuple[Condition, ...]
    metrics: tuple[NewObject, ...] = ()
    reason: str = BELOW


class Autoscalers:
    """The reconciler of HorizontalPodAutoscalers."""

    name = "hpa"
    sources = (AUTOSCALERS,)

    def __init__(self, world: World) -> None:
        self.world = world
        self.local = world.local
        self._advised: dict[Key, list[tuple[datetime, int]]] = {}  # what was advised lately, for scaling down

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == AUTOSCALERS and new is not None and (old is None or _input(old) != _input(new)):
            yield key_of(new)
        elif resource in TARGETS.values() and new is not None and (old is None or _size(old) != _size(new)):
            for autoscaler in self.local.items(AUTOSCALERS, namespace_of(new)):
                ref = spec_of(autoscaler)["scaleTargetRef"]
                if TARGETS.get(ref["kind"]) == resource and ref["name"] == name_of(new):
                    yield key_of(autoscaler)

    def reconcile(self, key: Key) -> float | None:
        autoscaler = self.local.get(AUTOSCALERS, *key)
        if autoscaler is None:
            self._advised.pop(key, None)
            return None
        ref = spec_of(autoscaler)["scaleTargetRef"]
        target = self.local.get(TARGETS.get(ref["kind"], ""), key[0], ref["name"]) if ref["kind"] in TARGETS else None
        if target is None:
            message = f'the HPA controller was unable to get the target: {ref["kind"]} "{ref["name"]}" not found'
            self._write_status(autoscaler, Advice(0, (("AbleToScale", "False", "FailedGetScale", message),)), 0, False)
            return SYNC_SECONDS
        return self._scale(key, autoscaler, target)

    def _scale(self, key: Key, autoscaler: Object, target: Object) -> float | None:
        current = int(spec_of(target).get("replicas", 1))
        advice = self._advise(autoscaler, target, current)
        replicas, held = self._stabilize(key, autoscaler, current, advice.replicas)
        rescale = replicas != current
        if rescale:
            changed = edited(target)
            changed["spec"]["replicas"] = replicas
            self.local.update(TARGETS[target["kind"]], changed, MANAGER)
            line = Line("SuccessfulRescale", f"New size: {replicas}; reason: {advice.reason}")
            self.world.event(autoscaler, line, COMPONENT)
        able = _able(rescale, replicas, held)
        advice = Advice(replicas, (able, *advice.conditions), advice.metrics)
        self._write_status(autoscaler, advice, current, rescale)
        return SYNC_SECONDS if rescale or held else None

    def _advise(self, autoscaler: Object, target: Object, current: int) -> Advice:
        spec = spec_of(autoscaler)
        least, most = int(spec.get("minReplicas") or 1), int(spec["maxReplicas"])
        if current == 0 and least != 0:
            text = "scaling is disabled since the replica count of the target is zero"
            return Advice(0, (("ScalingActive", "False", "ScalingDisabled", text),))
        if current > most:
            return Advice(most, (), reason="Current number of replicas above Spec.MaxReplicas")
        if current < least:
            return Advice(least, (), reason="Current number of replicas below Spec.MinReplicas")
        value = _metric_value(autoscaler)
        pods = [pod for pod in self.local.items(PODS, namespace_of(target)) if ready(pod)]
        pods = [pod for pod in pods if selects(spec_of(target).get("selector"), labels_of(pod))]
        proposals = [(_propose(metric, value, current, len(pods)), metric) for metric in _metrics(spec)]
        if not proposals:
            return Advice(current, ())
        replicas, by = max(proposals, key=lambda proposal: proposal[0])
        text = f"the HPA was able to successfully calculate a replica count from {describe(by)}"
        limited, replicas = _limit(replicas, current, least, most)
        metrics = tuple(_measured(metric, value) for _, metric in proposals)
        reason = f"{describe(by)} above target" if replicas > current else BELOW
        return Advice(replicas, (("ScalingActive", "True", "ValidMetricFound", text), limited), metrics, reason)

    def _stabilize(self, key: Key, autoscaler: Object, current: int, replicas: int) -> tuple[int, bool]:
        """Return the highest advice of the stabilization window, so that a dip does not scale down at once."""
        down = (spec_of(autoscaler).get("behavior") or {}).get("scaleDown") or {}
        seconds = down.get("stabilizationWindowSeconds")
        window = timedelta(seconds=STABILIZATION_SECONDS if seconds is None else int(seconds))
        now = self.world.now()
        past = [entry for entry in self._advised.get(key, [(now, current)]) if now - entry[0] < window]
        self._advised[key] = [*past, (now, replicas)]
        if replicas >= current or current > int(spec_of(autoscaler)["maxReplicas"]):
            return replicas, False
        highest = min(current, max([replicas, *(advice for _, advice in past)]))
        return highest, highest > replicas

    def _write_status(self, autoscaler: Object, advice: Advice, current: int, rescaled: bool) -> None:
        old, now = status_of(autoscaler), format_time(self.world.now())
        status: NewObject = {
            "currentReplicas": current,
            "desiredReplicas": advice.replicas,
            "observedGeneration": int(meta(autoscaler).get("generation") or 1),
            "conditions": [_stamped(entry, old, now) for entry in advice.conditions],
        }
        if advice.metrics:
            status["currentMetrics"] = list(advice.metrics)
        if rescaled or old.get("lastScaleTime"):
            status["lastScaleTime"] = now if rescaled else old["lastScaleTime"]
        if status != old:
            self.local.update_status(AUTOSCALERS, {**autoscaler, "status": status}, MANAGER)


def _input(autoscaler: Object) -> tuple[Any, ...]:
    return spec_of(autoscaler), annotations_of(autoscaler).get(METRIC_VALUE)


def _size(target: Object) -> tuple[Any, ...]:
    return spec_of(target).get("replicas", 1), status_of(target).get("readyReplicas", 0)


def _metrics(spec: Object) -> list[Object]:
    if spec.get("metrics"):
        return list(spec["metrics"])
    percent = int(spec.get("targetCPUUtilizationPercentage") or 80)
    target = {"type": "Utilization", "averageUtilization": percent}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _metric_value(autoscaler: Object) -> float:
    text = annotations_of(autoscaler).get(METRIC_VALUE)
    try:
        return parse_quantity(text) if text else 0.0
    except ValueError:
        return 0.0


def _source(metric: Object) -> Object:
    """Return the part of a metric that holds its target: `resource`, `pods`, `object`, `external`, …"""
    kind = str(metric["type"])
    found: Object = metric.get(kind[0].lower() + kind[1:]) or {}
    return found


def _target(metric: Object) -> float:
    target = _source(metric).get("target") or {}
    given = target.get("averageUtilization", target.get("averageValue", target.get("value")))
    return parse_quantity(str(given)) if given is not None else 0.0


def _propose(metric: Object, value: float, current: int, ready_pods: int) -> int:
    target = _target(metric)
    if target <= 0 or ready_pods == 0:
        return current  # nobody to measure
    ratio = value / target
    return current if abs(ratio - 1) <= TOLERANCE else math.ceil(ratio * ready_pods)


def _limit(replicas: int, current: int, least: int, most: int) -> tuple[Condition, int]:
    fastest = max(2 * current, 4)
    if replicas > min(fastest, most):
        if most <= fastest:
            text = "the desired replica count is more than the maximum replica count"
            return ("ScalingLimited", "True", "TooManyReplicas", text), most
        text = "the desired replica count is increasing faster than the maximum scale rate"
        return ("ScalingLimited", "True", "ScaleUpLimit", text), fastest
    if replicas < least:
        text = "the desired replica count is less than the minimum replica count"
        return ("ScalingLimited", "True", "TooFewReplicas", text), least
    return (
        "ScalingLimited",
        "False",
        "DesiredWithinRange",
        "the desired count is within the acceptable range",
    ), replicas


def _able(rescaled: bool, replicas: int, held: bool) -> Condition:
    if rescaled:
        text = f"the HPA controller was able to update the target scale to {replicas}"
        return "AbleToScale", "True", "SucceededRescale", text
    if held:
        text = "recent recommendations were higher than current one, applying the highest recent recommendation"
        return "AbleToScale", "True", "ScaleDownStabilized", text
    return "AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size"


def describe(metric: Object) -> str:
    """Return a metric's name as people know it: `cpu resource utilization (percentage of request)`."""
    source = _source(metric)
    name = source.get("name") or (source.get("metric") or {}).get("name") or "metric"
    if metric["type"] == "Resource" and "averageUtilization" in (source.get("target") or {}):
        return f"{name} resource utilization (percentage of request)"
    return f"{metric['type'].lower()} metric {name}"


def _measured(metric: Object, value: float) -> NewObject:
    kind, source = str(metric["type"]), dict(_source(metric))
    target = source.pop("target", None) or {}
    if "averageUtilization" in target:
        source["current"] = {"averageUtilization": int(value), "averageValue": f"{int(value)}m"}
    else:
        key = "averageValue" if "averageValue" in target else "value"
        source["current"] = {key: f"{value:g}"}
    return {"type": kind, kind[0].lower() + kind[1:]: source}


def _stamped(entry: Condition, old: Object, now: str) -> NewObject:
    kind, status, reason, message = entry
    last = next((each for each in old.get("conditions") or () if each["type"] == kind), None)
    since = last["lastTransitionTime"] if last is not None and last["status"] == status else now
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}
