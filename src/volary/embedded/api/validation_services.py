"""Rules of Services, Endpoints and EndpointSlices.

Source: Kubernetes, pkg/apis/core/validation and pkg/apis/discovery/validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from volary.embedded.api.errors import FieldError, duplicate, invalid, required, unsupported
from volary.embedded.api.names import LABEL, LABEL_TEXT

Object = Mapping[str, Any]
TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
PROTOCOLS = ("SCTP", "TCP", "UDP")
PORT_TEXT = "must be between 1 and 65535, inclusive"


def service(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors: list[FieldError] = []
    kind, ports = spec.get("type"), spec.get("ports") or ()
    if kind not in TYPES:
        errors.append(unsupported("spec.type", kind or "", TYPES))
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        errors.append(required("spec.ports"))
    if kind == "ExternalName" and not spec.get("externalName"):
        errors.append(required("spec.externalName"))
    if spec.get("sessionAffinity") not in ("ClientIP", "None"):
        errors.append(unsupported("spec.sessionAffinity", spec.get("sessionAffinity") or "", ("ClientIP", "None")))
    _ports(ports, errors)
    if old is not None:
        _address_kept(spec, old.get("spec") or {}, errors)
    return errors


def _ports(ports: Any, errors: list[FieldError]) -> None:
    names: set[str] = set()
    seen: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        name, number = port.get("name") or "", port.get("port") or 0
        if not name and len(ports) > 1:
            errors.append(required(f"{path}.name"))
        elif name:
            if not LABEL.match(name):
                errors.append(invalid(f"{path}.name", name, LABEL_TEXT))
            if name in names:
                errors.append(duplicate(f"{path}.name", name))
            names.add(name)
        if not 0 < number < 65536:
            errors.append(invalid(f"{path}.port", number, PORT_TEXT))
        if port.get("protocol") not in PROTOCOLS:
            errors.append(unsupported(f"{path}.protocol", port.get("protocol") or "", PROTOCOLS))
        target = port.get("targetPort")
        if isinstance(target, int) and not 0 < target < 65536:
            errors.append(invalid(f"{path}.targetPort", target, PORT_TEXT))
        if isinstance(target, str) and len(target) > 15:
            errors.append(invalid(f"{path}.targetPort", target, "must be no more than 15 characters"))
        key = (port.get("protocol"), number)
        if key in seen:
            errors.append(duplicate(path, _port_as_printed(key[0], key[1])))
        seen.add(key)


def _port_as_printed(protocol: str, port: int) -> dict[str, Any]:
    """Return a port as the server's own type prints."""
    first = {"Name": "", "Protocol": protocol, "AppProtocol": None}
    return first | {"Port": port, "TargetPort": 0, "NodePort": 0}


def _address_kept(spec: Object, old: Object, errors: list[FieldError]) -> None:
    if "ExternalName" in (spec.get("type"), old.get("type")) or not old.get("clusterIP"):
        return
    if spec.get("clusterIP") != old["clusterIP"]:
        changed = [spec["clusterIP"]] if spec.get("clusterIP") else None
        errors.append(invalid("spec.clusterIPs[0]", changed, "may not change once set"))


def endpoints(obj: Object, old: Object | None) -> list[FieldError]:
    errors = []
    for index, subset in enumerate(obj.get("subsets") or ()):
        path = f"subsets[{index}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            errors.append(required(path, "must specify `addresses` or `notReadyAddresses`"))
        for number, port in enumerate(subset.get("ports") or ()):
            if not 0 < (port.get("port") or 0) < 65536:
                errors.append(invalid(f"{path}.ports[{number}].port", port.get("port") or 0, PORT_TEXT))
    return errors


def _address_errors(path: str, text: str) -> list[FieldError]:
    try:
        address = ip_address(text)
    except ValueError:
        return [invalid(path, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    if address.is_loopback:
        return [invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)")]
    if address.is_unspecified:
        return [invalid(path, text, f"may not be unspecified ({text})")]
    if address.is_link_local:
        return [invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")]
    return []


def endpoint_slice(obj: Object, old: Object | None) -> list[FieldError]:
    kinds = ("FQDN", "IPv4", "IPv6")
    errors = []
    kind = obj.get("addressType") or ""
    if not kind:
        errors.append(required("addressType"))
    elif kind not in kinds:
        errors.append(unsupported("addressType", kind, kinds))
    for index, endpoint in enumerate(obj.get("endpoints") or ()):
        if not endpoint.get("addresses"):
            errors.append(required(f"endpoints[{index}].addresses", "must contain at least 1 address"))
        for number, address in enumerate(endpoint.get("addresses") or ()):
            if kind in ("IPv4", "IPv6"):
                errors += _address_errors(f"endpoints[{index}].addresses[{number}]", address)
    if old is not None and old.get("addressType") != kind:
        errors.append(invalid("addressType", kind, "field is immutable"))
    return errors
