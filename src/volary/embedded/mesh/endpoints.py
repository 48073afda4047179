"""From what EndpointSlices say to where the pods really listen.

Pods report an address of the cluster (10.C.x.y) and listen on loopback, each port wherever the system put it. So an
endpoint is looked up in a table and never dialled as it is written, unless no pod stands behind it.

Source: EndpointSlice v1 (discovery.k8s.io); a port of a slice belongs to the Service's port of the same name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from volary.embedded.mesh.catalog import cluster_name
from volary.embedded.mesh.hosts import ServiceKey

Object = Mapping[str, Any]
Address = tuple[str, int]  # (host, port), as dialled
Found = Mapping[str, tuple[Address, ...]]  # by cluster
PodPorts = Callable[[str, str], Mapping[int, Address]]  # (namespace, pod) -> container port -> where it listens
SERVICE_LABEL = "kubernetes.io/service-name"


class AddressBook:
    """Knows where an endpoint of a slice really is."""

    def __init__(self, pods: PodPorts, fixed: Mapping[Address, Address] | None = None) -> None:
        self.pods = pods
        self.fixed = {} if fixed is None else fixed  # reported address -> real one, for servers that are no pods

    def real(self, endpoint: Object, namespace: str, port: int) -> Address | None:
        """Return where `port` of an endpoint listens, None if nowhere."""
        target = endpoint.get("targetRef") or {}
        if target.get("kind") == "Pod":
            return self.pods(target.get("namespace") or namespace, target.get("name", "")).get(port)
        reported = next(iter(endpoint.get("addresses") or ()), None)
        return None if reported is None else self.fixed.get((reported, port), (reported, port))


def by_service(slices: Iterable[Object]) -> dict[ServiceKey, list[Object]]:
    """Return the slices of each Service."""
    found: dict[ServiceKey, list[Object]] = defaultdict(list)
    for one in slices:
        meta = one.get("metadata") or {}
        name = (meta.get("labels") or {}).get(SERVICE_LABEL)
        if name:
            found[meta.get("namespace", ""), name].append(one)
    return found


def find_endpoints(
    services: Iterable[Object], slices: Iterable[Object], book: AddressBook
) -> dict[str, tuple[Address, ...]]:
    """Return the real addresses of every ready endpoint, by the name of the Envoy cluster, sorted."""
    grouped = by_service(slices)
    found: dict[str, tuple[Address, ...]] = {}
    for service in services:
        meta = service.get("metadata") or {}
        key = (meta.get("namespace", ""), meta.get("name", ""))
        for port in (service.get("spec") or {}).get("ports") or ():
            addresses = service_addresses(grouped.get(key, ()), key[0], port.get("name") or "", book)
            found[cluster_name(key, port.get("port", 0))] = addresses
    return found


def service_addresses(slices: Iterable[Object], namespace: str, port: str, book: AddressBook) -> tuple[Address, ...]:
    """Return the real addresses behind the port of this name ("" where the only port has none)."""
    addresses: set[Address] = set()
    for one in slices:
        numbers = [entry.get("port") for entry in one.get("ports") or () if (entry.get("name") or "") == port]
        for endpoint in one.get("endpoints") or ():
            if not ready(endpoint):
                continue
            real = (book.real(endpoint, namespace, number) for number in numbers if isinstance(number, int))
            addresses.update(address for address in real if address is not None)
    return tuple(sorted(addresses))


def ready(endpoint: Object) -> bool:
    """Does the endpoint take requests? Unknown counts as ready, terminating never does."""
    conditions = endpoint.get("conditions") or {}
    return conditions.get("ready") is not False and not conditions.get("terminating")
