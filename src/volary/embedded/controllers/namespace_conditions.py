"""What a namespace that goes away says of what is still in it. Pure.

Source: Kubernetes namespace controller (`status_condition_utils.go`, `namespaced_resources_deleter.go`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.objects import condition, format_time, meta

# All is known here at once, so these three never fail.
CALM = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
)


def conditions_of(namespace: Object, left: Sequence[tuple[str, Object]], now: datetime) -> list[NewObject]:
    """Return the five conditions; `left`: resource (GROUP/PLURAL) and object of all that remains."""
    entries = [(kind, "False", reason, message) for kind, reason, message in CALM]
    entries += [_content(left), _finalizers(left)]
    return [_stamped(namespace, *entry, now) for entry in entries]


def _content(left: Sequence[tuple[str, Object]]) -> tuple[str, str, str, str]:
    counts: dict[str, int] = {}
    for resource, _ in left:
        group, _, plural = resource.partition("/")
        counts[f"{plural}.{group}"] = counts.get(f"{plural}.{group}", 0) + 1
    text = _joined(counts, "has {} resource instances")
    if not text:
        return "NamespaceContentRemaining", "False", "ContentRemoved", "All content successfully removed"
    return "NamespaceContentRemaining", "True", "SomeResourcesRemain", f"Some resources are remaining: {text}"


def _finalizers(left: Sequence[tuple[str, Object]]) -> tuple[str, str, str, str]:
    counts: dict[str, int] = {}
    for _, obj in left:
        for finalizer in meta(obj).get("finalizers") or ():
            counts[finalizer] = counts.get(finalizer, 0) + 1
    text = _joined(counts, "in {} resource instances")
    kind = "NamespaceFinalizersRemaining"
    if not text:
        return kind, "False", "ContentHasNoFinalizers", "All content-preserving finalizers finished"
    message = f"Some content in the namespace has finalizers remaining: {text}"
    return kind, "True", "SomeFinalizersRemain", message


def _joined(counts: Mapping[str, int], tail: str) -> str:
    return ", ".join(f"{name} {tail.format(count)}" for name, count in sorted(counts.items()))


def _stamped(namespace: Object, kind: str, status: str, reason: str, message: str, now: datetime) -> NewObject:
    old = condition(namespace, kind)
    since = old["lastTransitionTime"] if old is not None and old["status"] == status else format_time(now)
    return {"type": kind, "status": status, "lastTransitionTime": since, "reason": reason, "message": message}
