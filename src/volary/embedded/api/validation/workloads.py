"""Rules of Deployments, ReplicaSets, StatefulSets, DaemonSets and CronJobs.

Source: Kubernetes, pkg/apis/apps/validation and pkg/apis/batch/validation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required, unsupported
from volary.embedded.api.text import forms
from volary.embedded.api.validation.common import (
    IMMUTABLE,
    NEGATIVE,
    chooses,
    counts,
    is_empty,
    not_negative,
    selector_errors,
    shown_selector,
    usable,
)
from volary.embedded.api.validation.pods import pod_template

Object = Mapping[str, Any]
UNMATCHED = "`selector` does not match template `labels`"


def labels_of(template: Object) -> dict[str, str]:
    return dict(sent_labels(template) or {})


def sent_labels(template: Object) -> Any:
    """Return the labels as they were sent: none and an empty map are shown differently."""
    found = (template.get("metadata") or {}).get("labels")
    return dict(sorted(found.items())) if found else found


def deployment(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = not_negative("spec.replicas", spec.get("replicas")) + _selector_and_template(spec)
    errors += _strategy(spec.get("strategy") or {}, "spec.strategy")
    errors += counts(spec, "spec", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        errors.append(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return errors + _selector_kept(spec, old)


def replica_set(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = counts(spec, "spec", "replicas", "minReadySeconds")
    return errors + _selector_and_template(spec) + _selector_kept(spec, old)


def stateful_set(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    errors = counts(spec, "spec", "replicas", "minReadySeconds", "revisionHistoryLimit")
    return errors + _selector_and_template(spec, "statefulset") + _selector_kept(spec, old)


def _selector_kept(spec: Object, old: Object | None) -> list[FieldError]:
    if old is None or spec.get("selector") == old["spec"].get("selector"):
        return []
    return [invalid("spec.selector", shown_selector(spec.get("selector")), IMMUTABLE)]


def _selector_and_template(spec: Object, kind: str = "deployment") -> list[FieldError]:
    """Return what is wrong with the pod selector and the template of a workload."""
    selector, template = spec.get("selector"), spec.get("template") or {}
    errors: list[FieldError] = []
    if selector is None:
        errors.append(required("spec.selector"))
    else:
        errors += selector_errors(selector, "spec.selector")
        if is_empty(selector):
            errors.append(invalid("spec.selector", shown_selector(selector), f"empty selector is invalid for {kind}"))
    if not usable(selector):
        return [*errors, invalid("spec.selector", shown_selector(selector), "invalid label selector")]
    labels = labels_of(template)
    # Without a selector nothing is selected; an empty one is not asked.
    if selector is None or not (is_empty(selector) or chooses(selector, labels)):
        errors.append(invalid("spec.template.metadata.labels", sent_labels(template), UNMATCHED))
    return errors + pod_template(template, "spec.template") + _runs_on(template, "ReplicaSet")


def _runs_on(template: Object, kind: str) -> list[FieldError]:
    """Return what is wrong with a template whose pods are to run for as long as they are wanted."""
    inner, errors = template.get("spec") or {}, []
    if inner.get("restartPolicy") != "Always":
        where = "spec.template.spec.restartPolicy"
        errors.append(unsupported(where, inner.get("restartPolicy") or "", ("Always",)))
    if inner.get("activeDeadlineSeconds") is not None:
        text = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(forbidden_field("spec.template.spec.activeDeadlineSeconds", text))
    return errors


def _strategy(it: Object, path: str) -> list[FieldError]:
    kind, rolling = it.get("type") or "", it.get("rollingUpdate")
    where = f"{path}.rollingUpdate"
    if kind == "Recreate":
        text = "may not be specified when strategy `type` is 'Recreate'"
        return [] if rolling is None else [forbidden_field(where, text)]
    if kind != "RollingUpdate":
        shown = {"Type": kind, "RollingUpdate": _rolling_shown(rolling)}  # as the server's own type prints
        return [unsupported(path, shown, ("Recreate", "RollingUpdate"))]
    unavailable, surge = (rolling or {}).get("maxUnavailable"), (rolling or {}).get("maxSurge")
    errors = share(f"{where}.maxUnavailable", unavailable) + share(f"{where}.maxSurge", surge)
    if not share_value(unavailable) and not share_value(surge):
        errors.append(invalid(f"{where}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    return errors + at_most_all(f"{where}.maxUnavailable", unavailable)


def _rolling_shown(it: Object | None) -> dict[str, Any] | None:
    if it is None:
        return None
    return {"MaxUnavailable": it.get("maxUnavailable", 0), "MaxSurge": it.get("maxSurge", 0)}


def share(path: str, value: Any) -> list[FieldError]:
    """Return what is wrong with a number or a percentage."""
    if isinstance(value, str):
        return forms.wrong(path, value, forms.percent)
    return [invalid(path, value, NEGATIVE)] if (value or 0) < 0 else []


def share_value(value: Any) -> int:
    """Return the number, or the percent; a text that is neither counts as nothing."""
    text = str(value or 0).removesuffix("%")
    return int(text) if text.lstrip("-").isdigit() else 0


def at_most_all(path: str, value: Any) -> list[FieldError]:
    too_much = isinstance(value, str) and not forms.percent(value) and share_value(value) > 100
    return [invalid(path, value, "must not be greater than 100%")] if too_much else []


def daemon_set(obj: Object, old: Object | None) -> list[FieldError]:
    spec = obj.get("spec") or {}
    selector, template = spec.get("selector"), spec.get("template") or {}
    errors = _selector_kept(spec, old) + selector_errors(selector, "spec.selector")
    labels = labels_of(template)
    if usable(selector) and not (selector is not None and chooses(selector, labels)):
        errors.append(invalid("spec.template.metadata.labels", sent_labels(template), UNMATCHED))
    if selector is not None and is_empty(selector):
        errors.append(invalid("spec.selector", shown_selector(selector), "empty selector is invalid for daemonset"))
    errors += pod_template(template, "spec.template") + _runs_on(template, "DaemonSet")
    errors += not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    errors += _daemon_strategy(spec.get("updateStrategy") or {}, "spec.updateStrategy")
    return errors + not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))


def _daemon_strategy(it: Object, path: str) -> list[FieldError]:
    kind, rolling, where = it.get("type") or "", it.get("rollingUpdate"), f"{path}.rollingUpdate"
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        shown = {"Type": kind, "RollingUpdate": _rolling_shown(rolling)}
        return [unsupported(path, shown, ("RollingUpdate", "OnDelete"))]
    if rolling is None:
        return [required(where)]
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    errors = share(f"{where}.maxUnavailable", unavailable) + share(f"{where}.maxSurge", surge)
    errors += at_most_all(f"{where}.maxUnavailable", unavailable) + at_most_all(f"{where}.maxSurge", surge)
    if share_value(unavailable) and share_value(surge):
        errors.append(invalid(f"{where}.maxSurge", surge, "may not be set when maxUnavailable is non-zero"))
    if not share_value(unavailable) and not share_value(surge):
        errors.append(required(f"{where}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
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


DEPLOYMENT_COUNTS = (
    "observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas",
    "terminatingReplicas", "collisionCount",
)  # fmt: skip
REPLICA_SET_COUNTS = (
    "replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration",
    "terminatingReplicas",
)  # fmt: skip
DAEMON_SET_COUNTS = (
    "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "observedGeneration",
    "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount",
)  # fmt: skip


def deployment_status(obj: Object, old: Object) -> list[FieldError]:
    """Return what is wrong with the counts of a Deployment's status."""
    status = obj.get("status") or {}
    errors = counts(status, "status", *DEPLOYMENT_COUNTS)
    errors += _at_most_replicas(status, ("updatedReplicas", "readyReplicas", "availableReplicas"))
    return errors + _collisions(status, old.get("status") or {})


