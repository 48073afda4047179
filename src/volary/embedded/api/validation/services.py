"""Rules of Services.

Source: Kubernetes, pkg/apis/core/validation, validateService.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from volary.embedded.api.errors import FieldError, duplicate, forbidden_field, invalid, required
from volary.embedded.api.text import forms
from volary.embedded.api.validation.addresses import addresses_kept, cluster_addresses, families_kept
from volary.embedded.api.validation.common import IMMUTABLE, labels_errors, one_of

Object = Mapping[str, Any]
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
PROTOCOLS = ("SCTP", "TCP", "UDP")
DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
LONGEST_AFFINITY = 86400
ONLY_BALANCED = "may only be used when `type` is 'LoadBalancer'"
RANGES_NOTE = "service.beta.kubernetes.io/load-balancer-source-ranges"
HINTS, MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"


def headless(spec: Object) -> bool:
    return list(spec.get("clusterIPs") or ()) == ["None"]


def reachable(spec: Object) -> bool:
    """Can it be reached from outside?"""
    return spec.get("type") in ("LoadBalancer", "NodePort") or (
        spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs"))
    )


def health_checked(spec: Object) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def service_changes(obj: Object, old: Object) -> list[FieldError]:
    """Return what an update of a Service may not do."""
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    errors = addresses_kept(spec, before) + families_kept(spec, before)
    both = spec.get("type") == before.get("type") == "LoadBalancer"
    if both and spec.get("loadBalancerClass") != before.get("loadBalancerClass"):
        errors.append(invalid("spec.loadBalancerClass", spec.get("loadBalancerClass"), "may not change once set"))
    errors += _balancer_class(spec)
    changed = spec.get("healthCheckNodePort") != before.get("healthCheckNodePort")
    if health_checked(spec) and health_checked(before) and changed:
        errors.append(forbidden_field("spec.healthCheckNodePort", IMMUTABLE))
    return errors


def service(obj: Object, old: Object | None) -> list[FieldError]:
    spec, notes = obj.get("spec") or {}, obj["metadata"].get("annotations") or {}
    before = (old or {}).get("spec") or {}
    kind, ports = spec.get("type") or "", spec.get("ports") or ()
    errors: list[FieldError] = []
    if HINTS in notes and MODE in notes and notes[HINTS] != notes[MODE]:
        text = f"must match annotations[{HINTS}] when both are specified"
        errors.append(invalid(f"metadata.annotations[{MODE}]", notes[MODE], text))
    if not ports and not headless(spec) and kind != "ExternalName":
        errors.append(required("spec.ports"))
    errors += _by_type(kind, spec) + _ports(ports)
    errors += labels_errors(spec.get("selector"), "spec.selector") + _affinity(spec)
    errors += cluster_addresses(spec, before)
    for index, it in enumerate(spec.get("externalIPs") or ()):
        where = f"spec.externalIPs[{index}]"
        wrong = forms.wrong_address(where, it, before.get("externalIPs") or ())
        errors += wrong or forms.endpoint_address(where, it)
    errors += one_of("spec.type", kind, TYPES) + _node_ports(kind, ports) + _doubled_ports(ports)
    errors += _source_ranges(spec, before, notes) + _balancer(spec)
    errors += _traffic(spec)
    distribution = spec.get("trafficDistribution")
    if distribution is not None:
        errors += one_of("spec.trafficDistribution", distribution, DISTRIBUTIONS, needed=False)
    return errors


def _by_type(kind: str, spec: Object) -> list[FieldError]:
    if kind in ("LoadBalancer", "NodePort") and headless(spec):
        return [invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services")]
    if kind != "ExternalName":
        return []
    text = "may not be set for ExternalName services"
    fields = [it for it in ("clusterIPs", "ipFamilies", "ipFamilyPolicy") if spec.get(it)]
    errors = [forbidden_field(f"spec.{it}", text) for it in fields]
    name = (spec.get("externalName") or "").removesuffix(".")
    return errors + forms.needed("spec.externalName", name, forms.subdomain)


def _ports(ports: Sequence[Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for index, it in enumerate(ports):
        where, name = f"spec.ports[{index}]", it.get("name") or ""
        if not name and len(ports) > 1:
            errors.append(required(f"{where}.name"))
        elif name:
            errors += forms.wrong(f"{where}.name", name, forms.label)
            if name in names:
                errors.append(duplicate(f"{where}.name", name))
            names.add(name)
        errors += forms.named_port(f"{where}.port", it.get("port") or 0)
        errors += one_of(f"{where}.protocol", it.get("protocol"), PROTOCOLS)
        errors += forms.named_port(f"{where}.targetPort", it.get("targetPort", 0))
        if it.get("appProtocol") is not None:
            errors += forms.wrong(f"{where}.appProtocol", it["appProtocol"], forms.key)
    return errors


def _affinity(spec: Object) -> list[FieldError]:
    kind, config, where = (
        spec.get("sessionAffinity") or "",
        spec.get("sessionAffinityConfig"),
        "spec.sessionAffinityConfig",
    )
    errors = one_of("spec.sessionAffinity", kind, ("ClientIP", "None"))
    if kind == "None" and config is not None:
        errors.append(forbidden_field(where, "must not be set when session affinity is None"))
    if kind != "ClientIP":
        return errors
    seconds = ((config or {}).get("clientIP") or {}).get("timeoutSeconds")
    if seconds is None or not 0 < seconds <= LONGEST_AFFINITY:
        text = f"must be greater than 0 and less than {LONGEST_AFFINITY}"
        errors.append(invalid(f"{where}.clientIP.timeoutSeconds", seconds, text))
    return errors


def _node_ports(kind: str, ports: Sequence[Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    if kind == "ClusterIP":
        text = "may not be used when `type` is 'ClusterIP'"
        places = [index for index, it in enumerate(ports) if it.get("nodePort")]
        errors += [forbidden_field(f"spec.ports[{index}].nodePort", text) for index in places]
    seen: set[tuple[Any, Any]] = set()
    for index, it in enumerate(ports):
        key = (it.get("protocol"), it.get("nodePort"))
        if it.get("nodePort") and key in seen:
            errors.append(duplicate(f"spec.ports[{index}].nodePort", it["nodePort"]))
        seen.add(key)
    return errors


def _doubled_ports(ports: Sequence[Object]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[tuple[Any, Any]] = set()
    for index, it in enumerate(ports):
        protocol, number = it.get("protocol") or "", it.get("port") or 0
        if (protocol, number) in seen:
            # A port as the server's own type prints it.
            shown = {
                "Name": "",
                "Protocol": protocol,
                "AppProtocol": None,
                "Port": number,
                "TargetPort": 0,
                "NodePort": 0,
            }
            errors.append(duplicate(f"spec.ports[{index}]", shown))
        seen.add((protocol, number))
    return errors


def _source_ranges(spec: Object, before: Object, notes: Mapping[str, str]) -> list[FieldError]:
    ranges, balanced = spec.get("loadBalancerSourceRanges") or (), spec.get("type") == "LoadBalancer"
    if ranges:
        where = "spec.LoadBalancerSourceRanges"  # as the server spells it
        errors = [] if balanced else [forbidden_field(where, ONLY_BALANCED)]
        known = [it.strip() for it in before.get("loadBalancerSourceRanges") or ()]
        for index, it in enumerate(ranges):
            errors += forms.wrong_network(f"{where}[{index}]", it.strip(), known)
        return errors
    if RANGES_NOTE not in notes:
        return []
    where = f"metadata.annotations[{RANGES_NOTE}]"
    errors = [] if balanced else [forbidden_field(where, ONLY_BALANCED)]
    listed = notes[RANGES_NOTE].strip()
    for it in listed.split(",") if listed else ():
        errors += forms.wrong_network(where, it.strip())
    return errors


def _balancer(spec: Object) -> list[FieldError]:
    allocate, balanced, errors = spec.get("allocateLoadBalancerNodePorts"), spec.get("type") == "LoadBalancer", []
    if allocate is not None and not balanced:
        errors.append(forbidden_field("spec.allocateLoadBalancerNodePorts", ONLY_BALANCED))
    if allocate is None and balanced:
        errors.append(required("allocateLoadBalancerNodePorts"))
    return errors + _balancer_class(spec)


def _balancer_class(spec: Object) -> list[FieldError]:
    name, where = spec.get("loadBalancerClass"), "spec.loadBalancerClass"
    if name is None:
        return []
    return (
        forms.wrong(where, name, forms.key)
        if spec.get("type") == "LoadBalancer"
        else [forbidden_field(where, ONLY_BALANCED)]
    )


def _traffic(spec: Object) -> list[FieldError]:
    outside, inside = spec.get("externalTrafficPolicy") or "", spec.get("internalTrafficPolicy")
    port, errors = spec.get("healthCheckNodePort") or 0, []
    if reachable(spec):
        errors += one_of("spec.externalTrafficPolicy", outside, ("Cluster", "Local"))
    elif outside:
        text = "may only be set for externally-accessible services"
        errors.append(invalid("spec.externalTrafficPolicy", outside, text))
    if health_checked(spec):
        errors += forms.named_port("spec.healthCheckNodePort", port) if port else [required("spec.healthCheckNodePort")]
    elif port:
        text = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        errors.append(invalid("spec.healthCheckNodePort", port, text))
    if inside is None and spec.get("type") in ("NodePort", "LoadBalancer", "ClusterIP"):
        errors.append(required("spec.internalTrafficPolicy"))
    if inside is not None:
        errors += one_of("spec.internalTrafficPolicy", inside, ("Cluster", "Local"), needed=False)
    return errors


def service_status(obj: Object, old: Object) -> list[FieldError]:
    """Return what is wrong with the addresses that a load balancer was given."""
    items = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    before = ((old.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    if items and obj["spec"].get("type") != "LoadBalancer":
        return [forbidden_field("status.loadBalancer.ingress", "may only be used when `spec.type` is 'LoadBalancer'")]
    errors = ingress_addresses(items, before)
    for index, it in enumerate(items):
        where, mode = f"status.loadBalancer.ingress[{index}].ipMode", it.get("ipMode")
        if mode is None and it.get("ip"):
            errors.append(required(where, "must be specified when `ip` is set"))
        elif mode is not None and not it.get("ip"):
            errors.append(forbidden_field(where, "may not be specified when `ip` is not set"))
        elif mode is not None:
            errors += one_of(where, mode, ("Proxy", "VIP"), needed=False)
    return errors


def ingress_addresses(items: Sequence[Object], before: Sequence[Object]) -> list[FieldError]:
    """Return what is wrong with addresses and names of load balancers."""
    errors: list[FieldError] = []
    known = [it.get("ip") or "" for it in before]
    for index, it in enumerate(items):
        where = f"status.loadBalancer.ingress[{index}]"
        if it.get("ip"):
            errors += forms.wrong_address(f"{where}.ip", it["ip"], known)
        if it.get("hostname"):
            errors += forms.wrong(f"{where}.hostname", it["hostname"], forms.subdomain)
            if forms.parsed_address(it["hostname"]) is not None:
                text = "must be a DNS name, not an IP address"
                errors.append(invalid(f"{where}.hostname", it["hostname"], text))
    return errors
