"""Rules of resources: what containers and pods may ask for, and how much.

Source: Kubernetes, pkg/apis/core/validation, validateResourceRequirements.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from volary.embedded.api.errors import FieldError, duplicate, forbidden_field, invalid, required, unsupported
from volary.embedded.api.text import forms
from volary.embedded.api.text.quantities import canonical, quantity_value
from volary.embedded.api.validation.common import NEGATIVE

Object = Mapping[str, Any]
NameCheck = Callable[[str, str], list[FieldError]]

COMPUTE = ("cpu", "memory", "ephemeral-storage")
POD_LEVEL = ("cpu", "memory")
COUNTED = (
    "pods", "resourcequotas", "services", "replicationcontrollers", "secrets", "configmaps", "persistentvolumeclaims",
    "services.nodeports", "services.loadbalancers",
)  # fmt: skip
STANDARD = (
    *COMPUTE, *(f"{kind}.{it}" for kind in ("requests", "limits") for it in COMPUTE), *COUNTED, "storage",
    "requests.storage",
)  # fmt: skip
HUGE = "hugepages-"


def is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    return not is_native(name) and not name.startswith("requests.") and not forms.key(f"requests.{name}")


def may_overcommit(name: str) -> bool:
    return is_native(name) and not name.startswith(HUGE)


def resource_name(name: str, path: str) -> list[FieldError]:
    """Return what is wrong with the name of any resource."""
    errors = forms.wrong(path, name, forms.key)
    if not errors and "/" not in name and name not in STANDARD and not name.startswith((HUGE, "requests." + HUGE)):
        errors.append(invalid(path, name, "must be a standard resource type or fully qualified"))
    return errors


def container_resource(name: str, path: str) -> list[FieldError]:
    errors = resource_name(name, path)
    if "/" not in name:
        if name not in COMPUTE and not name.startswith(HUGE):
            errors.append(invalid(path, name, "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        errors.append(invalid(path, name, "doesn't follow extended resource name standard"))
    return errors


def pod_resource(name: str, path: str) -> list[FieldError]:
    errors = resource_name(name, path)
    if errors or name in POD_LEVEL or name.startswith(HUGE):
        return errors
    return [unsupported(path, name, POD_LEVEL)]


def amount(name: str, value: Any, path: str) -> list[FieldError]:
    """Return what is wrong with how much of a resource is wanted."""
    found = quantity_value(value)
    if found is None:
        return []
    errors = [invalid(path, str(canonical(value)), NEGATIVE)] if found < 0 else []
    if (name in COUNTED or is_extended(name)) and found != found.to_integral_value():
        errors.append(invalid(path, str(canonical(value)), "must be an integer"))
    return errors


def requirements(
    it: Object, path: str, claims: Sequence[str], name_check: NameCheck = container_resource
) -> list[FieldError]:
    """Return what is wrong with limits, requests and claims."""
    limits, requests = it.get("limits") or {}, it.get("requests") or {}
    errors: list[FieldError] = []
    for kind, wanted in (("limits", limits), ("requests", requests)):
        for name, value in wanted.items():
            where = f"{path}.{kind}[{name}]"
            errors += name_check(name, where) + amount(name, value, where)
            if kind == "requests":
                errors += _against_limit(name, value, limits, path)
            if name.startswith(HUGE):
                errors += _huge(name, value, where)
    names = {*limits, *requests}
    if any(name.startswith(HUGE) for name in names) and not names & {"cpu", "memory"}:
        errors.append(forbidden_field(path, "HugePages require cpu or memory"))
    return errors + _claims(it.get("claims") or (), f"{path}.claims", claims)


def _against_limit(name: str, value: Any, limits: Object, path: str) -> list[FieldError]:
    if name not in limits:
        text = "Limit must be set for non overcommitable resources"
        return [] if may_overcommit(name) else [required(f"{path}.limits", text)]
    wanted, limit, shown = quantity_value(value), quantity_value(limits[name]), str(canonical(value))
    if wanted is None or limit is None:
        return []
    if wanted != limit and not may_overcommit(name):
        text = f"must be equal to {name} limit of {canonical(limits[name])}"
        return [invalid(f"{path}.requests", shown, text)]
    if wanted > limit:
        text = f"must be less than or equal to {name} limit of {canonical(limits[name])}"
        return [invalid(f"{path}.requests", shown, text)]
    return []


def _huge(name: str, value: Any, path: str) -> list[FieldError]:
    page, wanted = quantity_value(name.removeprefix(HUGE)), quantity_value(value)
    fits = page is not None and wanted is not None and page > 0 and wanted % page == 0
    text = f"{canonical(value)} is not positive integer multiple of {name}"
    return [] if fits else [invalid(path, str(canonical(value)), text)]


def _claims(items: Sequence[Object], path: str, known: Sequence[str]) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for index, it in enumerate(items):
        where, name, request = f"{path}[{index}]", it.get("name") or "", it.get("request") or ""
        if not name:
            errors.append(required(where))
        elif name in names:
            errors.append(duplicate(where, name))
        else:
            key = f"{name}/{request}" if request else name
            if request:
                errors += forms.wrong(f"{where}.request", request, forms.label)
            if key in names or (not request and any(other.startswith(f"{name}/") for other in names)):
                errors.append(duplicate(where, key))
            names.add(key)
        if name not in known:
            listed = ": " + ", ".join(sorted(known)) if known else " which is empty"
            text = f"must be one of the names in pod.spec.resourceClaims{listed}"
            errors.append(FieldError("FieldValueNotFound", where, text, name))
    return errors
