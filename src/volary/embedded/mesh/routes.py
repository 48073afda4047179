"""The `http` entries of one VirtualService as Envoy routes, in their order; the first that matches wins.

A route that cannot be built is answered with 503 by Envoy itself and reported: a wrong part of one object must not
make Envoy refuse the whole table, which would leave every old route in force.

Source: Istio VirtualService v1beta1 (networking.istio.io), Envoy route_components.proto.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.mesh.actions import fault, header_changes, percentage, put_duration, retries, rewrites
from volary.embedded.mesh.catalog import Catalog
from volary.embedded.mesh.fields import Fields, Gaps
from volary.embedded.mesh.hosts import ServiceKey, read_host
from volary.embedded.mesh.matches import envoy_matches

Object = Mapping[str, Any]
NewObject = dict[str, Any]
NO_TIMEOUT = "0s"  # Istio's default
REDIRECT_CODES = {
    301: "MOVED_PERMANENTLY",
    302: "FOUND",
    303: "SEE_OTHER",
    307: "TEMPORARY_REDIRECT",
    308: "PERMANENT_REDIRECT",
}


class Destinations:
    """Turns the destinations of one VirtualService into Envoy clusters."""

    def __init__(self, catalog: Catalog, namespace: str, port: int) -> None:
        self.catalog = catalog
        self.namespace = namespace
        self.port = port  # that the request came for

    def cluster(self, entry: Fields) -> str | None:
        """Return the Envoy cluster of a `destination`, None (and a gap) if it names none."""
        with entry:
            name = entry.take("host")
            with entry.inner("port") as port:
                number = port.take("number")
            if entry.values.get("subset"):
                entry.gap("subset", "subsets are not applied; all pods of the Service are used")
            host = read_host(name, self.namespace, self.catalog.ports) if isinstance(name, str) and name else None
            if host is None or host.foreign:
                entry.gap("host", f'"{name}" is no Service of this cluster; its share is answered with 503')
                return None
            found, problem = self.catalog.cluster(host.service, number if isinstance(number, int) else None, self.port)
            if problem:
                entry.gap("host", problem)
            return found


def virtual_service_routes(source: Object, service: ServiceKey | None, catalog: Catalog, gaps: Gaps) -> list[NewObject]:
    """Return the routes of a VirtualService for requests to one of its hosts.

    `service` is the Service that the host means, None for another host. A Service with several ports gets the
    routes once for each, those for all but the default port with a condition on the port in the Host header.
    """
    namespace = (source.get("metadata") or {}).get("namespace", "")
    default = catalog.default_port(service) if service else 0
    numbers = [port.number for port in catalog.ports.get(service, ())] if service else []
    routes: list[NewObject] = []
    for number in [*(n for n in numbers if n != default), default]:
        destinations = Destinations(catalog, namespace, number)
        made = http_routes(source, number if service else None, destinations, gaps)
        routes += made if number == default else [only_port(route, number) for route in made]
    return routes


def http_routes(source: Object, port: int | None, destinations: Destinations, gaps: Gaps) -> list[NewObject]:
    with Fields(source.get("spec"), "spec", gaps) as spec:
        for done in ("hosts", "gateways"):
            spec.take(done)
        return [route for http in spec.entries("http") for route in one_entry(http, port, destinations)]


def one_entry(http: Fields, port: int | None, destinations: Destinations) -> list[NewObject]:
    """Return a route for each match of one `http` entry."""
    with http:
        http.take("name")
        matches = envoy_matches(http, port)
        rest = answer(http, destinations)
        faults = fault(http)
        routes: list[NewObject] = []
        for match in matches:
            route: NewObject = {"match": match, **rest}
            if "route" in rest:
                route["route"] = dict(rest["route"])
                rewrites(http, match, route["route"])
            if faults:
                route["typed_per_filter_config"] = faults
            routes.append(route)
        return routes


def answer(http: Fields, destinations: Destinations) -> NewObject:
    """Return what becomes of the request: a redirect, an answer from Envoy itself, or destinations."""
    result: NewObject = {}
    if http.values.get("redirect"):
        result["redirect"] = redirect(http.inner("redirect"))
    elif http.values.get("directResponse"):
        with http.inner("directResponse") as entry:
            status = entry.take("status")
            with entry.inner("body") as body:
                text = body.take("string") or ""
        result["direct_response"] = {"status": status, "body": {"inline_string": text}}
    else:
        result["route"] = route_action(http, destinations)
        if not result["route"]:
            return unavailable()
    header_changes(http, result)
    if "route" in result and "host_rewrite_literal" in result:
        result["route"]["host_rewrite_literal"] = result.pop("host_rewrite_literal")
    return result


def unavailable() -> NewObject:
    return {"direct_response": {"status": 503, "body": {"inline_string": "no destination with a weight\n"}}}


def redirect(entry: Fields) -> NewObject:
    with entry:
        code = REDIRECT_CODES.get(entry.take("redirectCode") or 301)
        if code is None:
            entry.gap("redirectCode", f"is none of {', '.join(map(str, REDIRECT_CODES))}; 301 is used")
        named = {
            "uri": "path_redirect",
            "authority": "host_redirect",
            "scheme": "scheme_redirect",
            "port": "port_redirect",
        }
        found = {target: entry.take(name) for name, target in named.items() if entry.values.get(name)}
        return {**found, "response_code": code or REDIRECT_CODES[301]}


def route_action(http: Fields, destinations: Destinations) -> NewObject:
    """Return Envoy's route action; empty where no destination has a weight."""
    clusters = weighted_clusters(http, destinations)
    mirrors = mirror_policies(http, destinations)
    policy = retries(http)
    action: NewObject = {"weighted_clusters": {"clusters": clusters}, "timeout": NO_TIMEOUT}
    put_duration(http, "timeout", action, "timeout")
    if mirrors:
        action["request_mirror_policies"] = mirrors
    if policy:
        action["retry_policy"] = policy
    return action if clusters else {}


