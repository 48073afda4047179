"""Resources of a pod as a whole, which those of its containers must fit into.

Source: Kubernetes, pkg/apis/core/validation, validatePodResources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid
from volary.embedded.api.text.quantities import canonical, quantity_text, quantity_value
from volary.embedded.api.validation.resources import HUGE, pod_resource, requirements

Object = Mapping[str, Any]


def pod_resources(spec: Object, path: str) -> list[FieldError]:
    it, where = spec.get("resources"), f"{path}.resources"
    if it is None:
        return []
    if (spec.get("os") or {}).get("name") == "windows":
        return [forbidden_field(where, "may not be set for a windows pod")]
    errors = []
    if it.get("claims") is not None:
        errors.append(forbidden_field(f"{where}.claims", "claims may not be set for Resources at pod-level"))
    errors += requirements(it, where, [str(c.get("name")) for c in spec.get("resourceClaims") or ()], pod_resource)
    return errors + _consistent(spec, it, where)


def _consistent(spec: Object, it: Object, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    limits, requests = it.get("limits") or {}, it.get("requests") or {}
    for name, total in aggregate(spec, "requests").items():
        if name in requests and total > (quantity_value(requests[name]) or 0):
            wanted = quantity_text(total, requests[name])
            text = f"must be greater than or equal to aggregate container requests of {wanted}"
            errors.append(invalid(f"{path}.requests[{name}]", str(canonical(requests[name])), text))
    for name, total in aggregate(spec, "limits").items():
        if name.startswith(HUGE) and name in limits and total > (quantity_value(limits[name]) or 0):
            text = (
                f"must be greater than or equal to aggregate container limits of {quantity_text(total, limits[name])}"
            )
            errors.append(invalid(f"{path}.limits[{name}]", str(canonical(limits[name])), text))
    for index, container in enumerate(spec.get("containers") or ()):
        for name, value in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and (quantity_value(value) or 0) > (quantity_value(limits[name]) or 0):
                text = f"must be less than or equal to pod limits of {canonical(limits[name])}"
                errors.append(invalid(f"{path}.containers[{index}][{name}].limits", str(canonical(value)), text))
    return errors


def aggregate(spec: Object, kind: str) -> dict[str, Decimal]:
    """Return what the containers want together: those that run together summed, against the largest init container."""
    together = _summed(spec.get("containers") or (), kind)
    before: dict[str, Decimal] = {}
    largest: dict[str, Decimal] = {}
    for it in spec.get("initContainers") or ():
        own = _summed([it], kind)
        if it.get("restartPolicy") == "Always":
            before = _added(before, own)
            together = _added(together, own)
            own = before
        else:
            own = _added(before, own)
        largest = {name: max(largest.get(name, Decimal(0)), own.get(name, Decimal(0))) for name in {**largest, **own}}
    return {
        name: max(together.get(name, Decimal(0)), largest.get(name, Decimal(0))) for name in {**together, **largest}
    }


def _summed(items: Sequence[Object], kind: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for it in items:
        wanted = (it.get("resources") or {}).get(kind) or {}
        found = _added(found, {name: quantity_value(value) or Decimal(0) for name, value in wanted.items()})
    return found


def _added(one: Mapping[str, Decimal], other: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return {name: one.get(name, Decimal(0)) + other.get(name, Decimal(0)) for name in {**one, **other}}
