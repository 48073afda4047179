"""EndpointSlices: which pods are behind a Service, and which of them take traffic.

A pod that is on its way out stops being ready here in the moment it is deleted; the node gives the mesh time to learn
of it before the process stops.
Source: Kubernetes EndpointSlice controller, KEP-1672 (terminating endpoints).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from volary.embedded.api.local import Local, NewObject, Object
from volary.embedded.controllers.endpoints.backends import (
    MANAGED_BY,
    SERVICE_LABEL,
    Ports,
    TriggerTimes,
    always_ready,
    annotate,
    has_backends,
    hostname_of,
    labels_for,
    matters,
    placed,
    ports_of,
    selects,
    service_keys,
    target,
)
from volary.embedded.controllers.manager import Key
from volary.embedded.controllers.objects import (
    deleting,
    edited,
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

SERVICES, PODS, SLICES = "/services", "/pods", "discovery.k8s.io/endpointslices"
OURS = {MANAGED_BY: "endpointslice-controller.k8s.io"}
MOST_IN_SLICE = 100  # as the real controller's default


class EndpointSlices:
    """The reconciler of what stands behind Services with a selector. Others' slices are theirs."""

    name = "endpointslice"
    sources = (SERVICES,)

    def __init__(self, world: World) -> None:
        self.local: Local = world.local
        self.times = TriggerTimes()

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == SERVICES and new is not None:
            yield key_of(new)
        elif resource == SLICES and _managed(old or new):
            there = old or new or {}
            yield namespace_of(there), labels_of(there).get(SERVICE_LABEL, "")
        elif resource == PODS and (old is None or new is None or matters(old) != matters(new)):
            yield from service_keys(self.local.items(SERVICES, namespace_of(new or old or {})), old, new)

    def reconcile(self, key: Key) -> float | None:
        service = self.local.get(SERVICES, *key)
        if service is None or not has_backends(service):
            return None  # slices go with their Service by owner reference
        pods = [pod for pod in self.local.items(PODS, key[0]) if selects(service, pod) and placed(pod)]
        self._write(service, _slices(service, pods), self.times.earliest_new(key, service, pods))
        return None

    def _write(self, service: Object, wanted: list[NewObject], moment: str) -> None:
        there = [each for each in self.local.items(SLICES, namespace_of(service)) if _of(each, service)]
        for old, new in zip(there, wanted):
            changed = {**edited(old), "endpoints": new["endpoints"], "ports": new["ports"]}
            changed["metadata"]["labels"] = labels_for(service, _own_labels(service))
            if _differs(old, changed):
                annotate(changed, moment)
                self.local.update(SLICES, changed, MANAGER)
        for new in wanted[len(there) :]:
            annotate(new, moment)
            self.local.create(SLICES, new, MANAGER)
        for old in there[len(wanted) :]:
            self.local.delete(SLICES, *key_of(old), uid=uid_of(old))


def _managed(endpoint_slice: Object | None) -> bool:
    labels = labels_of(endpoint_slice or {})
    return all(labels.get(key) == value for key, value in OURS.items())


def _of(endpoint_slice: Object, service: Object) -> bool:
    named = labels_of(endpoint_slice).get(SERVICE_LABEL) == name_of(service)
    return named and _managed(endpoint_slice) and not deleting(endpoint_slice)


def _differs(old: Object, new: Object) -> bool:
    same = all((old.get(field) or []) == (new.get(field) or []) for field in ("endpoints", "ports"))
    return not same or labels_of(old) != labels_of(new)


def _own_labels(service: Object) -> dict[str, str]:
    return {SERVICE_LABEL: name_of(service), **OURS}


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
        "labels": labels_for(service, _own_labels(service)),
        "ownerReferences": [owner_ref(service)],
    }
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": metadata,
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [_slice_port(*port) for port in ports] or None,
    }


def _slice_port(name: str, port: int, protocol: str, app_protocol: str) -> NewObject:
    entry: NewObject = {"name": name, "port": port, "protocol": protocol}
    return {**entry, "appProtocol": app_protocol} if app_protocol else entry


def _endpoint(service: Object, pod: Object) -> NewObject:
    serving, going = ready(pod), deleting(pod)
    takes_traffic = always_ready(service) or (serving and not going)
    return {
        "addresses": [status_of(pod)["podIP"]],
        "conditions": {"ready": takes_traffic, "serving": serving, "terminating": going},
        **hostname_of(service, pod),
        "nodeName": spec_of(pod).get("nodeName"),
        "targetRef": target(pod),
    }
