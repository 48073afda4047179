"""Which pods stand behind a Service, on which ports, and since when: what EndpointSlices and Endpoints share. Pure.

Source: Kubernetes `k8s.io/endpointslice` (`utils.go`, `trigger_time_tracker.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.objects import (
    annotations_of,
    condition,
    deleting,
    finished,
    labels_of,
    meta,
    name_of,
    namespace_of,
    ready,
    spec_of,
    status_of,
    uid_of,
)

SERVICE_LABEL = "kubernetes.io/service-name"
HEADLESS = "service.kubernetes.io/headless"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CHANGED_AT = "endpoints.kubernetes.io/last-change-trigger-time"

Ports = tuple[tuple[str, int, str, str], ...]  # (name, port on the pod, protocol, appProtocol)
Key = tuple[str, ...]


def selects(service: Object, pod: Object) -> bool:
    selector = spec_of(service).get("selector") or {}
    labels = labels_of(pod)
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def has_backends(service: Object) -> bool:
    """Whether pods can stand behind it: an ExternalName is a DNS name, and what it had before it became one stays."""
    spec = spec_of(service)
    return bool(spec.get("selector")) and spec.get("type") != "ExternalName" and not deleting(service)


def placed(pod: Object) -> bool:
    return bool(status_of(pod).get("podIP")) and not finished(pod)


def matters(pod: Object) -> tuple[Any, ...]:
    """Return all of a pod that a Service cares about."""
    status = status_of(pod)
    return ready(pod), deleting(pod), status.get("podIP"), status.get("phase"), labels_of(pod)


def always_ready(service: Object) -> bool:
    return bool(spec_of(service).get("publishNotReadyAddresses"))


def labels_for(service: Object, own: Mapping[str, str]) -> dict[str, str]:
    headless = {HEADLESS: ""} if spec_of(service).get("clusterIP") == "None" else {}
    return {**labels_of(service), **headless, **own}


def ports_of(service: Object, pod: Object) -> Ports:
    """Return the Service's ports as this pod has them; a name that the pod does not know is left out."""
    result = []
    for port in spec_of(service).get("ports") or ():
        number = _resolve(port.get("targetPort", port["port"]), port.get("protocol", "TCP"), pod)
        if number is not None:
            entry = (str(port.get("name") or ""), number, str(port.get("protocol", "TCP")))
            result.append((*entry, str(port.get("appProtocol") or "")))
    return tuple(result)


def _resolve(target: int | str, protocol: str, pod: Object) -> int | None:
    if isinstance(target, int):
        return target
    for container in spec_of(pod).get("containers") or ():
        for port in container.get("ports") or ():
            if port.get("name") == target and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return int(target) if target.isdigit() else None


def hostname_of(service: Object, pod: Object) -> NewObject:
    """Return the name by which DNS would know a pod of this (its own) Service, as a field, or nothing."""
    spec = spec_of(pod)
    own = spec.get("hostname") and spec.get("subdomain") == name_of(service)
    return {"hostname": spec["hostname"]} if own else {}


def target(pod: Object) -> NewObject:
    return {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": uid_of(pod)}


class TriggerTimes:
    """When the change happened that a write answers to: the earliest one since the last look at the Service."""

    def __init__(self) -> None:
        self._seen: dict[Key, dict[str, str]] = {}  # Service -> pod's uid, or "" for itself -> time

    def earliest_new(self, key: Key, service: Object, pods: Sequence[Object]) -> str:
        """Return a time, "" if a pod that went away is all the news."""
        before = self._seen.get(key, {})
        now = {
            "": str(meta(service).get("creationTimestamp") or ""),
            **{uid_of(pod): _ready_since(pod) for pod in pods},
        }
        self._seen[key] = now
        return min((each for who, each in now.items() if each > before.get(who, "")), default="")

    def forget(self, key: Key) -> None:
        self._seen.pop(key, None)


def _ready_since(pod: Object) -> str:
    return str((condition(pod, "Ready") or {}).get("lastTransitionTime") or "")


def with_trigger(annotations: Mapping[str, str], moment: str) -> dict[str, str]:
    """Return the annotations that say when the change began."""
    kept = {key: value for key, value in annotations.items() if key != CHANGED_AT}
    return {**kept, **({CHANGED_AT: moment} if moment else {})}


def annotate(obj: NewObject, moment: str) -> None:
    notes = with_trigger(annotations_of(obj), moment)
    obj["metadata"].pop("annotations", None)
    if notes:
        obj["metadata"]["annotations"] = notes


def service_keys(services: Iterable[Object], *pods: Object | None) -> Iterable[Key]:
    """Yield the keys of the Services that one of the pods is behind."""
    there = list(services)
    for pod in pods:
        for service in there if pod is not None else ():
            if namespace_of(service) == namespace_of(pod or {}) and selects(service, pod or {}):
                yield namespace_of(service), name_of(service)
