"""Rules of HorizontalPodAutoscalers.

Source: Kubernetes, pkg/apis/autoscaling/validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required, unsupported
from volary.embedded.api.text import forms
from volary.embedded.api.text.quantities import canonical, quantity_value
from volary.embedded.api.validation.common import NEGATIVE, counts, one_of
from volary.embedded.api.validation.resources import container_resource

Object = Mapping[str, Any]
TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
# In the order in which the server looks; of several only the first is looked into.
SOURCES = {
    "object": "Object",
    "external": "External",
    "pods": "Pods",
    "resource": "Resource",
    "containerResource": "ContainerResource",
}
MOST_PERIOD, MOST_WINDOW = 1800, 3600
POPULATE = "must populate information for the given metric source"
SEVERAL = "may not set both a target raw value and a target utilization"


def autoscaler(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    least, most, errors = spec.get("minReplicas"), spec.get("maxReplicas") or 0, []
    lowest = 0 if old is not None and (old.get("spec") or {}).get("minReplicas") == 0 else 1
    if least is not None and least < lowest:
        errors.append(invalid("spec.minReplicas", least, f"must be greater than or equal to {lowest}"))
    if not most:
        errors.append(required("spec.maxReplicas", "must be set and greater than 0"))
    elif most < 0:
        errors.append(invalid("spec.maxReplicas", most, "must be greater than or equal to 1"))
    if least is not None and most < least:
        errors.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    target, before = spec.get("scaleTargetRef") or {}, ((old or {}).get("spec") or {}).get("scaleTargetRef")
    lax = before is not None and _version_error(before.get("apiVersion") or "", group_needed=True)
    errors += reference(target, "spec.scaleTargetRef", group_needed=True, any_version=bool(lax))
    for index, metric in enumerate(spec.get("metrics") or ()):
        errors += _metric(metric, f"spec.metrics[{index}]")
    if least == 0 and not any(it.get("type") in ("Object", "External") for it in spec.get("metrics") or ()):
        text = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden_field("spec.metrics", text))
    behavior = spec.get("behavior") or {}
    for way in ("scaleUp", "scaleDown"):
        if behavior.get(way) is not None:
            errors += _rules(behavior[way], f"spec.behavior.{way}")
    return errors


def autoscaler_status(obj: Object, old: Object) -> list[FieldError]:
    return counts(obj.get("status") or {}, "status", "currentReplicas", "desiredReplicas")


def _version_error(version: str, group_needed: bool) -> str:
    if version.count("/") > 1:
        return f"unexpected GroupVersion string: {version}"
    return "apiVersion must specify API group" if group_needed and not version.rpartition("/")[0] else ""


def reference(it: Object, path: str, group_needed: bool, any_version: bool = False) -> list[FieldError]:
    """Return what is wrong with a reference to an object of any version."""
    errors: list[FieldError] = []
    for field in ("kind", "name"):
        errors += forms.needed(f"{path}.{field}", it.get(field) or "", forms.path_segment)
    version = it.get("apiVersion") or ""
    text = "" if any_version else _version_error(version, group_needed)
    return [*errors, invalid(f"{path}.apiVersion", version, text)] if text else errors


def _metric(it: Object, path: str) -> list[FieldError]:
    kind, errors = it.get("type") or "", []
    if not kind:
        errors.append(required(f"{path}.type", "must specify a metric source type"))
    if kind not in TYPES:
        errors.append(unsupported(f"{path}.type", kind, TYPES))
    present = [field for field in SOURCES if it.get(field) is not None]
    if present:
        errors += _source(present[0], it[present[0]], f"{path}.{present[0]}")
    expected = next((field for field, name in SOURCES.items() if name == kind), "")
    if expected and it.get(expected) is None:
        errors.append(required(f"{path}.{expected}", POPULATE))
    if not expected:
        errors.append(unsupported(f"{path}.type", kind, TYPES))
    if len(present) != 1:
        others = [field for field in present if field != expected]
        text = "must populate the given metric source only"
        errors += [forbidden_field(f"{path}.{field}", text) for field in others]
    return errors


def _source(kind: str, it: Object, path: str) -> list[FieldError]:
    target, where = it.get("target") or {}, f"{path}.target"
    errors = _about(kind, it, path) + _target(target, where)
    value, average, percent = (target.get(field) for field in ("value", "averageValue", "averageUtilization"))
    if kind == "pods" and average is None:
        errors.append(required(f"{where}.averageValue", "must specify a positive target averageValue"))
    if kind in ("object", "external") and value is None and average is None:
        text = "value or averageValue" if kind == "object" else "value for metric or a per-pod target"
        errors.append(required(f"{where}.averageValue", f"must set either a target {text}"))
    if kind == "external" and value is not None and average is not None:
        text = "may not set both a target value for metric and a per-pod target"
        errors.append(forbidden_field(f"{where}.value", text))
    if kind in ("resource", "containerResource"):
        if percent is None and average is None:
            text = "must set either a target raw value or a target utilization"
            errors.append(required(f"{where}.averageUtilization", text))
        if percent is not None and average is not None:
            errors.append(forbidden_field(f"{where}.averageValue", SEVERAL))
    return errors


def _about(kind: str, it: Object, path: str) -> list[FieldError]:
    """Return what is wrong with what a metric is about."""
    if kind in ("resource", "containerResource"):
        name = it.get("name") or ""
        errors = [] if name else [required(f"{path}.name", "must specify a resource name")]
        if kind == "containerResource":
            errors += container_resource(name, f"{path}.name") if name else []
            where, text = f"{path}.container", "must specify a container"
            errors += forms.needed(where, it.get("container") or "", forms.label, text)
        return errors
    errors = []
    if kind == "object":
        errors += reference(it.get("describedObject") or {}, f"{path}.describedObject", group_needed=False)
    name = (it.get("metric") or {}).get("name") or ""
    return errors + forms.needed(f"{path}.metric.name", name, forms.path_segment, "must specify a metric name")


def _target(it: Object, path: str) -> list[FieldError]:
    kind, errors = it.get("type") or "", []
    if not kind:
        errors.append(required(f"{path}.type", "must specify a metric target type"))
    if kind not in ("Utilization", "Value", "AverageValue"):
        errors.append(invalid(f"{path}.type", kind, "must be either Utilization, Value, or AverageValue"))
    amounts = [field for field in ("value", "averageValue") if it.get(field) is not None]
    small = [field for field in amounts if (quantity_value(it[field]) or 0) <= 0]
    errors += [invalid(f"{path}.{field}", canonical(it[field]), "must be positive") for field in small]
    percent = it.get("averageUtilization")
    if percent is not None and percent < 1:
        errors.append(invalid(f"{path}.averageUtilization", percent, "must be greater than 0"))
    return errors


def _rules(it: Object, path: str) -> list[FieldError]:
    window, where, errors = it.get("stabilizationWindowSeconds"), f"{path}.stabilizationWindowSeconds", []
    if window is not None and window < 0:
        errors.append(invalid(where, window, "must be greater than or equal to zero"))
    if window is not None and window > MOST_WINDOW:
        errors.append(invalid(where, window, f"must be less than or equal to {MOST_WINDOW}"))
    if it.get("selectPolicy") is not None:
        errors += one_of(f"{path}.selectPolicy", it["selectPolicy"], ("Disabled", "Max", "Min"), needed=False)
    if not it.get("policies"):
        errors.append(required(f"{path}.policies", "must specify at least one Policy"))
    for index, policy in enumerate(it.get("policies") or ()):
        errors += _policy(policy, f"{path}.policies[{index}]")
    if it.get("tolerance") is not None and (quantity_value(it["tolerance"]) or 0) < 0:
        errors.append(invalid(f"{path}.tolerance", str(canonical(it["tolerance"])), NEGATIVE))
    return errors


def _policy(it: Object, path: str) -> list[FieldError]:
    errors = one_of(f"{path}.type", it.get("type"), ("Percent", "Pods"), needed=False)
    for field in ("value", "periodSeconds"):
        if (it.get(field) or 0) <= 0:
            errors.append(invalid(f"{path}.{field}", it.get(field) or 0, "must be greater than zero"))
    if (it.get("periodSeconds") or 0) > MOST_PERIOD:
        text = f"must be less than or equal to {MOST_PERIOD}"
        errors.append(invalid(f"{path}.periodSeconds", it["periodSeconds"], text))
    return errors
