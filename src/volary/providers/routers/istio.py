"""Istio: one VirtualService carries the weights, two DestinationRules the traffic policy.

    http:
    - match, rewrite, timeout, …
      route:
      - destination: {host: podinfo-primary}   weight: 90
      - destination: {host: podinfo-canary}    weight: 10

Source: networking.istio.io/v1beta1 as Flagger writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from volary.kube.definitions import AGE, Column, definition
from volary.kube.objects import NewObject, Object, Resource, dig, mutable
from volary.kube.resources import DESTINATION_RULES, VIRTUAL_SERVICES
from volary.providers.split import Split

MESH = "mesh"  # the gateway that stands for all sidecars


@dataclass(frozen=True, slots=True)
class HttpRoute:
    """What a route says beside its destinations; mappings are Istio's JSON, as the user wrote them."""

    port: int
    gateways: Sequence[str] = ()
    hosts: Sequence[str] = ()
    delegation: bool = False  # another VirtualService has the hosts and gateways
    port_discovery: bool = False
    match: Sequence[Mapping[str, Any]] = ()
    rewrite: Mapping[str, Any] | None = None
    timeout: str = ""
    retries: Mapping[str, Any] | None = None
    cors_policy: Mapping[str, Any] | None = None
    headers: Mapping[str, Any] | None = None


class Istio:
    """The router for a mesh of Istio sidecars and gateways."""

    resource: Resource = VIRTUAL_SERVICES

    def weight(self, current: Object, split: Split) -> int | None:
        """Return the canary's percent, or None if the object does not split between these two sides."""
        shares = {share(primary, canary) for primary, canary in pairs(current, split)}
        return shares.pop() if len(shares) == 1 else None  # routes that disagree are not ours to read

    def with_weight(self, current: Object, split: Split, percent: int) -> NewObject:
        """Return `current` with `percent` (0-100) of traffic on the canary and all else kept."""
        changed = mutable(current)
        for primary, canary in pairs(changed, split):
            primary["weight"], canary["weight"] = 100 - percent, percent
        return changed

    def spec(self, route: HttpRoute, split: Split, percent: int) -> NewObject:
        """Return the whole spec of the VirtualService."""
        gateways = list(route.gateways) or [MESH]
        hosts = list(route.hosts)
        if split.apex not in hosts and "*" not in hosts:
            hosts.append(split.apex)
        made: NewObject = {} if route.delegation else {"gateways": gateways, "hosts": hosts}
        # A gateway has no port of its own to go by, so the port must be named where there are several.
        named = route.port_discovery and (route.delegation or gateways[0] != MESH)
        made["http"] = [self.rule(route, split, percent, route.port if named else None)]
        return made

    def rule(self, route: HttpRoute, split: Split, percent: int, port: int | None) -> NewObject:
        rule: NewObject = {
            "match": [dict(entry) for entry in route.match],
            "rewrite": route.rewrite,
            "timeout": route.timeout,
            "retries": route.retries,
            "corsPolicy": route.cors_policy,
            "headers": route.headers,
        }
        destinations = [
            {"destination": destination(split.primary, port), "weight": 100 - percent},
            {"destination": destination(split.canary, port), "weight": percent},
        ]
        return {**{key: value for key, value in rule.items() if value}, "route": destinations}


def destination(host: str, port: int | None) -> NewObject:
    return {"host": host} if port is None else {"host": host, "port": {"number": port}}


def destination_rule(host: str, traffic_policy: Mapping[str, Any] | None) -> NewObject:
    """Return the spec of the DestinationRule of one side."""
    return {"host": host, "trafficPolicy": dict(traffic_policy)} if traffic_policy else {"host": host}


def pairs(route: Object, split: Split) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Yield (primary, canary) for every HTTP route that has both sides."""
    for rule in dig(route, "spec", "http") or ():
        by_host = {dig(entry, "destination", "host"): entry for entry in dig(rule, "route") or ()}
        if split.primary in by_host and split.canary in by_host:
            yield by_host[split.primary], by_host[split.canary]


def share(primary: Mapping[str, Any], canary: Mapping[str, Any]) -> int | None:
    """Return the canary's percent of what the two get together, or None where neither gets any."""
    to_primary, to_canary = int(primary.get("weight") or 0), int(canary.get("weight") or 0)
    total = to_primary + to_canary
    return round(100 * to_canary / total) if total else None


class VirtualServiceSpec(msgspec.Struct, frozen=True, rename="camel"):
    """The first level of Istio's own schema; what is below is kept as it is."""

    hosts: list[str] = []
    gateways: list[str] = []
    http: list[dict[str, Any]] = []
    tls: list[dict[str, Any]] = []
    tcp: list[dict[str, Any]] = []
    export_to: list[str] = []


class DestinationRuleSpec(msgspec.Struct, frozen=True, rename="camel"):
    """The first level of Istio's own schema; what is below is kept as it is."""

    host: str
    traffic_policy: dict[str, Any] = {}
    subsets: list[dict[str, Any]] = []
    export_to: list[str] = []
    workload_selector: dict[str, Any] = {}


class Status(msgspec.Struct, frozen=True):
    """Written by Istio, kept as it is."""

    conditions: list[dict[str, Any]] = []


def definitions() -> list[NewObject]:
    """Return the CRDs of the two kinds, for servers that have none."""
    routes = definition(
        VIRTUAL_SERVICES,
        spec=VirtualServiceSpec,
        status=Status,
        columns=[Column("Gateways", ".spec.gateways"), Column("Hosts", ".spec.hosts"), AGE],
        short_names=["vs"],
        categories=["istio-io", "networking-istio-io"],
        required=(),
    )
    rules = definition(
        DESTINATION_RULES,
        spec=DestinationRuleSpec,
        status=Status,
        columns=[Column("Host", ".spec.host"), AGE],
        short_names=["dr"],
        categories=["istio-io", "networking-istio-io"],
        required=(),
    )
    return [routes, rules]
