"""The Services of a cluster as routes see them: their ports, and the Envoy cluster that stands for each.

Envoy cuts a metric's name at the first dot and these are read by name, so a cluster is `NAMESPACE_SERVICE_PORT`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from volary.embedded.mesh.hosts import ServiceKey

Object = Mapping[str, Any]
HTTP = 80


def cluster_name(service: ServiceKey, port: int) -> str:
    """Return the name of the Envoy cluster for one port of a Service; names of Kubernetes hold no underscore."""
    return f"{service[0]}_{service[1]}_{port}"


@dataclass(frozen=True, slots=True)
class Port:
    """One port of a Service."""

    number: int
    name: str = ""


class Catalog:
    """Looks up Services, and remembers what routes asked for, so that each answer can become an Envoy cluster."""

    def __init__(self, services: Iterable[Object]) -> None:
        self.ports: dict[ServiceKey, tuple[Port, ...]] = {}
        for service in services:
            meta, spec = service.get("metadata") or {}, service.get("spec") or {}
            if spec.get("type") != "ExternalName":
                self.ports[meta.get("namespace", ""), meta.get("name", "")] = tcp_ports(spec)
        self.asked: dict[str, None] = {}  # clusters that routes name, whether there is such a Service or not

    def default_port(self, service: ServiceKey) -> int:
        """Return the port that a request without a port in its Host means: 80, else the first; 0 if there is none."""
        numbers = [port.number for port in self.ports.get(service, ())]
        return HTTP if HTTP in numbers else (numbers[0] if numbers else 0)

    def cluster(self, service: ServiceKey, wanted: int | None, incoming: int) -> tuple[str, str]:
        """Return the cluster for a destination and what is wrong with it, "" if nothing is.

        Without a wanted port it is the Service's only one, or else the one the request came for. A destination
        that is not there gets a cluster without endpoints: Envoy answers 503, as Istio does, and counts it.
        """
        numbers = [port.number for port in self.ports.get(service, ())]
        problem = ""
        if service not in self.ports:
            problem = f"there is no Service {service[1]} in namespace {service[0]}; its share is answered with 503"
        elif wanted is not None and wanted not in numbers:
            problem = f"Service {service[1]} has no port {wanted}, only {numbers}; its share is answered with 503"
        elif wanted is None and len(numbers) != 1 and incoming not in numbers:
            problem = f"Service {service[1]} has the ports {numbers}: say which; its share is answered with 503"
        only = numbers[0] if len(numbers) == 1 else incoming
        name = cluster_name(service, wanted if wanted is not None else only)
        self.asked[name] = None
        return name, problem

    def nowhere(self) -> str:
        """Return a cluster that never has endpoints."""
        self.asked["nowhere"] = None
        return "nowhere"


def tcp_ports(spec: Object) -> tuple[Port, ...]:
    ports = spec.get("ports") or ()
    return tuple(
        Port(entry["port"], entry.get("name") or "")
        for entry in ports
        if isinstance(entry.get("port"), int) and entry.get("protocol", "TCP") == "TCP"
    )
