"""Rules of Endpoints and EndpointSlices.

Source: Kubernetes, pkg/apis/core/validation and pkg/apis/discovery/validation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from volary.embedded.api.errors import FieldError, duplicate, invalid, required
from volary.embedded.api.text import forms
from volary.embedded.api.validation.common import labels_errors, one_of, too_many, unchanged

Object = Mapping[str, Any]
PROTOCOLS = ("SCTP", "TCP", "UDP")
KINDS = ("FQDN", "IPv4", "IPv6")
MOST_ENDPOINTS, MOST_ADDRESSES, MOST_PORTS, MOST_HINTS, MOST_TOPOLOGY = 1000, 100, 20000, 8, 16


def endpoints(obj: Object, old: Object | None) -> list[FieldError]:
    subsets = obj.get("subsets") or ()
    if old is not None and old.get("subsets") == obj.get("subsets"):
        return []
    errors: list[FieldError] = []
    for index, it in enumerate(subsets):
        where = f"subsets[{index}]"
        if not it.get("addresses") and not it.get("notReadyAddresses"):
            errors.append(required(where, "must specify `addresses` or `notReadyAddresses`"))
        for kind in ("addresses", "notReadyAddresses"):
            for number, address in enumerate(it.get(kind) or ()):
                errors += _address(address, f"{where}.{kind}[{number}]")
        ports = it.get("ports") or ()
        for number, port in enumerate(ports):
            errors += _port(port, len(ports) > 1, f"{where}.ports[{number}]")
    return errors


def _address(it: Object, path: str) -> list[FieldError]:
    address = it.get("ip") or ""
    errors = forms.wrong_address(f"{path}.ip", address)
    if it.get("hostname"):
        errors += forms.wrong(f"{path}.hostname", it["hostname"], forms.label)
    if it.get("nodeName") is not None:
        errors += forms.wrong(f"{path}.nodeName", it["nodeName"], forms.subdomain)
    return errors + forms.endpoint_address(f"{path}.ip", address)


def _port(it: Object, needs_name: bool, path: str) -> list[FieldError]:
    name, errors = it.get("name") or "", []
    if name or needs_name:
        errors += forms.needed(f"{path}.name", name, forms.label)
    errors += forms.named_port(f"{path}.port", it.get("port") or 0)
    errors += one_of(f"{path}.protocol", it.get("protocol"), PROTOCOLS)
    if it.get("appProtocol") is not None:
        errors += forms.wrong(f"{path}.appProtocol", it["appProtocol"], forms.key)
    return errors


def endpoint_slice(obj: Object, old: Object | None) -> list[FieldError]:
    kind = obj.get("addressType") or ""
    errors = one_of("addressType", kind, KINDS) + _slice_ports(obj.get("ports") or ())
    if old is None or old.get("endpoints") != obj.get("endpoints"):
        errors += _slice_endpoints(obj.get("endpoints") or (), kind)
    return errors if old is None else errors + unchanged(kind, old.get("addressType"), "addressType")


def _slice_ports(items: Sequence[Object]) -> list[FieldError]:
    if len(items) > MOST_PORTS:
        return [too_many("ports", len(items), MOST_PORTS)]
    errors: list[FieldError] = []
    names: set[str] = set()
    for index, it in enumerate(items):
        where, name = f"ports[{index}]", it.get("name") or ""
        if name:
            errors += forms.wrong(f"{where}.name", name, forms.label)
        if name in names:
            errors.append(duplicate(f"{where}.name", name))
        names.add(name)
        errors += one_of(f"{where}.protocol", it.get("protocol"), PROTOCOLS, needed=it.get("protocol") is None)
        if it.get("appProtocol") is not None:
            errors += forms.wrong(f"{where}.appProtocol", it["appProtocol"], forms.key)
    return errors


def _slice_endpoints(items: Sequence[Object], kind: str) -> list[FieldError]:
    if len(items) > MOST_ENDPOINTS:
        return [too_many("endpoints", len(items), MOST_ENDPOINTS)]
    errors: list[FieldError] = []
    for index, it in enumerate(items):
        where, addresses = f"endpoints[{index}]", it.get("addresses") or ()
        if not addresses:
            errors.append(required(f"{where}.addresses", "must contain at least 1 address"))
        elif len(addresses) > MOST_ADDRESSES:
            errors.append(too_many(f"{where}.addresses", len(addresses), MOST_ADDRESSES))
        for number, address in enumerate(addresses):
            errors += _slice_address(address, kind, f"{where}.addresses", number)
        if it.get("nodeName") is not None:
            errors += forms.wrong(f"{where}.nodeName", it["nodeName"], forms.subdomain)
        errors += labels_errors(it.get("deprecatedTopology"), f"{where}.deprecatedTopology")
        if it.get("hostname") is not None:
            errors += forms.wrong(f"{where}.hostname", it["hostname"], forms.label)
        errors += _hints(it.get("hints") or {}, f"{where}.hints")
    return errors


def _slice_address(address: str, kind: str, path: str, number: int) -> list[FieldError]:
    where = f"{path}[{number}]"
    if kind == "FQDN":
        return full_name(where, address)
    if kind not in ("IPv4", "IPv6"):
        return []
    wrong = forms.wrong_address(where, address)
    if not wrong and kind == "IPv6":
        found = str(forms.parsed_address(address))
        if found != address:
            wrong = [invalid(where, address, f'must be in canonical form ("{found}")')]
    if wrong:
        return wrong
    other = (":" in address) != (kind == "IPv6")
    errors = [invalid(path, address, f"must be an {kind} address")] if other else []
    return errors + forms.endpoint_address(where, address)


def full_name(path: str, value: str) -> list[FieldError]:
    """Return what is wrong with a domain of at least two parts."""
    if not value:
        return [required(path)]
    name = value.removesuffix(".")
    if texts := forms.subdomain(name):
        return [invalid(path, name, ",".join(texts))]
    if "." not in name:
        return [invalid(path, name, "should be a domain with at least two segments separated by dots")]
    long = next((it for it in name.split(".") if forms.label(it)), None)
    return [] if long is None else [invalid(path, long, ",".join(forms.label(long)))]


def _hints(it: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for field, form in (("forZones", forms.label_value), ("forNodes", forms.subdomain)):
        items, where = it.get(field) or (), f"{path}.{field}"
        if len(items) > MOST_HINTS:
            return [*errors, too_many(where, len(items), MOST_HINTS)]
        names: set[str] = set()
        for index, hint in enumerate(items):
            name = hint.get("name") or ""
            if name in names:
                errors.append(duplicate(f"{where}[{index}].name", name))
            names.add(name)
            errors += forms.wrong(f"{where}[{index}].name", name, form)
    return errors
