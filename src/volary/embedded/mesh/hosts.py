"""Names of hosts: which Service a name means, and which names mean a Service.

Source: Istio's rules for short names: a name without a dot belongs to the namespace of the object that says it.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

ServiceKey = tuple[str, str]  # (namespace, name)
DOMAIN = "svc.cluster.local"


@dataclass(frozen=True, slots=True, order=True)
class Host:
    """A name that traffic asks for: a Service of this cluster, or (`foreign`) any other name."""

    service: ServiceKey = ("", "")
    foreign: str = ""

    def domains(self) -> list[str]:
        if self.foreign:
            return [self.foreign]
        namespace, name = self.service
        return [f"{name}.{namespace}", f"{name}.{namespace}.svc", f"{name}.{namespace}.{DOMAIN}"]

    def __str__(self) -> str:
        return self.foreign or f"{self.service[1]}.{self.service[0]}"


def read_host(name: str, namespace: str, services: Container[ServiceKey]) -> Host:
    """Return what `name` means in an object of `namespace`."""
    name = name.lower().rstrip(".")
    parts = name.split(".")
    if len(parts) == 1 and name != "*":
        return Host(service=(namespace, name))
    in_cluster = parts[2:] in (["svc"], DOMAIN.split("."))
    if in_cluster or (len(parts) == 2 and (parts[1], parts[0]) in services):
        return Host(service=(parts[1], parts[0]))
    return Host(foreign=name)
