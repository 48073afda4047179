"""Addresses of Services: given out in order, kept on updates, never twice.

One family (IPv4) is configured, as in a cluster that nobody set up for two.

Source: Kubernetes, pkg/registry/core/service/storage; the range is kubeadm's.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Any

from volary.embedded.api.defaults.node_ports import give_node_ports, keep_node_ports, release_node_ports
from volary.embedded.api.errors import FieldError, invalid
from volary.embedded.api.store import Store
from volary.embedded.api.validation.addresses import cluster_addresses, family_of
from volary.embedded.api.validation.services import health_checked, reachable

Object = dict[str, Any]

RANGE = IPv4Network("10.96.0.0/12")
FIRST = 10  # the first ones are left to those who ask for an address by name, such as DNS
FAMILY = "IPv4"
NOT_CONFIGURED = "not configured on this cluster"
SEVERAL = "must be 'RequireDualStack' or 'PreferDualStack' when multiple {0} are specified"
RELEASE = "must be 'SingleStack' to release the secondary {0}"


def allocate(store: Store, obj: Object, old: Object | None, dry_run: bool = False) -> list[FieldError]:
    """Give a Service what it needs; return why not."""
    spec = obj["spec"]
    before: Object = (old or {}).get("spec") or {}
    if old is not None:
        _drop_unneeded(spec, before)
        _keep(spec, before)
    _normalize(spec, before)
    if spec.get("type") == "ExternalName" and spec.get("internalTrafficPolicy"):
        del spec["internalTrafficPolicy"]
    if spec.get("type") != "ExternalName":
        errors = _families(spec, before) or _addresses(store, spec, before)
        if errors:
            return errors
    return give_node_ports(store, obj, before, dry_run)


def needs_address(spec: Object) -> bool:
    return spec.get("type") != "ExternalName"


def needs_node_port(spec: Object) -> bool:
    return spec.get("type") in ("NodePort", "LoadBalancer")


def _drop_unneeded(spec: Object, before: Object) -> None:
    """Take out what belongs to the type that the Service had, unless the update says it anew."""
    if needs_address(before) and not needs_address(spec):
        same = all(spec.get(it) == before.get(it) for it in ("clusterIP", "clusterIPs"))
        for field in ("clusterIP", "clusterIPs") if same else ():
            spec.pop(field, None)
        for field in ("ipFamilies", "ipFamilyPolicy"):
            if spec.get(field) == before.get(field):
                spec.pop(field, None)
    if needs_node_port(before) and not needs_node_port(spec):
        release_node_ports(spec, before)
    fields = {
        "healthCheckNodePort": health_checked,
        "allocateLoadBalancerNodePorts": _balanced,
        "loadBalancerClass": _balanced,
        "externalTrafficPolicy": reachable,
    }
    for field, belongs in fields.items():
        if belongs(before) and not belongs(spec) and spec.get(field) == before.get(field):
            spec.pop(field, None)


def _balanced(spec: Object) -> bool:
    return bool(spec.get("type") == "LoadBalancer")


def _keep(spec: Object, before: Object) -> None:
    """Put in what was given out before and the update leaves open."""
    if needs_address(spec) and needs_address(before):
        for field in ("clusterIP", "clusterIPs"):
            if not spec.get(field) and before.get(field):
                spec[field] = before[field]
    if needs_node_port(spec) and needs_node_port(before):
        keep_node_ports(spec, before)
    if health_checked(spec) and health_checked(before) and not spec.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = before.get("healthCheckNodePort")


def _normalize(spec: Object, before: Object) -> None:
    """Make the list of addresses follow the one address, where a client knows that only."""
    first, all_ = spec.get("clusterIP") or "", spec.get("clusterIPs")
    if not before:
        if first and not all_:
            spec["clusterIPs"] = [first]
        return
    old = before.get("clusterIP") or ""
    if before.get("clusterIPs") and not all_ and old == first:
        spec["clusterIPs"] = before["clusterIPs"]
    if old != first and all_ == before.get("clusterIPs"):
        if old and not first:
            spec.pop("clusterIPs", None)
        else:
            spec["clusterIPs"] = [first]


def _families(spec: Object, before: Object) -> list[FieldError]:
    """Settle families and policy; return why not."""
    selectorless = spec.get("clusterIP") == "None" and not spec.get("selector")
    if spec.get("ipFamilyPolicy") is None:
        policy = before.get("ipFamilyPolicy") or ("RequireDualStack" if selectorless else "SingleStack")
        spec["ipFamilyPolicy"] = policy
    if errors := cluster_addresses(spec, before):
        return errors
    if errors := _policy_errors(spec, before):
        return errors
    if selectorless:
        families = spec["ipFamilies"] = list(spec.get("ipFamilies") or [FAMILY])
        if len(families) < 2 and spec["ipFamilyPolicy"] != "SingleStack":
            families.append("IPv6" if families[0] == FAMILY else FAMILY)
        return []
    errors = []
    if spec["ipFamilyPolicy"] == "RequireDualStack":
        text = "this cluster is not configured for dual-stack services"
        errors.append(invalid("spec.ipFamilyPolicy", spec["ipFamilyPolicy"], text))
    for index, it in enumerate(spec.get("ipFamilies") or ()):
        if it != FAMILY:
            errors.append(invalid(f"spec.ipFamilies[{index}]", it, NOT_CONFIGURED))
    if not errors and not spec.get("ipFamilies"):
        spec["ipFamilies"] = [FAMILY]
    return errors


def _policy_errors(spec: Object, before: Object) -> list[FieldError]:
    where, policy, errors = "spec.ipFamilyPolicy", spec["ipFamilyPolicy"], []
    shown = (("clusterIPs", "cluster IPs", "cluster IP"), ("ipFamilies", "IP families", "IP family"))
    for field, several, one in shown:
        now, then = list(spec.get(field) or ()), list(before.get(field) or ())
        if before and policy == "SingleStack" and now == then and len(now) > 1:
            now = spec[field] = now[:1]
        elif before and policy != "SingleStack" and now and len(now) < len(then) and then[: len(now)] == now:
            errors.append(invalid(where, policy, RELEASE.format(one)))
        if policy == "SingleStack" and len(now) == 2:
            errors.append(invalid(where, policy, SEVERAL.format(several)))
    for index, address in enumerate(spec.get("clusterIPs") or ()):
        if address == "None":
            break
        if index < len(spec.get("ipFamilies") or ()):
            continue
        family = family_of(address)
        if family != FAMILY:
            text = f"{family} is {NOT_CONFIGURED}"
            errors.append(invalid(f"spec.clusterIPs[{index}]", spec["clusterIPs"], text))
        else:
            spec["ipFamilies"] = [*(spec.get("ipFamilies") or ()), family]
    return errors


def _addresses(store: Store, spec: Object, before: Object) -> list[FieldError]:
    """Give the one address that is missing; return why a wanted one is not to be had."""
    wanted = (spec.get("clusterIPs") or [""])[0]
    if wanted == "None" or (before and before.get("type") != "ExternalName"):
        return []
    taken = {entry.obj["spec"].get("clusterIP") for entry in store.items("/services")}
    if not wanted:
        number = int(RANGE.network_address) + FIRST
        # Counting from the number of Services finds a free one at once as long as few were deleted.
        number += len(taken)
        while str(IPv4Address(number)) in taken:
            number += 1
        wanted = str(IPv4Address(number))
    elif ip_address(wanted) not in RANGE:
        text = f"failed to allocate IP {wanted}: the provided network does not match the current range"
        return [invalid("spec.clusterIPs", spec["clusterIPs"], text)]
    elif wanted in taken:
        text = f"failed to allocate IP {wanted}: provided IP is already allocated"
        return [invalid("spec.clusterIPs", spec["clusterIPs"], text)]
    spec["clusterIP"], spec["clusterIPs"] = wanted, [wanted]
    return []
