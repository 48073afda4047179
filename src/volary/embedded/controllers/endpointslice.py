"""EndpointSlices, and the older Endpoints: which pods are behind a Service, and which of them take traffic.

A pod that is on its way out stops being ready here in the moment it is deleted; the node gives the mesh time to learn
of it before the process stops.
Source: Kubernetes EndpointSlice and Endpoints controllers, KEP-1672 (terminating endpoints).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from volary.embedded.api.local import Local, NewObject, Object
from volary.embedded.controllers.manager import Key
from volary.embedded.controllers.objects import (
    deleting,
    edited,
    finished,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    owner_ref,
    ready,
    spec_of,
    status_of,
    uid_of,
)
from volary.embedded.controllers.world import MANAGER, World

SERVICES, PODS, SLICES, ENDPOINTS = "/services", "/pods", "discovery.k8s.io/endpointslices", "/endpoints"
SERVICE_LABEL = "kubernetes.io/service-name"
MANAGED_BY = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
MOST_IN_SLICE = 100  # as the real controller's default

Ports = tuple[tuple[str, int, str, str], ...]  # (name, port on the pod, protocol, appProtocol)


class EndpointSlices:
    """The reconciler of what stands behind Services with a selector. Others' slices are theirs."""

    name = "endpointslice"
    sources = (SERVICES,)

    def __init__(self, world: World) -> None:
        self.local: Local = world.local

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == SERVICES and new is not None:
            yield key_of(new)
        elif resource == SLICES and _managed(old or new):
            there = old or new or {}
            yield namespace_of(there), labels_of(there).get(SERVICE_LABEL, "")
        elif resource == ENDPOINTS and new is None and old is not None:
            yield key_of(old)
        elif resource == PODS and (old is None or new is None or _matters(old) != _matters(new)):
            yield from self._services_of(old, new)

    def _services_of(self, *pods: Object | None) -> Iterable[Key]:
        for pod in pods:
            for service in self.local.items(SERVICES, namespace_of(pod)) if pod is not None else ():
                if _selects(service, pod or {}):
                    yield key_of(service)

    def reconcile(self, key: Key) -> float | None:
        service = self.local.get(SERVICES, *key)
        if service is None or deleting(service) or not spec_of(service).get("selector"):
            return None  # slices go with their Service by owner reference
        pods = [pod for pod in self.local.items(PODS, key[0]) if _selects(service, pod) and _placed(pod)]
        self._write_slices(service, _slices(service, pods))
        self._write_endpoints(service, pods)
        return None

    def _write_slices(self, service: Object, wanted: list[NewObject]) -> None:
        there = [each for each in self.local.items(SLICES, namespace_of(service)) if _of(each, service)]
        for old, new in zip(there, wanted):
            changed = {**edited(old), "endpoints": new["endpoints"], "ports": new["ports"]}
            changed["metadata"]["labels"] = _slice_labels(service)
            if _differs(old, changed):
                self.local.update(SLICES, changed, MANAGER)
        for new in wanted[len(there) :]:
            self.local.create(SLICES, new, MANAGER)
        for old in there[len(wanted) :]:
            self.local.delete(SLICES, *key_of(old), uid=uid_of(old))

    def _write_endpoints(self, service: Object, pods: Sequence[Object]) -> None:
        subsets = _subsets(service, pods)
        old = self.local.get(ENDPOINTS, *key_of(service))
        if old is None:
            metadata = {
                "name": name_of(service),
                "namespace": namespace_of(service),
                "labels": {**labels_of(service), "endpoints.kubernetes.io/managed-by": "endpoint-controller"},
                "ownerReferences": [owner_ref(service)],
            }
            new = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata, "subsets": subsets}
            self.local.create(ENDPOINTS, new, MANAGER)
        elif (old.get("subsets") or []) != subsets:
            self.local.update(ENDPOINTS, {**edited(old), "subsets": subsets}, MANAGER)


def _selects(service: Object, pod: Object) -> bool:
    selector = spec_of(service).get("selector") or {}
    labels = labels_of(pod)
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _placed(pod: Object) -> bool:
    return bool(status_of(pod).get("podIP")) and not finished(pod)


