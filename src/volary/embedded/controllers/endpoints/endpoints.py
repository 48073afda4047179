"""Endpoints, the older list of what is behind a Service: still asked for by `kubectl describe service`.

    pods ── each with its ports ─► port ── the pods that have it ─► subsets: ports that share all their pods

Source: Kubernetes Endpoints controller (`endpoints_controller.go`, `endpoints.RepackSubsets`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from volary.embedded.api.local import Local, NewObject, Object
from volary.embedded.controllers.endpoints.backends import (
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
    ready,
    spec_of,
    status_of,
)
from volary.embedded.controllers.world import MANAGER, World

SERVICES, PODS, ENDPOINTS = "/services", "/pods", "/endpoints"
OURS = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}

Port = tuple[str, int, str, str]
Address = tuple[str, bool]  # a pod's name, whether it takes traffic


class Endpoints:
    """The reconciler of Endpoints. Those of Services without a selector are their author's."""

    name = "endpoints"
    sources = (SERVICES,)

    def __init__(self, world: World) -> None:
        self.local: Local = world.local
        self.times = TriggerTimes()

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == SERVICES:
            yield key_of(new or old or {})
        elif resource == ENDPOINTS and new is None and old is not None:
            if self.local.get(SERVICES, *key_of(old)) is not None:
                yield key_of(old)
        elif resource == PODS and (old is None or new is None or matters(old) != matters(new)):
            yield from service_keys(self.local.items(SERVICES, namespace_of(new or old or {})), old, new)

    def reconcile(self, key: Key) -> float | None:
        service, old = self.local.get(SERVICES, *key), self.local.get(ENDPOINTS, *key)
        if service is None:
            self.times.forget(key)
            if old is not None:
                self.local.delete(ENDPOINTS, key[0], key[1])
        elif has_backends(service):
            pods = [pod for pod in self.local.items(PODS, key[0]) if selects(service, pod) and placed(pod)]
            self._write(service, old, pods)
        return None

    def _write(self, service: Object, old: Object | None, pods: Sequence[Object]) -> None:
        moment = self.times.earliest_new(key_of(service), service, pods)
        subsets = subsets_of(service, [pod for pod in pods if always_ready(service) or not deleting(pod)])
        labels = labels_for(service, OURS)
        if old is not None and (old.get("subsets") or []) == subsets and labels_of(old) == labels:
            return
        metadata: NewObject = {"name": name_of(service), "namespace": namespace_of(service)}
        fresh: NewObject = {"apiVersion": "v1", "kind": "Endpoints", "metadata": metadata}
        new = fresh if old is None else edited(old)
        new["metadata"]["labels"] = labels
        new["subsets"] = subsets
        annotate(new, moment)
        if old is None:
            self.local.create(ENDPOINTS, new, MANAGER)
        else:
            self.local.update(ENDPOINTS, new, MANAGER)


def subsets_of(service: Object, pods: Sequence[Object]) -> list[NewObject]:
    """Return the pods in groups; each group has the same ports."""
    by_name = {name_of(pod): pod for pod in pods}
    on_port: dict[Port, set[Address]] = {}
    bare: set[Address] = set()  # of a headless Service that names no ports
    for pod in pods:
        address = (name_of(pod), always_ready(service) or ready(pod))
        for port in ports_of(service, pod):
            on_port.setdefault(port, set()).add(address)
        if not spec_of(service).get("ports"):
            bare.add(address)
    grouped: dict[tuple[Address, ...], list[Port]] = {tuple(sorted(bare)): []} if bare else {}
    for port, addresses in sorted(on_port.items()):
        grouped.setdefault(tuple(sorted(addresses)), []).append(port)
    return [_subset(service, by_name, addresses, ports) for addresses, ports in grouped.items()]


def _subset(service: Object, pods: dict[str, Object], addresses: Iterable[Address], ports: Sequence[Port]) -> NewObject:
    subset: NewObject = {}
    for name, takes_traffic in addresses:
        side = "addresses" if takes_traffic else "notReadyAddresses"
        subset.setdefault(side, []).append(_address(service, pods[name]))
    return {**subset, **({"ports": [_port(*port) for port in ports]} if ports else {})}


def _address(service: Object, pod: Object) -> NewObject:
    node = spec_of(pod).get("nodeName")
    return {"ip": status_of(pod)["podIP"], "nodeName": node, "targetRef": target(pod), **hostname_of(service, pod)}


def _port(name: str, port: int, protocol: str, app_protocol: str) -> NewObject:
    entry: NewObject = {"port": port, "protocol": protocol}
    named = {"name": name} if name else {}
    return {**named, **entry, **({"appProtocol": app_protocol} if app_protocol else {})}
