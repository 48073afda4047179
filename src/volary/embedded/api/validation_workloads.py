"""Rules of Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs and HorizontalPodAutoscalers.

Source: Kubernetes, pkg/apis/apps/validation, batch and autoscaling.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, invalid, required, unsupported
from volary.embedded.api.selectors import object_matches
from volary.embedded.api.validation_pods import pod_spec

Object = Mapping[str, Any]
PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for "
    "validation is '[0-9]+%')"
)
AT_LEAST_0 = "must be greater than or equal to 0"


def selector_and_template(spec: Object, old: Object | None) -> list[FieldError]:
    """Return what is wrong with the pod selector and the template of a workload."""
    errors: list[FieldError] = []
    selector = spec.get("selector")
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    empty = selector is not None and not selector.get("matchLabels") and not selector.get("matchExpressions")
    if selector is None:
        errors.append(required("spec.selector"))
    elif empty:
        errors.append(invalid("spec.selector", selector, "empty selector is invalid for deployment"))
    if selector is None or (not empty and not object_matches(selector, labels)):
        detail = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", labels or None, detail))
    errors += pod_spec(template.get("spec") or {}, "spec.template.spec")
    policy = (template.get("spec") or {}).get("restartPolicy")
    if policy in ("OnFailure", "Never"):
        errors.append(unsupported("spec.template.spec.restartPolicy", policy, ("Always",)))
    if old is not None and (old.get("spec") or {}).get("selector") != selector:
        errors.append(invalid("spec.selector", selector, "field is immutable"))
    return errors


def at_least_zero(spec: Object, *fields: str) -> list[FieldError]:
    return [invalid(f"spec.{it}", spec[it], AT_LEAST_0) for it in fields if (spec.get(it) or 0) < 0]


def workload(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    counts = at_least_zero(spec, "replicas", "minReadySeconds", "revisionHistoryLimit")
    return counts + selector_and_template(spec, old)


def deployment(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = at_least_zero(spec, "replicas") + selector_and_template(spec, old)
    errors += _strategy(spec.get("strategy") or {}) + at_least_zero(spec, "minReadySeconds", "revisionHistoryLimit")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        errors += at_least_zero(spec, "progressDeadlineSeconds")
        if deadline <= (spec.get("minReadySeconds") or 0):
            errors.append(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    if old is not None and old.get("status") != obj.get("status"):
        errors += deployment_status(obj.get("status") or {})
    return errors


def _strategy(strategy: Object) -> list[FieldError]:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind not in ("Recreate", "RollingUpdate"):
        shown = {"Type": kind or "", "RollingUpdate": None}  # as the server's own type prints
        return [unsupported("spec.strategy", shown, ("Recreate", "RollingUpdate"))]
    if kind == "Recreate":
        if rolling is None:
            return []
        detail = "may not be specified when strategy `type` is 'Recreate'"
        return [FieldError("FieldValueForbidden", "spec.strategy.rollingUpdate", detail)]
    path = "spec.strategy.rollingUpdate"
    rolling = rolling or {}
    errors = []
    for field in ("maxUnavailable", "maxSurge"):
        errors += _share(rolling.get(field), f"{path}.{field}")
    if not errors and _zero(rolling.get("maxUnavailable")) and _zero(rolling.get("maxSurge")):
        detail = "may not be 0 when `maxSurge` is 0"
        errors.append(invalid(f"{path}.maxUnavailable", rolling.get("maxUnavailable"), detail))
    return errors


def _share(value: Any, path: str) -> list[FieldError]:
    if isinstance(value, int):
        return [invalid(path, value, AT_LEAST_0)] if value < 0 else []
    text = str(value)
    if not (text.endswith("%") and text[:-1].isdigit()):
        detail = PERCENT
        return [invalid(path, text, detail)]
    if path.endswith("maxUnavailable") and int(text[:-1]) > 100:
        return [invalid(path, text, "must not be greater than 100%")]
    return []


def _zero(value: Any) -> bool:
    return value in (0, "0%")


def job(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = at_least_zero(spec, "parallelism", "completions", "backoffLimit")
    template = (spec.get("template") or {}).get("spec") or {}
    errors += pod_spec(template, "spec.template.spec")
    if template.get("restartPolicy") not in ("OnFailure", "Never"):
        errors.append(required("spec.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"'))
    return errors


def autoscaler(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = []
    least, most = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if least is not None and least < 1:
        errors.append(invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if not most:
        errors.append(required("spec.maxReplicas", "must be set and greater than 0"))
    elif most < 0:
        errors.append(invalid("spec.maxReplicas", most, "must be greater than or equal to 1"))
    if least is not None and most < least:
        errors.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    target, before = spec.get("scaleTargetRef") or {}, ((old or {}).get("spec") or {}).get("scaleTargetRef") or {}
    errors += [required(f"spec.scaleTargetRef.{it}") for it in ("kind", "name") if not target.get(it)]
    version = target.get("apiVersion") or ""
    if "/" not in version and (old is None or "/" in before.get("apiVersion", "")):
        errors.append(invalid("spec.scaleTargetRef.apiVersion", version, "apiVersion must specify API group"))
    return errors


def cron_job(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    schedule = str(spec.get("schedule") or "")
    if not schedule:
        return [required("spec.schedule")]
    fields = schedule.split()
    if schedule.startswith("@") or len(fields) == 5:
        return []
    detail = f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    return [invalid("spec.schedule", schedule, detail)]


STATUS_COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")


def deployment_status(status: Object) -> list[FieldError]:
    """Return what is wrong with the counts of a Deployment's status."""
    errors = [invalid(f"status.{it}", status[it], AT_LEAST_0) for it in STATUS_COUNTS if (status.get(it) or 0) < 0]
    total, ready, available = (status.get(it) or 0 for it in ("replicas", "readyReplicas", "availableReplicas"))
    parts = ("updatedReplicas", "readyReplicas", "availableReplicas")
    over = [it for it in parts if (status.get(it) or 0) > total]
    errors += [invalid(f"status.{it}", status.get(it) or 0, "cannot be greater than status.replicas") for it in over]
    if available > ready:
        errors.append(invalid("status.availableReplicas", available, "cannot be greater than readyReplicas"))
    return errors
