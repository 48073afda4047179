"""The questions that controllers and the node ask of Kubernetes objects.

Objects that came from the API are shared: `edited` gives a copy whose metadata, spec and status may be changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from volary.embedded.api.encoding import copy_of
from volary.embedded.api.local import NewObject, Object


def meta(obj: Object) -> Mapping[str, Any]:
    return obj.get("metadata") or {}


def name_of(obj: Object) -> str:
    return str(meta(obj).get("name") or "")


def namespace_of(obj: Object) -> str:
    return str(meta(obj).get("namespace") or "")


def uid_of(obj: Object) -> str:
    return str(meta(obj).get("uid") or "")


def labels_of(obj: Object) -> Mapping[str, str]:
    return meta(obj).get("labels") or {}


def annotations_of(obj: Object) -> Mapping[str, str]:
    return meta(obj).get("annotations") or {}


def deleting(obj: Object) -> bool:
    return bool(meta(obj).get("deletionTimestamp"))


def key_of(obj: Object) -> tuple[str, str]:
    return namespace_of(obj), name_of(obj)


def spec_of(obj: Object) -> Mapping[str, Any]:
    return obj.get("spec") or {}


def status_of(obj: Object) -> Mapping[str, Any]:
    return obj.get("status") or {}


def edited(obj: Object) -> NewObject:
    """Return a deep copy without `managedFields`, which the API keeps on its own."""
    metadata = {key: value for key, value in meta(obj).items() if key != "managedFields"}
    result: NewObject = copy_of({**obj, "metadata": metadata})
    return result


def condition(obj: Object, kind: str) -> Mapping[str, Any] | None:
    """Return the status condition of type `kind`, or None."""
    return next((entry for entry in status_of(obj).get("conditions") or () if entry.get("type") == kind), None)


def true(obj: Object, kind: str) -> bool:
    found = condition(obj, kind)
    return found is not None and found.get("status") == "True"


def owner_ref(owner: Object) -> NewObject:
    """Return an owner reference that makes `owner` the managing controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controller_of(obj: Object) -> Mapping[str, Any] | None:
    """Return the owner reference of the managing controller, or None."""
    return next((ref for ref in meta(obj).get("ownerReferences") or () if ref.get("controller")), None)


def controlled_by(obj: Object, owner: Object) -> bool:
    ref = controller_of(obj)
    return ref is not None and ref.get("uid") == uid_of(owner)


def selects(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Does a LabelSelector (`matchLabels`, `matchExpressions`) match? An absent one matches nothing."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_meets(rule, labels) for rule in selector.get("matchExpressions") or ())


def _meets(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value, allowed = labels.get(rule["key"]), rule.get("values") or ()
    match rule["operator"]:
        case "In":
            return value in allowed
        case "NotIn":
            return value not in allowed
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
    return False


def ready(pod: Object) -> bool:
    return true(pod, "Ready")


def finished(pod: Object) -> bool:
    """Has every container of the pod ended for good?"""
    return status_of(pod).get("phase") in ("Succeeded", "Failed")


def active(pods: Iterable[Object]) -> list[Object]:
    """Return the pods that count: neither ended nor on their way out."""
    return [pod for pod in pods if not finished(pod) and not deleting(pod)]


def parse_time(text: str) -> datetime:
    """Return an RFC 3339 time as an aware datetime in UTC. Raises: ValueError."""
    return datetime.fromisoformat(text).astimezone(UTC)


def format_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
