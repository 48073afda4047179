"""Services, EndpointSlices and VirtualServices in, Envoy's clusters, endpoints and routes out.

Pure: the same objects give the same resources, in the same order, and no input makes it fail. What an object asks for
and does not get is in `Translation.gaps`.

Source: Envoy v3 API; Istio VirtualService and DestinationRule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from volary.embedded.mesh.actions import TYPE, retry_policy
from volary.embedded.mesh.catalog import Catalog, cluster_name
from volary.embedded.mesh.endpoints import Address, Found
from volary.embedded.mesh.fields import Fields, Gaps
from volary.embedded.mesh.hosts import Host, ServiceKey, read_host
from volary.embedded.mesh.routes import only_port, virtual_service_routes

Object = Mapping[str, Any]
NewObject = dict[str, Any]
ObjectKey = tuple[str, str, str]  # (kind, namespace, name)
UNLIMITED = 4_294_967_295
# Istio's default. On loopback a pod that is gone refuses at once; one that does not answer has too much to do, and to
# give up on it early would only add attempts.
CONNECT_TIMEOUT = "10s"
BALANCERS = {
    "LEAST_CONN": "LEAST_REQUEST",
    "LEAST_REQUEST": "LEAST_REQUEST",
    "ROUND_ROBIN": "ROUND_ROBIN",
    "RANDOM": "RANDOM",
}


@dataclass(frozen=True, slots=True)
class World:
    """Everything the translation looks at. `endpoints` are real addresses, found by `mesh.endpoints`."""

    services: Iterable[Object] = ()
    virtual_services: Iterable[Object] = ()
    destination_rules: Iterable[Object] = ()
    endpoints: Found = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Translation:
    """Envoy's resources, and for each object the fields that have no effect."""

    clusters: dict[str, NewObject]
    endpoints: dict[str, NewObject]  # the load assignment of every cluster
    routes: NewObject
    gaps: dict[ObjectKey, tuple[str, ...]]


def translate(world: World) -> Translation:
    """Return what Envoy should be told about `world`."""
    services = [service for service in world.services if (service.get("spec") or {}).get("type") != "ExternalName"]
    catalog = Catalog(services)
    gaps: dict[ObjectKey, Gaps] = {}
    balancers = destination_rules(world.destination_rules, catalog, gaps)
    claims = claim_hosts(world.virtual_services, catalog, gaps)
    hosts = {Host(service=key): None for key in catalog.ports} | dict.fromkeys(claims)
    virtual_hosts = [virtual_host(host, claims.get(host), catalog, gaps) for host in sorted(hosts)]
    names = {cluster_name(key, port.number): key for key, ports in catalog.ports.items() for port in ports}
    names |= {name: ("", "") for name in catalog.asked if name not in names}
    return Translation(
        clusters={name: cluster(name, balancers.get(names[name], "LEAST_REQUEST")) for name in sorted(names)},
        endpoints={name: assignment(name, world.endpoints.get(name, ())) for name in sorted(names)},
        routes=route_table([made for made in virtual_hosts if made["routes"]]),
        gaps={key: found.lines() for key, found in sorted(gaps.items()) if found.lines()},
    )


def object_key(kind: str, source: Object) -> ObjectKey:
    meta = source.get("metadata") or {}
    return kind, meta.get("namespace", ""), meta.get("name", "")


def claim_hosts(sources: Iterable[Object], catalog: Catalog, gaps: dict[ObjectKey, Gaps]) -> dict[Host, Object]:
    """Return which VirtualService routes which host: the oldest that names it; the others are told."""
    claims: dict[Host, Object] = {}
    for source in sorted(sources, key=age):
        key = object_key("VirtualService", source)
        mine = gaps.setdefault(key, Gaps())
        spec = source.get("spec") or {}
        hosts = spec.get("hosts") or ()
        if not spec.get("http"):
            for name in sorted(spec.keys() - {"hosts", "gateways"}):
                mine.add(f"spec.{name}")
            mine.add("spec.http", "is empty; the object routes nothing")
            continue
        if not hosts:
            mine.add("spec.hosts", "is empty; delegation is not applied, the object routes nothing")
        for at, name in enumerate(hosts):
            host = read_host(str(name), key[1], catalog.ports)
            holder = claims.setdefault(host, source)
            if holder is not source:
                older = object_key("VirtualService", holder)
                mine.add(f"spec.hosts[{at}]", f"{host} is routed by the older VirtualService {older[1]}/{older[2]}")
    return claims