def weighted_clusters(http: Fields, destinations: Destinations) -> list[NewObject]:
    """Return the destinations that get a share. The sum of weights is free; a lone destination gets everything."""
    entries = http.entries("route")
    clusters: list[NewObject] = []
    for entry in entries:
        with entry:
            weight = entry.take("weight")
            share = 1 if len(entries) == 1 else weight if isinstance(weight, int) else 0
            cluster: NewObject = {"name": destinations.cluster(entry.inner("destination")), "weight": share}
            header_changes(entry, cluster)
            if cluster["name"] is None:
                cluster["name"] = destinations.catalog.nowhere()
            if share > 0:
                clusters.append(cluster)
    if not entries:
        http.gap("route", "is empty; answered with 503")
    elif not clusters:
        http.gap("route", "no destination has a weight; answered with 503")
    return clusters


def mirror_policies(http: Fields, destinations: Destinations) -> list[NewObject]:
    found: list[NewObject] = []
    if http.values.get("mirror"):
        name = destinations.cluster(http.inner("mirror"))
        share = percentage(http, "mirrorPercentage", 100)
        found += [mirror_to(name, share)] if name else []
    for entry in http.entries("mirrors"):
        with entry:
            name = destinations.cluster(entry.inner("destination"))
            share = percentage(entry, "percentage", 100)
            found += [mirror_to(name, share)] if name else []
    return found


def mirror_to(name: str, share: NewObject) -> NewObject:
    return {"cluster": name, "runtime_fraction": {"default_value": share}}


def only_port(route: NewObject, port: int) -> NewObject:
    """Return the route for requests alone whose Host names this port."""
    condition = {"name": ":authority", "string_match": {"suffix": f":{port}"}}
    match = route["match"]
    return {**route, "match": {**match, "headers": [*match.get("headers", ()), condition]}}
