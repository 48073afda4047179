"""From a Service to an address that answers, for callers outside the mesh: the API server's service proxy above all.

Also makes Services for servers of this process that are no pods, such as the metrics endpoint: the API shows an
address of the cluster, and a table says where that really is.
"""

from __future__ import annotations

from collections.abc import Mapping

from volary.embedded.api.local import Local, NewObject, Object
from volary.embedded.mesh.endpoints import SERVICE_LABEL, Address, AddressBook, PodPorts, by_service, service_addresses

MANAGER = "volary-mesh"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
SERVICES, SLICES, PODS = "/services", "discovery.k8s.io/endpointslices", "/pods"
NAMESPACES = "/namespaces"


class ServiceAddresses:
    """Where the Services of one cluster answer. `fixed` maps addresses that the API shows to real ones."""

    def __init__(self, local: Local, pods: PodPorts) -> None:
        self._local = local
        self._pods = pods
        self.fixed: dict[Address, Address] = {}
        self.book = AddressBook(self.serving, self.fixed)
        self._turn = 0

    def serving(self, namespace: str, pod: str) -> Mapping[int, Address]:
        """Return where a pod listens; nowhere from the moment it is asked to stop, before any slice says so."""
        found = self._local.get(PODS, namespace, pod)
        if found is None or (found.get("metadata") or {}).get("deletionTimestamp"):
            return {}
        return self._pods(namespace, pod)

    def resolve(self, namespace: str, service: str, port: str) -> Address | None:
        """Return where to reach a port of a Service, given by name or number ("" for the only one); None: nowhere.

        Endpoints take turns.
        """
        found = self._local.get(SERVICES, namespace, service)
        name = port_name(found, port) if found else None
        if name is None:
            return None
        slices = by_service(self._local.items(SLICES, namespace)).get((namespace, service), ())
        addresses = service_addresses(slices, namespace, name, self.book)
        self._turn += 1
        return addresses[self._turn % len(addresses)] if addresses else None

    def publish(self, namespace: str, service: str, port: int, reported_ip: str, real: Address) -> None:
        """Make a Service without a selector, whose one endpoint is a server of this process; and its namespace.

        Raises: `embedded.api.errors.Problem`.
        """
        self.fixed[reported_ip, port] = real
        if self._local.get(NAMESPACES, "", namespace) is None:
            self._local.create(NAMESPACES, namespace_object(namespace), MANAGER)
        if self._local.get(SERVICES, namespace, service) is None:
            self._local.create(SERVICES, service_object(namespace, service, port), MANAGER)
        wanted = slice_object(namespace, service, port, reported_ip)
        there = self._local.get(SLICES, namespace, wanted["metadata"]["name"])
        if there is None:
            self._local.create(SLICES, wanted, MANAGER)
        else:
            self._local.update(SLICES, {**wanted, "metadata": dict(there["metadata"])}, MANAGER)


def port_name(service: Object, wanted: str) -> str | None:
    """Return the name of the port ("" if it has none), None if the Service has no such port."""
    ports: list[Object] = (service.get("spec") or {}).get("ports") or []
    if not wanted:
        return (ports[0].get("name") or "") if len(ports) == 1 else None
    for entry in ports:
        if wanted in (entry.get("name"), str(entry.get("port"))):
            return entry.get("name") or ""
    return None


def namespace_object(name: str) -> NewObject:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def service_object(namespace: str, name: str, port: int) -> NewObject:
    ports = [{"name": "http", "port": port, "targetPort": port, "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"type": "ClusterIP", "ports": ports},
    }


def slice_object(namespace: str, service: str, port: int, ip: str) -> NewObject:
    labels = {SERVICE_LABEL: service, MANAGED_BY: "volary.dev"}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{service}-volary", "namespace": namespace, "labels": labels},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [ip], "conditions": {"ready": True, "serving": True, "terminating": False}}],
        "ports": [{"name": "http", "port": port, "protocol": "TCP"}],
    }
