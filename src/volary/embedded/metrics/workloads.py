"""Which workload stands behind a Service: the Deployment whose pods it selects. Pure.

Judged by the selector, so that a canary scaled to zero keeps its name; where several Deployments fit, the one that
owns most of the pods now. Source: Istio's destination_workload, which a proxy beside the pod would know by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from volary.embedded.mesh.catalog import cluster_name, tcp_ports
from volary.embedded.metrics.istio import Destination

Object = Mapping[str, Any]
UNKNOWN = "unknown"


def meta(obj: Object) -> Object:
    return obj.get("metadata") or {}


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return bool(selector) and all(labels.get(name) == value for name, value in selector.items())


class Workloads:
    """The Deployments and pods of a cluster, asked by selector."""

    def __init__(self, deployments: Iterable[Object], replica_sets: Iterable[Object], pods: Iterable[Object]) -> None:
        self._deployments = list(deployments)
        self._owner = {(meta(one).get("namespace"), meta(one).get("name")): owner(one) for one in replica_sets}
        self._pods = list(pods)

    def behind(self, service: Object) -> str:
        namespace = meta(service).get("namespace")
        selector = (service.get("spec") or {}).get("selector") or {}
        fitting = [
            str(meta(one).get("name"))
            for one in self._deployments
            if meta(one).get("namespace") == namespace and selects(selector, template_labels(one))
        ]
        if len(fitting) == 1:
            return fitting[0]
        owners = Counter(
            self._workload(pod)
            for pod in self._pods
            if meta(pod).get("namespace") == namespace and selects(selector, meta(pod).get("labels") or {})
        )
        most = max(owners.values(), default=0)
        leading = sorted(name for name, count in owners.items() if count == most)
        return (leading or sorted(fitting) or [UNKNOWN])[0]

    def _workload(self, pod: Object) -> str:
        kind, name = owner(pod)
        if kind == "ReplicaSet":
            _, name = self._owner.get((meta(pod).get("namespace"), name), ("", ""))
        return name or UNKNOWN


def owner(obj: Object) -> tuple[str, str]:
    """Return (kind, name) of the managing controller, ("", "") without one."""
    for reference in meta(obj).get("ownerReferences") or ():
        if reference.get("controller"):
            return reference.get("kind", ""), reference.get("name", "")
    return "", ""


def template_labels(deployment: Object) -> Mapping[str, str]:
    template = (deployment.get("spec") or {}).get("template") or {}
    return meta(template).get("labels") or {}


def destinations(services: Iterable[Object], workloads: Workloads) -> dict[str, Destination]:
    """Return for every Envoy cluster whom its requests count for."""
    found: dict[str, Destination] = {}
    for service in services:
        key = (meta(service).get("namespace", ""), meta(service).get("name", ""))
        destination = Destination(*key, workloads.behind(service))
        for port in tcp_ports(service.get("spec") or {}):
            found[cluster_name(key, port.number)] = destination
    return found