def _matters(pod: Object) -> tuple[Any, ...]:
    status = status_of(pod)
    return ready(pod), deleting(pod), status.get("podIP"), status.get("phase"), labels_of(pod)


def _managed(endpoint_slice: Object | None) -> bool:
    labels = labels_of(endpoint_slice or {})
    return all(labels.get(key) == value for key, value in MANAGED_BY.items())


def _of(endpoint_slice: Object, service: Object) -> bool:
    named = labels_of(endpoint_slice).get(SERVICE_LABEL) == name_of(service)
    return named and _managed(endpoint_slice) and not deleting(endpoint_slice)


def _differs(old: Object, new: Object) -> bool:
    same = all((old.get(field) or []) == (new.get(field) or []) for field in ("endpoints", "ports"))
    return not same or labels_of(old) != labels_of(new)


def _slice_labels(service: Object) -> dict[str, str]:
    headless = {"service.kubernetes.io/headless": ""} if spec_of(service).get("clusterIP") == "None" else {}
    return {**labels_of(service), **headless, SERVICE_LABEL: name_of(service), **MANAGED_BY}


def _slices(service: Object, pods: Sequence[Object]) -> list[NewObject]:
    """Return the slices there should be: one for each set of ports that pods resolve to, at least one."""
    by_ports: dict[Ports, list[NewObject]] = {}
    for pod in pods:
        by_ports.setdefault(ports_of(service, pod), []).append(_endpoint(service, pod))
    result: list[NewObject] = []
    for ports, endpoints in sorted(by_ports.items()) or [((), [])]:
        starts = range(0, max(1, len(endpoints)), MOST_IN_SLICE)
        result += [_slice(service, ports, endpoints[start : start + MOST_IN_SLICE]) for start in starts]
    return result


def _slice(service: Object, ports: Ports, endpoints: list[NewObject]) -> NewObject:
    metadata = {
        "generateName": f"{name_of(service)}-",
        "namespace": namespace_of(service),
        "labels": _slice_labels(service),
        "ownerReferences": [owner_ref(service)],
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [_slice_port(*port) for port in ports],
    }


def _slice_port(name: str, port: int, protocol: str, app_protocol: str) -> NewObject:
    entry: NewObject = {"name": name, "port": port, "protocol": protocol}
    return {**entry, "appProtocol": app_protocol} if app_protocol else entry


def _endpoint(service: Object, pod: Object) -> NewObject:
    serving, going = ready(pod), deleting(pod)
    always = bool(spec_of(service).get("publishNotReadyAddresses"))
    return {
        "addresses": [status_of(pod)["podIP"]],
        "conditions": {"ready": always or (serving and not going), "serving": serving, "terminating": going},
        "nodeName": spec_of(pod).get("nodeName"),
        "targetRef": _target(pod),
    }


def _target(pod: Object) -> NewObject:
    return {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": uid_of(pod)}


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


def _subsets(service: Object, pods: Sequence[Object]) -> list[NewObject]:
    by_ports: dict[Ports, list[Object]] = {}
    for pod in pods:
        ports = ports_of(service, pod)
        if ports and not deleting(pod):
            by_ports.setdefault(ports, []).append(pod)
    return [_subset(service, ports, members) for ports, members in sorted(by_ports.items(), key=lambda item: item[0])]


def _subset(service: Object, ports: Ports, pods: Sequence[Object]) -> NewObject:
    always = bool(spec_of(service).get("publishNotReadyAddresses"))
    sides: dict[str, list[NewObject]] = {"addresses": [], "notReadyAddresses": []}
    for pod in pods:
        side = "addresses" if always or ready(pod) else "notReadyAddresses"
        node = spec_of(pod).get("nodeName")
        sides[side].append({"ip": status_of(pod)["podIP"], "nodeName": node, "targetRef": _target(pod)})
    subset: NewObject = {side: entries for side, entries in sides.items() if entries}
    return {**subset, "ports": [_slice_port(*port) for port in ports]}
