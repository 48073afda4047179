"""The status of a Job as its pods end: each is counted exactly once, also when this program stops in between. Pure.

    a pod ends ── its uid goes into `uncountedTerminatedPods` ── its finalizer goes ── uid out, counter up

Source: Kubernetes Job controller (`trackJobStatusAndRemoveFinalizers`), KEP-2307.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.jobs.end import End
from volary.embedded.controllers.jobs.indexes import index_of, index_within, indexed, write_indexes
from volary.embedded.controllers.jobs.look import Look, has_failed, tracked
from volary.embedded.controllers.jobs.policy import judge_failure
from volary.embedded.controllers.objects import deleting, format_time, status_of, uid_of

KINDS = ("succeeded", "failed")


def released(look: Look, end: End | None) -> list[Object]:
    """Return the pods that need their finalizer no longer, those of low indexes first."""
    pods = [pod for pod in look.pods if tracked(pod) and _may_go(look, pod, end)]
    return sorted(pods, key=_by_index) if indexed(look.job) else pods


def _may_go(look: Look, pod: Object, end: End | None) -> bool:
    if deleting(look.job) or end is not None or status_of(pod).get("phase") == "Succeeded":
        return True
    if not has_failed(pod, look.job):
        return False
    index = index_of(pod)
    waits = look.to_replace.get(index) if index is not None else None
    return waits is None or uid_of(waits) != uid_of(pod)  # the next pod learns from this one how often it failed


def _by_index(pod: Object) -> int:
    index = index_of(pod)
    return -1 if index is None else index


def noted(look: Look, status: NewObject, pods: Sequence[Object], end: End | None) -> NewObject:
    """Return the status with these pods in its lists of those to be counted, and the indexes that are done."""
    result = counted(status, {uid_of(pod) for pod in look.pods if tracked(pod)})
    lists = {kind: list(result["uncountedTerminatedPods"].get(kind) or ()) for kind in KINDS}
    done = set(look.done_before)
    for pod in pods:
        uid, index = uid_of(pod), index_within(pod, look.job)
        if status_of(pod).get("phase") == "Succeeded" and uid not in lists["failed"]:
            if not indexed(look.job):
                lists["succeeded"] += [uid] if uid not in lists["succeeded"] else []
            elif index is not None:
                done.add(index)
        elif uid not in lists["failed"] and _counts_as_failure(look, pod, end):
            lists["failed"].append(uid)
    result["uncountedTerminatedPods"] = {kind: uids for kind, uids in lists.items() if uids}
    if indexed(look.job):
        result |= _of_indexes(look, done)
    return _without_zeros(result)


def _counts_as_failure(look: Look, pod: Object, end: End | None) -> bool:
    if not (has_failed(pod, look.job) or (end is not None and not end.good)):
        return False
    if indexed(look.job) and index_within(pod, look.job) is None:
        return False
    return judge_failure(look.job, pod).counts


def _of_indexes(look: Look, done: Collection[int]) -> NewObject:
    fields: NewObject = {"succeeded": len(done), "completedIndexes": write_indexes(done)}
    if look.failed_indexes is not None:
        fields["failedIndexes"] = write_indexes(look.failed_indexes)
    return fields


def counted(status: Object, held: Collection[str]) -> NewObject:
    """Return the status with every pod counted that is not `held` (a uid) by its finalizer any more."""
    result, lists = dict(status), status.get("uncountedTerminatedPods") or {}
    left: dict[str, list[str]] = {}
    for kind in KINDS:
        uids = list(lists.get(kind) or ())
        kept = [uid for uid in uids if uid in held]
        result[kind] = int(result.get(kind) or 0) + len(uids) - len(kept)
        if kept:
            left[kind] = kept
    result["uncountedTerminatedPods"] = left
    return _without_zeros(result)


def _without_zeros(status: NewObject) -> NewObject:
    """Return the status as Go writes it."""
    vanishing = ("active", "succeeded", "failed", "completedIndexes")
    return {key: value for key, value in status.items() if value or key not in vanishing}


def with_condition(
    status: Object, kind: str, reason: str, message: str, now: datetime, holds: bool = True
) -> tuple[NewObject, bool]:
    """Return the status with a condition, and whether that changed it; one that would be news as False is left out."""
    stamp, word = format_time(now), "True" if holds else "False"
    new = {"type": kind, "status": word, "lastProbeTime": stamp, "lastTransitionTime": stamp}
    new |= {"reason": reason, "message": message}
    conditions = list(status.get("conditions") or ())
    for place, entry in enumerate(conditions):
        if entry["type"] == kind:
            same = all(entry.get(key) == new[key] for key in ("status", "reason", "message"))
            conditions[place] = entry if same else new
            return {**status, "conditions": conditions}, not same
    if not holds:
        return dict(status), False
    return {**status, "conditions": [*conditions, new]}, True


def finish(status: Object, end: End, now: datetime) -> NewObject:
    """Return the status with its last condition."""
    result, _ = with_condition(status, end.last, end.reason, end.message, now)
    if end.good:
        result["completionTime"] = format_time(now)
    return result
