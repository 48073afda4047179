"""Rules of Events, as core and as events.k8s.io have them.

Source: Kubernetes, pkg/apis/core/validation/events.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, invalid, required
from volary.embedded.api.text import forms
from volary.embedded.api.validation.common import unchanged

Object = Mapping[str, Any]
LENGTHS = {"reportingInstance": 128, "action": 128, "reason": 128, "message": 1024}
KEPT = (
    "involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "reason", "type",
    "eventTime", "action", "related", "reportingComponent", "reportingInstance",
)  # fmt: skip


def event(obj: Object, group: str) -> list[FieldError]:
    """Return what is wrong with an Event as it is stored, asked for under `group`."""
    involved, namespace = obj.get("involvedObject") or {}, obj["metadata"].get("namespace") or ""
    named = involved.get("namespace") or ""
    mismatch = invalid("involvedObject.namespace", named, "does not match event.namespace")
    errors: list[FieldError] = []
    if not obj.get("eventTime"):
        fits = namespace == named if named else namespace in ("", "default")
        errors += [] if fits else [mismatch]
    else:
        if not named and namespace not in ("default", "kube-system"):
            errors.append(mismatch)
        errors += _of_today(obj, "reportingController" if group else "reportingComponent")
    return errors + forms.wrong("namespace", namespace, forms.subdomain)


def _of_today(obj: Object, controller: str) -> list[FieldError]:
    name = obj.get("reportingComponent") or ""
    errors = [] if name else [required(controller)]
    errors += forms.wrong(controller, name, forms.key)
    for field, most in LENGTHS.items():
        value = obj.get(field) or ""
        if not value and field != "message":
            errors.append(required(field))
        if len(value) > most:
            errors.append(invalid(field, "", f"can have at most {most} characters"))
    return errors


def new_event(obj: Object) -> list[FieldError]:
    """Return what is wrong with a new Event of events.k8s.io besides what is wrong with any."""
    errors = series(obj)
    if not obj.get("eventTime"):
        errors.append(required("eventTime"))
    if obj.get("type") not in ("Normal", "Warning"):
        errors.append(invalid("type", "", f"has invalid value: {obj.get('type') or ''}"))
    text = "needs to be unset"
    errors += [invalid(field, "", text) for field in ("firstTimestamp", "lastTimestamp", "count") if obj.get(field)]
    return errors + ([invalid("source", "", text)] if any((obj.get("source") or {}).values()) else [])


def event_changes(obj: Object, old: Object) -> list[FieldError]:
    """Return what a change of an Event of events.k8s.io may not do."""
    errors = series(obj) if obj.get("series") != old.get("series") else []
    for field in KEPT:
        shown = "reportingController" if field == "reportingComponent" else field
        errors += unchanged(obj.get(field), old.get(field), shown)
    return errors


def series(obj: Object) -> list[FieldError]:
    it = obj.get("series")
    if it is None:
        return []
    errors = [] if (it.get("count") or 0) >= 2 else [invalid("series.count", "", "should be at least 2")]
    return errors if it.get("lastObservedTime") else [*errors, required("series.lastObservedTime")]
