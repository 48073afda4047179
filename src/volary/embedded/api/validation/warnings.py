"""What the server warns of when it takes an object all the same: fields that do nothing, names that clash.

Source: Kubernetes, WarningsOnCreate and WarningsOnUpdate of the strategies in pkg/registry.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv6Address, ip_network
from typing import Any

from volary.embedded.api.text import forms
from volary.embedded.api.validation.pod_warnings import pod_warnings

Object = Mapping[str, Any]
Warn = Callable[[Object, Object | None], list[str]]
HINTS, MODE = "service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"
CLASS_NOTE = "kubernetes.io/ingress.class"
MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"
OWN_SLICES = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")


def builtin_warnings(resource: str, obj: Object, old: Object | None, subresource: str) -> list[str]:
    """Return the warnings for a write that goes through."""
    if subresource:
        return (
            _of_status(obj)
            if subresource == "status" and resource in ("/services", "networking.k8s.io/ingresses")
            else []
        )
    if resource in TEMPLATES:
        return _template(obj, old, resource in NAMED)
    found = WARNINGS.get(resource)
    return found(obj, old) if found else []


def address_warnings(path: str, value: str) -> list[str]:
    """Return what a younger server would not take of an address."""
    found = forms.parsed_address(value)
    if found is None:
        return []
    mapped = isinstance(found, IPv6Address) and found.ipv4_mapped is not None
    if mapped or (not isinstance(found, IPv6Address) and str(found) != value):
        plain = str(found.ipv4_mapped) if isinstance(found, IPv6Address) else str(found)
        return [f'{path}: non-standard IP address "{value}" is invalid: use "{plain}"']
    if isinstance(found, IPv6Address) and str(found) != value:
        return [f'{path}: IPv6 address "{value}" should be in RFC 5952 canonical format ("{found}")']
    return []


def network_warnings(path: str, value: str) -> list[str]:
    address, _, bits = value.partition("/")
    found = forms.parsed_address(address)
    if found is None or not bits.isdigit():
        return []
    plain = ip_network(f"{address}/{bits}", strict=False)
    if forms.strict_network(value):
        either = f'(should be "{plain}" or "{found}/{found.max_prefixlen}"?)'
        return [f'{path}: CIDR value "{value}" is ambiguous in this context {either}']
    if isinstance(found, IPv6Address) and str(plain) != value:
        return [f'{path}: IPv6 CIDR value "{value}" should be in RFC 5952 canonical format ("{plain}")']
    return []


def service(obj: Object, _old: Object | None) -> list[str]:
    spec, notes = obj.get("spec") or {}, obj["metadata"].get("annotations") or {}
    headless = spec.get("type") == "ClusterIP" and spec.get("clusterIP") == "None"
    external, found = spec.get("externalIPs") or (), []
    if HINTS in notes:
        found.append(f"annotation {HINTS} is deprecated, please use {MODE} instead")
    if not headless and spec.get("clusterIP"):
        found += _each(address_warnings, "spec.clusterIPs", spec.get("clusterIPs") or ())
    if headless:
        ignored = (
            (spec.get("loadBalancerIP"), "spec.loadBalancerIP"),
            (external, "spec.externalIPs"),
            (spec.get("sessionAffinity") != "None", "spec.SessionAffinity"),
        )
        found += [f"{name} is ignored for headless services" for there, name in ignored if there]
    found += _each(address_warnings, "spec.externalIPs", external)
    if external and not headless and spec.get("type") != "ExternalName":
        found.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if spec.get("loadBalancerIP"):
        found += address_warnings("spec.loadBalancerIP", spec["loadBalancerIP"])
    found += _each(network_warnings, "spec.loadBalancerSourceRanges", spec.get("loadBalancerSourceRanges") or ())
    if spec.get("type") == "ExternalName" and external:
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if spec.get("type") != "ExternalName" and spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


def _each(check: Callable[[str, str], list[str]], path: str, values: Sequence[str]) -> list[str]:
    return [text for index, it in enumerate(values) for text in check(f"{path}[{index}]", it)]


def _of_status(obj: Object) -> list[str]:
    items = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    path = "status.loadBalancer.ingress"
    return [text for index, it in enumerate(items) for text in address_warnings(f"{path}[{index}]", it.get("ip") or "")]


def endpoints(obj: Object, _old: Object | None) -> list[str]:
    found: list[str] = []
    for index, subset in enumerate(obj.get("subsets") or ()):
        for kind in ("addresses", "notReadyAddresses"):
            for number, it in enumerate(subset.get(kind) or ()):
                found += address_warnings(f"subsets[{index}].{kind}[{number}].ip", it.get("ip") or "")
    return found


def endpoint_slice(obj: Object, old: Object | None) -> list[str]:
    found = []
    if old is None and obj.get("addressType") == "FQDN":
        found.append("spec.addressType: FQDN endpoints are deprecated")
    if (obj["metadata"].get("labels") or {}).get("endpointslice.kubernetes.io/managed-by") in OWN_SLICES:
        return found
    for index, it in enumerate(obj.get("endpoints") or ()):
        found += _each(address_warnings, f"endpoints[{index}].addresses", it.get("addresses") or ())
    return found


def node(obj: Object, _old: Object | None) -> list[str]:
    spec, found = obj.get("spec") or {}, []
    if spec.get("configSource") is not None:
        found.append("spec.configSource: the feature is removed")
    if spec.get("externalID"):
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    return found + _each(network_warnings, "spec.podCIDRs", spec.get("podCIDRs") or ())


def ingress(obj: Object, old: Object | None) -> list[str]:
    notes = obj["metadata"].get("annotations") or {}
    if old is None and CLASS_NOTE in notes and (obj.get("spec") or {}).get("ingressClassName") is None:
        return [f"annotation \"{CLASS_NOTE}\" is deprecated, please use 'spec.ingressClassName' instead"]
    return []


def service_account(obj: Object, old: Object | None) -> list[str]:
    if MOUNTABLE not in (obj["metadata"].get("annotations") or {}):
        return []
    if old is not None and MOUNTABLE in (old["metadata"].get("annotations") or {}):
        return []
    text = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{MOUNTABLE}]: {text}"]


def pod(obj: Object, old: Object | None) -> list[str]:
    found = []
    if old is None:
        found = _surprising(obj, "the Pod's hostname")
        return found + pod_warnings(obj.get("spec") or {}, obj["metadata"], "")
    same = old.get("spec") == obj.get("spec")
    return [] if same else pod_warnings(obj.get("spec") or {}, obj["metadata"], "")


def _surprising(obj: Object, place: str) -> list[str]:
    texts = forms.label(obj["metadata"]["name"])
    if not texts:
        return []
    listed = " ".join(texts)
    text = (
        f"metadata.name: this is used in {place}, which can result in surprising behavior; a DNS label is recommended"
    )
    return [f"{text}: [{listed}]"]


TEMPLATES = frozenset({"apps/daemonsets", "apps/deployments", "apps/replicasets", "apps/statefulsets", "batch/jobs"})
NAMED = TEMPLATES - {"apps/daemonsets", "apps/statefulsets"}


def _template(obj: Object, old: Object | None, named: bool) -> list[str]:
    spec = obj.get("spec") or {}
    if old is not None and (old.get("spec") or {}) == spec:
        return []
    found = _surprising(obj, "Pod names and hostnames") if named and old is None else []
    template = spec.get("template") or {}
    return found + pod_warnings(template.get("spec") or {}, template.get("metadata") or {}, "spec.template")


def secret(obj: Object, _old: Object | None) -> list[str]:
    """Warn of a certificate that is none; what a certificate says is not looked at."""
    data = obj.get("data") or {}
    if obj.get("type") != "kubernetes.io/tls":
        return []
    texts = {"tls.crt": "certificate", "tls.key": "key"}
    for key, what in texts.items():
        if b"-----BEGIN " not in base64.b64decode(data.get(key) or ""):
            return [f"tls: failed to find any PEM data in {what} input"]
    return []


WARNINGS: Mapping[str, Warn] = {
    "/endpoints": endpoints,
    "/nodes": node,
    "/pods": pod,
    "/secrets": secret,
    "/serviceaccounts": service_account,
    "/services": service,
    "discovery.k8s.io/endpointslices": endpoint_slice,
    "networking.k8s.io/ingresses": ingress,
}
