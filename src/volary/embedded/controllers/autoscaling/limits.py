"""How fast and how far an autoscaler may go: its bounds, its windows of stabilization, its policies. Pure.

Source: Kubernetes HPA controller (`horizontal.go`: `normalizeDesiredReplicas…`), KEP-853.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from volary.embedded.api.local import Object

STABILIZATION_SECONDS = 300  # before scaling down, unless `behavior` says otherwise
DEFAULT_UP: Sequence[Object] = (
    {"type": "Percent", "value": 100, "periodSeconds": 15},
    {"type": "Pods", "value": 4, "periodSeconds": 15},
)
DEFAULT_DOWN: Sequence[Object] = ({"type": "Percent", "value": 100, "periodSeconds": 15},)

Advice = tuple[datetime, int]  # when, how many pods were advised; or by how many the target was changed
Condition = tuple[str, str, str, str]  # type, status, reason, message


@dataclass(frozen=True, slots=True)
class Past:
    """What was advised and done lately."""

    advised: Sequence[Advice] = ()
    added: Sequence[Advice] = ()
    removed: Sequence[Advice] = ()


def stabilize(spec: Object, current: int, wanted: int, past: Past, now: datetime) -> tuple[int, Condition]:
    """Return the pods that all recent advice agrees on, and the condition that says why."""
    behavior = spec.get("behavior") or {}
    up = _seconds(behavior.get("scaleUp"), 0)
    down = _seconds(behavior.get("scaleDown"), STABILIZATION_SECONDS)
    lowest = min([wanted, *(each for at, each in past.advised if now - at < up)])
    highest = max([wanted, *(each for at, each in past.advised if now - at < down)])
    result = min(max(current, lowest), highest)
    if result == wanted:
        return result, ("AbleToScale", "True", "ReadyForNewScale", "recommended size matches current size")
    if wanted >= current:
        text = "recent recommendations were lower than current one, applying the lowest recent recommendation"
        return result, ("AbleToScale", "True", "ScaleUpStabilized", text)
    text = "recent recommendations were higher than current one, applying the highest recent recommendation"
    return result, ("AbleToScale", "True", "ScaleDownStabilized", text)


def _seconds(rules: Object | None, default: int) -> timedelta:
    seconds = (rules or {}).get("stabilizationWindowSeconds")
    return timedelta(seconds=default if seconds is None else int(seconds))


def limit(spec: Object, current: int, wanted: int, past: Past, now: datetime) -> tuple[int, Condition]:
    """Return the pods that bounds and policies allow, and the condition that says what held them."""
    least, most = int(spec.get("minReplicas") or 1), int(spec["maxReplicas"])
    if wanted > current:
        fastest = max(current, _fastest_up(spec, current, past, now))
        if fastest < most and wanted > fastest:
            text = "the desired replica count is increasing faster than the maximum scale rate"
            return fastest, ("ScalingLimited", "True", "ScaleUpLimit", text)
    elif wanted < current:
        fastest = min(current, _fastest_down(spec, current, past, now))
        if fastest > least and wanted < fastest:
            text = "the desired replica count is decreasing faster than the maximum scale rate"
            return fastest, ("ScalingLimited", "True", "ScaleDownLimit", text)
    if wanted > most:
        text = "the desired replica count is more than the maximum replica count"
        return most, ("ScalingLimited", "True", "TooManyReplicas", text)
    if wanted < least:
        text = "the desired replica count is less than the minimum replica count"
        return least, ("ScalingLimited", "True", "TooFewReplicas", text)
    text = "the desired count is within the acceptable range"
    return wanted, ("ScalingLimited", "False", "DesiredWithinRange", text)


def _fastest_up(spec: Object, current: int, past: Past, now: datetime) -> int:
    rules = (spec.get("behavior") or {}).get("scaleUp")
    if rules is None:
        return max(2 * current, 4)
    if rules.get("selectPolicy") == "Disabled":
        return current
    choose = min if rules.get("selectPolicy") == "Min" else max
    return choose(_up(policy, current, past, now) for policy in rules.get("policies") or DEFAULT_UP)


def _up(policy: Object, current: int, past: Past, now: datetime) -> int:
    before = _at_start(policy, current, past, now)
    if policy["type"] == "Pods":
        return before + int(policy["value"])
    return math.ceil(before * (100 + int(policy["value"])) / 100)


def _fastest_down(spec: Object, current: int, past: Past, now: datetime) -> int:
    rules = (spec.get("behavior") or {}).get("scaleDown")
    if rules is None:
        return 0
    if rules.get("selectPolicy") == "Disabled":
        return current
    choose = max if rules.get("selectPolicy") == "Min" else min
    return choose(_down(policy, current, past, now) for policy in rules.get("policies") or DEFAULT_DOWN)


def _down(policy: Object, current: int, past: Past, now: datetime) -> int:
    before = _at_start(policy, current, past, now)
    if policy["type"] == "Pods":
        return before - int(policy["value"])
    return int(before * (100 - int(policy["value"])) / 100)


def _at_start(policy: Object, current: int, past: Past, now: datetime) -> int:
    """Return how many pods there were when the policy's period began."""
    period = timedelta(seconds=int(policy["periodSeconds"]))
    added = sum(count for at, count in past.added if now - at < period)
    return current - added + sum(count for at, count in past.removed if now - at < period)
