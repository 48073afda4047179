"""Workloads in one line: replicas wanted and there, metrics of autoscalers, progress of jobs.

Source: behaviour of kube-apiserver 1.36, pkg/printers/internalversion.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from volary.embedded.api.serving.columns_pods import containers_cells
from volary.embedded.api.text.durations import human, parse_time, since
from volary.embedded.api.text.label_text import labels_text, selector_text

Object = Mapping[str, Any]
NONE = "<none>"


def parts(obj: Object) -> tuple[str, Object, Object]:
    """Return name, spec and status."""
    return obj["metadata"].get("name", ""), obj.get("spec") or {}, obj.get("status") or {}


def age(obj: Object, now: datetime) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def deployment_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    counts = [status.get("updatedReplicas", 0), status.get("availableReplicas", 0)]
    wide = [*containers_cells(spec.get("template") or {}), selector_text(spec.get("selector"), "")]
    return [name, ready, *counts, age(obj, now), *wide]


def replica_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    counts = [spec.get("replicas", 0), status.get("replicas", 0), status.get("readyReplicas", 0)]
    selector = spec.get("selector") or {}
    known = "matchLabels" in selector or "matchExpressions" in selector  # a ReplicationController has bare labels
    text = selector_text(selector) if known else labels_text(selector)
    return [name, *counts, age(obj, now), *containers_cells(spec.get("template") or {}), text]


def stateful_set_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return [name, ready, age(obj, now), *containers_cells(spec.get("template") or {})]


def daemon_set_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    keys = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")
    counts = [status.get(key, 0) for key in (*keys, "numberAvailable")]
    template = spec.get("template") or {}
    nodes = labels_text((template.get("spec") or {}).get("nodeSelector"))
    return [name, *counts, nodes, age(obj, now), *containers_cells(template), selector_text(spec.get("selector"))]


def autoscaler_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    target = spec.get("scaleTargetRef") or {}
    least = str(spec["minReplicas"]) if "minReplicas" in spec else "<unset>"
    counts = [least, spec.get("maxReplicas", 0), status.get("currentReplicas", 0)]
    return [name, f"{target.get('kind')}/{target.get('name')}", metrics_text(spec, status), *counts, age(obj, now)]


def metrics_text(spec: Object, status: Object) -> str:
    """Return "cpu: 12%/80%" for each metric, at most two of them."""
    if "targetCPUUtilizationPercentage" in spec:  # autoscaling/v1
        current = status.get("currentCPUUtilizationPercentage")
        return f"cpu: {'<unknown>' if current is None else f'{current}%'}/{spec['targetCPUUtilizationPercentage']}%"
    wanted = spec.get("metrics") or ()
    known = status.get("currentMetrics") or ()
    texts = [metric_text(it, known[at] if at < len(known) else {}) for at, it in enumerate(wanted)]
    more = f" + {len(texts) - 2} more..." if len(texts) > 2 else ""
    return ", ".join(texts[:2]) + more if texts else NONE


def metric_text(wanted: Object, known: Object) -> str:
    kind = str(wanted.get("type", ""))
    member = kind[:1].lower() + kind[1:]
    source, current = wanted.get(member), (known.get(member) or {}).get("current") or {}
    if not source:
        return "<unknown type>"
    target = source.get("target") or {}
    named = f"{source.get('name')}: " if kind in ("Resource", "ContainerResource") else ""
    if named and "averageValue" not in target:
        percent = "averageUtilization"
        goal = f"{target[percent]}%" if percent in target else "<auto>"
        return f"{named}{current[percent]}%/{goal}" if percent in current else f"{named}<unknown>/{goal}"
    value = "averageValue" if "averageValue" in target else "value"
    each = " (avg)" if value == "averageValue" and kind in ("External", "Object") else ""
    return f"{named}{current.get(value, '<unknown>')}/{target.get(value)}{each}"


def job_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    done = status.get("succeeded", 0)
    wanted = str(spec.get("completions", 1))
    if "completions" not in spec and spec.get("parallelism", 0) > 1:
        wanted = f"1 of {spec['parallelism']}"
    started, ended = status.get("startTime"), status.get("completionTime")
    took = human(((parse_time(ended) if ended else now) - parse_time(started)).total_seconds()) if started else ""
    wide = [*containers_cells(spec.get("template") or {}), selector_text(spec.get("selector"))]
    return [name, job_word(obj, status), f"{done}/{wanted}", took, age(obj, now), *wide]


def job_word(obj: Object, status: Object) -> str:
    """Return the state of a job in one word; an end beats a deletion, a deletion all else."""
    true = {it.get("type") for it in status.get("conditions") or () if it.get("status") == "True"}
    if ended := next((it for it in ("Complete", "Failed") if it in true), ""):
        return ended
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next((it for it in ("Suspended", "FailureTarget", "SuccessCriteriaMet") if it in true), "Running")


def cron_job_cells(obj: Object, now: datetime) -> list[Any]:
    name, spec, status = parts(obj)
    last = since(status["lastScheduleTime"], now) if status.get("lastScheduleTime") else NONE
    job = (spec.get("jobTemplate") or {}).get("spec") or {}
    suspended = spec.get("suspend")
    flag = "<unset>" if suspended is None else str(bool(suspended))
    head = [name, spec.get("schedule", ""), spec.get("timeZone") or NONE, flag, len(status.get("active") or ())]
    return [
        *head,
        last,
        age(obj, now),
        *containers_cells(job.get("template") or {}),
        selector_text(job.get("selector")),
    ]