def age(source: Object) -> tuple[str, str, str]:
    meta = source.get("metadata") or {}
    return meta.get("creationTimestamp") or "", meta.get("namespace", ""), meta.get("name", "")


def virtual_host(host: Host, source: Object | None, catalog: Catalog, gaps: dict[ObjectKey, Gaps]) -> NewObject:
    """Return one host's routes: those of the VirtualService that claims it, else plainly to the Service."""
    service = None if host.foreign else host.service
    if source is not None:
        mine = gaps[object_key("VirtualService", source)]
        routes = virtual_service_routes(source, service, catalog, mine)
    else:
        routes = plain_routes(host.service, catalog)
    return {"name": str(host), "domains": host.domains(), "routes": routes}


def plain_routes(service: ServiceKey, catalog: Catalog) -> list[NewObject]:
    """Return the routes of a Service that no VirtualService speaks of: each port to itself."""
    default = catalog.default_port(service)
    numbers = [port.number for port in catalog.ports[service]]
    routes = []
    for number in [*(n for n in numbers if n != default), *([default] if numbers else [])]:
        action = {"cluster": cluster_name(service, number), "timeout": "0s", "retry_policy": retry_policy()}
        route = {"match": {"prefix": "/"}, "route": action}
        routes.append(route if number == default else only_port(route, number))
    return routes


def destination_rules(rules: Iterable[Object], catalog: Catalog, gaps: dict[ObjectKey, Gaps]) -> dict[ServiceKey, str]:
    """Return the load balancer each Service asks for; the oldest DestinationRule of a host counts."""
    balancers: dict[ServiceKey, str] = {}
    for rule in sorted(rules, key=age):
        key = object_key("DestinationRule", rule)
        mine = gaps.setdefault(key, Gaps())
        with Fields(rule.get("spec"), "spec", mine) as spec:
            host = read_host(str(spec.take("host") or ""), key[1], catalog.ports)
            with spec.inner("trafficPolicy") as policy:
                with policy.inner("tls") as tls:
                    if tls.values.get("mode") == "DISABLE":
                        tls.take("mode")  # nothing is encrypted here anyway
                with policy.inner("loadBalancer") as balancer:
                    wanted = balancer.values.get("simple")
                    if wanted in BALANCERS:
                        balancer.take("simple")
                        balancers.setdefault(host.service, BALANCERS[wanted])
    return balancers


def cluster(name: str, balancer: str) -> NewObject:
    """Return an Envoy cluster. Limits are lifted as Istio lifts them: Envoy's own allow three retries at a time."""
    limits = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), UNLIMITED)
    return {
        "@type": f"{TYPE}envoy.config.cluster.v3.Cluster",
        "name": name,
        "type": "EDS",
        "connect_timeout": CONNECT_TIMEOUT,
        "lb_policy": balancer,
        "eds_cluster_config": {"service_name": name},
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
        "circuit_breakers": {"thresholds": [limits]},
    }


def assignment(name: str, addresses: Iterable[Address]) -> NewObject:
    """Return the endpoints of one cluster."""
    members = [
        {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}} for host, port in addresses
    ]
    return {
        "@type": f"{TYPE}envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": name,
        "endpoints": [{"lb_endpoints": members}] if members else [],
    }


def route_table(virtual_hosts: list[NewObject]) -> NewObject:
    """Return the one table of routes. Ports in Host headers are read by routes, not by the choice of the host."""
    return {
        "@type": f"{TYPE}envoy.config.route.v3.RouteConfiguration",
        "name": "edge",
        "ignore_port_in_host_matching": True,
        "validate_clusters": False,
        "virtual_hosts": virtual_hosts,
    }