def replica_set_status(obj: Object, old: Object) -> list[FieldError]:
    status = obj.get("status") or {}
    errors = counts(status, "status", *REPLICA_SET_COUNTS)
    return errors + _at_most_replicas(status, ("fullyLabeledReplicas", "readyReplicas", "availableReplicas"))


def daemon_set_status(obj: Object, old: Object) -> list[FieldError]:
    status = obj.get("status") or {}
    return counts(status, "status", *DAEMON_SET_COUNTS) + _collisions(status, old.get("status") or {})


def _at_most_replicas(status: Object, parts: tuple[str, ...]) -> list[FieldError]:
    total, text = status.get("replicas") or 0, "cannot be greater than status.replicas"
    over = [it for it in parts if (status.get(it) or 0) > total]
    errors = [invalid(f"status.{it}", status.get(it) or 0, text) for it in over]
    available = status.get("availableReplicas") or 0
    if available > (status.get("readyReplicas") or 0):
        errors.append(invalid("status.availableReplicas", available, "cannot be greater than readyReplicas"))
    return errors


def _collisions(status: Object, before: Object) -> list[FieldError]:
    now, then = status.get("collisionCount"), before.get("collisionCount")
    fewer = then is not None and (now is None or now < then)
    return [invalid("status.collisionCount", now or 0, "cannot be decremented")] if fewer else []
