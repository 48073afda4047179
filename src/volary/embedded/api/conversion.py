"""Kinds that are served in several versions: to the one they are stored in, and back.

Custom resources convert by name only (`strategy: None`): a field that the other version does not have is lost. Two
built-in kinds really differ: HorizontalPodAutoscaler v1, and Events of events.k8s.io.

Source: Kubernetes, pkg/apis/autoscaling/v1/conversion.go and pkg/apis/events/v1/conversion.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.catalog import ResourceType, builtin_types
from volary.embedded.api.custom.pruning import prune
from volary.embedded.api.defaults.omission import fill_always, omit
from volary.embedded.api.encoding import copy_of, decode, encode
from volary.embedded.api.schema import Node

Object = dict[str, Any]

NOTES = "autoscaling.alpha.kubernetes.io/"
STORED_EVENT = ("", "v1", "events")
STORED_AUTOSCALER = ("autoscaling", "v2", "horizontalpodautoscalers")
EVENT_FIELDS = {  # core -> events.k8s.io
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}


def to_storage(type_: ResourceType, obj: Object) -> Object:
    """Return an object of this type as it is stored."""
    if not type_.converts:
        return obj
    stored = {**obj, "apiVersion": type_.stored_version}
    if type_.storage == "/events":
        back = {new: old for old, new in EVENT_FIELDS.items()}
        return _written({back.get(key, key): value for key, value in stored.items()}, STORED_EVENT)
    if type_.storage == "autoscaling/horizontalpodautoscalers":
        return _written(_autoscaler_to_v2(stored), STORED_AUTOSCALER)
    return _pruned(stored, type_.stored_node) if type_.stored_node is not None else stored


def from_storage(type_: ResourceType, obj: Object) -> Object:
    """Return a stored object in this type's version."""
    if obj.get("apiVersion") == type_.api_version:
        return obj
    shown = {**obj, "apiVersion": type_.api_version}
    if type_.storage == "/events":
        return _written({EVENT_FIELDS.get(key, key): value for key, value in shown.items()}, _key(type_))
    if type_.storage == "autoscaling/horizontalpodautoscalers":
        return _written(_autoscaler_to_v1(shown), _key(type_))
    return _pruned(shown, type_.node) if type_.stored_node is not None else shown


def _pruned(obj: Object, node: Node) -> Object:
    """Return a custom resource with those fields that another version of it has, too."""
    meta = obj["metadata"]
    found: Object = copy_of({name: value for name, value in obj.items() if name != "metadata"})
    prune(found, node)
    return {**found, "metadata": meta}


def _key(type_: ResourceType) -> tuple[str, str, str]:
    return type_.group, type_.kind.version, type_.plural


def _written(obj: Object, key: tuple[str, str, str]) -> Object:
    """Return the object as Go writes it in the other version."""
    node = builtin_types()[key].node
    meta = obj["metadata"]
    found: Object = copy_of({name: value for name, value in obj.items() if name != "metadata"})
    omit(found, node)
    fill_always(found, node)
    return {**found, "metadata": meta}


def _autoscaler_to_v1(obj: Object) -> Object:
    spec, status, notes = dict(obj.get("spec") or {}), dict(obj.get("status") or {}), {}
    metrics = []
    for metric in spec.pop("metrics", None) or ():
        percent = _cpu(metric)
        if percent is not None and "targetCPUUtilizationPercentage" not in spec:
            spec["targetCPUUtilizationPercentage"] = percent
        else:
            metrics.append(metric)
    left = {
        "metrics": metrics,
        "behavior": spec.pop("behavior", None),
        "conditions": status.pop("conditions", None),
        "current-metrics": status.pop("currentMetrics", None),
    }
    for name, value in left.items():
        if value:
            notes[NOTES + name] = encode(value).decode()
    shown = {**obj, "spec": spec, "status": status}
    if notes:
        meta = obj["metadata"]
        shown["metadata"] = {**meta, "annotations": {**(meta.get("annotations") or {}), **notes}}
    return shown


def _cpu(metric: Mapping[str, Any]) -> int | None:
    resource = metric.get("resource") or {}
    target = resource.get("target") or {}
    if metric.get("type") == "Resource" and resource.get("name") == "cpu" and target.get("type") == "Utilization":
        return int(target.get("averageUtilization") or 0)
    return None


def keep_status_notes(new: Object, old: Object) -> None:
    """Put back what v1 shows of the status as annotations: no write of the object itself changes it."""
    meta = new["metadata"]
    for name in (f"{NOTES}conditions", f"{NOTES}current-metrics"):
        if name in (old["metadata"].get("annotations") or {}):
            meta["annotations"] = {**(meta.get("annotations") or {}), name: old["metadata"]["annotations"][name]}
        elif name in (meta.get("annotations") or {}):
            meta["annotations"] = {key: it for key, it in meta["annotations"].items() if key != name}


def _autoscaler_to_v2(obj: Object) -> Object:
    spec, status, meta = dict(obj.get("spec") or {}), dict(obj.get("status") or {}), dict(obj["metadata"])
    notes = dict(meta.get("annotations") or {})
    taken = {name: notes.pop(NOTES + name, None) for name in ("metrics", "behavior", "conditions", "current-metrics")}
    metrics = decode(taken["metrics"].encode()) if taken["metrics"] else []
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}, *metrics]
    for place, field, name in ((spec, "behavior", "behavior"), (status, "conditions", "conditions")):
        if taken[name]:
            place[field] = decode(taken[name].encode())
    if taken["current-metrics"]:
        status["currentMetrics"] = decode(taken["current-metrics"].encode())
    if metrics:
        spec["metrics"] = metrics
    meta.pop("annotations", None)
    if notes:
        meta["annotations"] = notes
    return {**obj, "metadata": meta, "spec": spec, "status": status}
