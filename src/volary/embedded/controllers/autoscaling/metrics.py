"""What an autoscaler's metrics are measured at, and how many pods each of them asks for. Pure.

    embedded.volary.dev/metric-value: "150"                   always
    embedded.volary.dev/metric-value: "50, 60s=150, 5m=20"    a script: 150 from the first minute of its life on, …

Source: Kubernetes HPA controller (`replica_calculator.go`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.quantity import parse_quantity

TOLERANCE = 0.1
UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Measured:
    """A value, and in how many seconds it becomes another."""

    value: float
    next_in: float | None = None


def read_script(text: str, age: float) -> Measured:
    """Return what a script says `age` seconds after it began. Raises: ValueError."""
    steps = sorted(_step(part) for part in text.split(",") if part.strip())
    value, following = 0.0, None
    for start, each in steps:
        if start <= age:
            value = each
        elif following is None:
            following = start - age
    return Measured(value, following)


def _step(text: str) -> tuple[float, float]:
    start, equals, value = text.strip().rpartition("=")
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", start.strip() or "0")
    if match is None or (equals and not start.strip()):
        raise ValueError(f"{text.strip()!r}: want VALUE or SECONDSs=VALUE")
    return float(match[1]) * UNITS[match[2]], parse_quantity(value.strip())


def metrics_of(spec: Object) -> list[Object]:
    if spec.get("metrics"):
        return list(spec["metrics"])
    percent = int(spec.get("targetCPUUtilizationPercentage") or 80)
    target = {"type": "Utilization", "averageUtilization": percent}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def source_of(metric: Object) -> Object:
    """Return the part of a metric that holds its target: `resource`, `pods`, `object`, `external`, …"""
    kind = str(metric["type"])
    found: Object = metric.get(kind[0].lower() + kind[1:]) or {}
    return found


def name_of_metric(metric: Object) -> str:
    source = source_of(metric)
    return str(source.get("name") or (source.get("metric") or {}).get("name") or "metric")


def propose(metric: Object, value: float, current: int, ready_pods: int, tolerances: Sequence[float]) -> int:
    """Return the pods that one metric asks for; `tolerances` up and down, as shares of the target."""
    target = source_of(metric).get("target") or {}
    given = target.get("averageUtilization", target.get("averageValue", target.get("value")))
    wanted = parse_quantity(str(given)) if given is not None else 0.0
    if wanted <= 0 or ready_pods == 0:
        return current  # nobody to measure
    ratio = value / wanted
    if 1 - tolerances[1] <= ratio <= 1 + tolerances[0]:
        return current
    return math.ceil(ratio * ready_pods)


def tolerances(spec: Object) -> tuple[float, float]:
    """Return the tolerances up and down."""
    behavior = spec.get("behavior") or {}
    given = [(behavior.get(way) or {}).get("tolerance") for way in ("scaleUp", "scaleDown")]
    up, down = (TOLERANCE if each is None else parse_quantity(str(each)) for each in given)
    return up, down


def describe(metric: Object) -> str:
    """Return a metric's name as people know it: `cpu resource utilization (percentage of request)`."""
    name, target = name_of_metric(metric), source_of(metric).get("target") or {}
    if metric["type"] == "Resource" and "averageUtilization" in target:
        return f"{name} resource utilization (percentage of request)"
    return f"{metric['type'].lower()} metric {name}"


def shown(metric: Object, value: float) -> NewObject:
    """Return the entry of `currentMetrics`."""
    kind, source = str(metric["type"]), dict(source_of(metric))
    target = source.pop("target", None) or {}
    if "averageUtilization" in target:
        source["current"] = {"averageUtilization": int(value), "averageValue": f"{int(value)}m"}
    else:
        key = "averageValue" if "averageValue" in target else "value"
        source["current"] = {key: f"{value:g}"}
    return {"type": kind, kind[0].lower() + kind[1:]: source}
