"""Rules of Nodes.

Source: Kubernetes, pkg/apis/core/validation, ValidateNode.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, duplicate, forbidden_field, invalid
from volary.embedded.api.text import forms
from volary.embedded.api.validation.affinity import taints
from volary.embedded.api.validation.resources import amount

Object = Mapping[str, Any]
KEPT = 'node updates may not change {0} except from "" to valid'


def node(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = taints(spec.get("taints") or (), "metadata.taints") + _amounts(obj)  # as the server names the place
    ranges = spec.get("podCIDRs") or ()
    for index, it in enumerate(ranges):
        errors += forms.wrong_network(f"spec.podCIDRs[{index}]", it)
    if len(ranges) > 1 and (len(ranges) > 2 or len({":" in it for it in ranges}) != 2):
        text = "may specify no more than one CIDR for each IP family"
        errors.append(invalid("spec.podCIDRs", list(ranges), text))
    return errors


def _amounts(obj: Object) -> list[FieldError]:
    status, errors = obj.get("status") or {}, []
    for kind in ("capacity", "allocatable"):
        for name, value in (status.get(kind) or {}).items():
            errors += amount(name, value, f"status.{kind}.{name}")
    return errors


def node_changes(obj: Object, old: Object) -> list[FieldError]:
    """Return what an update of a Node may not do."""
    spec, before, errors = obj.get("spec") or {}, old.get("spec") or {}, _amounts(obj)
    addresses = (obj.get("status") or {}).get("addresses") or ()
    for index, it in enumerate(addresses):
        if it in addresses[:index]:
            shown = {"Type": it.get("type"), "Address": it.get("address")}  # as the server's own type prints
            errors.append(duplicate(f"status.addresses[{index}]", shown))
    old_ranges, ranges = before.get("podCIDRs") or [], spec.get("podCIDRs") or []
    if old_ranges:
        same = len(old_ranges) == len(ranges)
        changed = sum(one != other for one, other in zip(old_ranges, ranges, strict=True)) if same else 1
        errors += [forbidden_field("spec.podCIDRs", KEPT.format("podCIDR")) for _ in range(changed)]
    if before.get("providerID") and spec.get("providerID") != before["providerID"]:
        errors.append(forbidden_field("spec.providerID", KEPT.format("providerID")))
    errors += taints(spec.get("taints") or (), "metadata.taints")
    if (spec.get("externalID") or "") != (before.get("externalID") or ""):
        errors.append(forbidden_field("spec.externalID", "may not be updated"))
    return errors
