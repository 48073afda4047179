"""Addresses and node ports of Services, given out in order and never twice.

Source: Kubernetes, pkg/registry/core/service; the range is kubeadm's.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Any

from volary.embedded.api.errors import FieldError, invalid
from volary.embedded.api.store import Store

Object = dict[str, Any]

RANGE = IPv4Network("10.96.0.0/12")
FIRST = 10  # the first ones are left to those who ask for an address by name, such as DNS
NODE_PORTS = range(30000, 32768)


def allocate(store: Store, obj: Object, old: Object | None) -> list[FieldError]:
    """Give a Service what it needs; return why not."""
    spec = obj["spec"]
    kind = spec.get("type")
    if kind == "ExternalName":
        for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"):
            if old is not None or field != "clusterIP":
                spec.pop(field, None)
        return []
    if old is not None and (old.get("spec") or {}).get("clusterIP"):
        for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if not spec.get(field) and field in old["spec"]:
                spec[field] = old["spec"][field]
    errors = _address(store, spec, old)
    if not errors:
        spec["clusterIPs"] = spec.get("clusterIPs") or [spec["clusterIP"]]
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
    if kind in ("NodePort", "LoadBalancer"):
        _node_ports(store, spec, old)
    elif old is not None:
        for port in spec.get("ports") or ():
            port.pop("nodePort", None)
    return errors


def _services(store: Store) -> list[Any]:
    return [entry.obj["spec"] for entry in store.items("/services")]


def _address(store: Store, spec: Object, old: Object | None) -> list[FieldError]:
    wanted = spec.get("clusterIP") or (spec.get("clusterIPs") or [""])[0]
    before = (old or {}).get("spec", {}).get("clusterIP")
    if wanted in ("None", before) and wanted:
        spec["clusterIP"] = wanted
        return []
    taken = {it.get("clusterIP") for it in _services(store)}
    if not wanted:
        number = int(RANGE.network_address) + FIRST
        # Counting from the number of Services finds a free one at once as long as few were deleted.
        number += len(taken)
        while str(IPv4Address(number)) in taken:
            number += 1
        spec["clusterIP"] = str(IPv4Address(number))
        return []
    try:
        inside = ip_address(wanted) in RANGE
    except ValueError:
        return [invalid("spec.clusterIPs[0]", wanted, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    if not inside:
        text = f"failed to allocate IP {wanted}: the provided network does not match the current range"
        return [invalid("spec.clusterIPs", [wanted], text)]
    if wanted in taken:
        return [
            invalid("spec.clusterIPs", [wanted], f"failed to allocate IP {wanted}: provided IP is already allocated")
        ]
    spec["clusterIP"] = wanted
    return []


def _node_ports(store: Store, spec: Object, old: Object | None) -> None:
    taken = {port.get("nodePort") for it in _services(store) for port in it.get("ports") or ()}
    before = {
        (it.get("protocol"), it.get("port")): it.get("nodePort")
        for it in ((old or {}).get("spec") or {}).get("ports") or ()
    }
    for port in spec.get("ports") or ():
        if not port.get("nodePort"):
            kept = before.get((port.get("protocol"), port.get("port")))
            port["nodePort"] = kept or next(it for it in NODE_PORTS if it not in taken)
            taken.add(port["nodePort"])
