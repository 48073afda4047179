"""The status of a Deployment: counts and the three conditions. Pure.

Source: Kubernetes Deployment controller (`progress.go`, `sync.go`); reasons and texts are an interface that
`kubectl rollout status`, kstatus and Flagger read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.objects import condition, format_time, meta, name_of, parse_time, spec_of, status_of
from volary.embedded.controllers.rollouts.numbers import bounds

Condition = Mapping[str, Any]
NO_DEADLINE = 2147483647  # what a person writes to have none
COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")


@dataclass(frozen=True, slots=True)
class Rollout:
    """A Deployment, its ReplicaSets, and what went wrong when one was to be made."""

    deployment: Object
    new: Object | None
    sets: Sequence[Object]  # all of them, the new one too
    failure: str = ""


def deadline(deployment: Object) -> int | None:
    """Return the progress deadline in seconds, or None if there is none."""
    seconds = int(spec_of(deployment).get("progressDeadlineSeconds", 600))
    return None if seconds == NO_DEADLINE else seconds


def complete(deployment: Object, status: Object) -> bool:
    """Is every pod of the newest template, and available? At 0 replicas that is always so."""
    wanted = int(spec_of(deployment).get("replicas", 1))
    counts = (int(status.get(each) or 0) for each in ("updatedReplicas", "replicas", "availableReplicas"))
    return all(count == wanted for count in counts)


def status_now(rollout: Rollout, now: datetime, judge_progress: bool = True) -> NewObject:
    """Return the whole status. While paused or scaling, progress is not judged: its condition stays as it is."""
    old = status_of(rollout.deployment)
    status = _counts(rollout)
    conditions = {entry["type"]: entry for entry in old.get("conditions") or ()}
    _put(conditions, _available(rollout.deployment, status), now)
    if deadline(rollout.deployment) is None:
        conditions.pop("Progressing", None)
    elif judge_progress:
        _judge_progress(conditions, rollout, status, now)
    if rollout.failure:
        _put(conditions, _new("ReplicaFailure", "True", "FailedCreate", rollout.failure), now)
    else:
        conditions.pop("ReplicaFailure", None)
    status["conditions"] = list(conditions.values())
    return status


def mark(deployment: Object, status: str, reason: str, message: str, now: datetime) -> NewObject:
    """Return the status with another Progressing condition."""
    old = status_of(deployment)
    conditions = {entry["type"]: entry for entry in old.get("conditions") or ()}
    _put(conditions, _new("Progressing", status, reason, message), now)
    return {**old, "conditions": list(conditions.values())}


def seconds_to_deadline(deployment: Object, status: Object, now: datetime) -> float | None:
    """Return when to look whether progress was made in time, None if nothing runs out."""
    limit = deadline(deployment)
    progressing = condition({"status": status}, "Progressing")
    if limit is None or progressing is None or complete(deployment, status):
        return None
    if progressing.get("reason") in ("ProgressDeadlineExceeded", "NewReplicaSetAvailable", "DeploymentPaused"):
        return None
    end = parse_time(progressing["lastUpdateTime"]) + timedelta(seconds=limit)
    return max(0.0, (end - now).total_seconds()) + 1.0  # the times of conditions are whole seconds


def _counts(rollout: Rollout) -> NewObject:
    def total(field: str, sets: Sequence[Object]) -> int:
        return sum(int(status_of(each).get(field) or 0) for each in sets)

    old = status_of(rollout.deployment)
    replicas, available = total("replicas", rollout.sets), total("availableReplicas", rollout.sets)
    counts = {
        "replicas": replicas,
        "updatedReplicas": total("replicas", [rollout.new]) if rollout.new is not None else 0,
        "readyReplicas": total("readyReplicas", rollout.sets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, _wanted_in_all(rollout.sets) - available),
        "collisionCount": int(old.get("collisionCount") or 0),
    }
    generation = int(meta(rollout.deployment).get("generation") or 1)
    shown = {key: value for key, value in counts.items() if value}
    return {
        "observedGeneration": generation,
        **shown,
        "terminatingReplicas": total("terminatingReplicas", rollout.sets),
    }


def _wanted_in_all(sets: Sequence[Object]) -> int:
    return sum(int(spec_of(each).get("replicas", 1)) for each in sets)


def _available(deployment: Object, status: Object) -> NewObject:
    limits = bounds(deployment)
    if int(status.get("availableReplicas") or 0) >= limits.replicas - limits.unavailable:
        return _new("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    text = "Deployment does not have minimum availability."
    return _new("Available", "False", "MinimumReplicasUnavailable", text)


def _judge_progress(conditions: dict[str, Condition], rollout: Rollout, status: Object, now: datetime) -> None:
    last = conditions.get("Progressing")
    settled = int(status.get("replicas") or 0) == int(status.get("updatedReplicas") or 0)
    if settled and last is not None and last["reason"] == "NewReplicaSetAvailable":
        return  # it was done before; a pod that fails later does not undo that
    what = f'ReplicaSet "{name_of(rollout.new)}"' if rollout.new is not None else _named(rollout.deployment)
    if complete(rollout.deployment, status):
        text = f"{what} has successfully progressed."
        _put(conditions, _new("Progressing", "True", "NewReplicaSetAvailable", text), now)
    elif _progressed(status_of(rollout.deployment), status):
        _replace(conditions, _new("Progressing", "True", "ReplicaSetUpdated", f"{what} is progressing."), now)
    elif _timed_out(rollout.deployment, last, now):
        text = f"{what} has timed out progressing."
        _put(conditions, _new("Progressing", "False", "ProgressDeadlineExceeded", text), now)


def _named(deployment: Object) -> str:
    return f'Deployment "{name_of(deployment)}"'


def _progressed(old: Object, new: Object) -> bool:
    before = {each: int(old.get(each) or 0) for each in COUNTS}
    now = {each: int(new.get(each) or 0) for each in COUNTS}
    fewer_old = now["replicas"] - now["updatedReplicas"] < before["replicas"] - before["updatedReplicas"]
    more = any(now[each] > before[each] for each in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    return more or fewer_old


def _timed_out(deployment: Object, last: Condition | None, now: datetime) -> bool:
    limit = deadline(deployment)
    if limit is None or last is None or last["reason"] in ("NewReplicaSetAvailable", "DeploymentPaused"):
        return False
    if last["reason"] == "ProgressDeadlineExceeded":
        return True
    return parse_time(last["lastUpdateTime"]) + timedelta(seconds=limit) < now


def _new(kind: str, status: str, reason: str, message: str) -> NewObject:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def _put(conditions: dict[str, Condition], new: NewObject, now: datetime) -> None:
    """Set a condition; one of the same status and reason stays as it was, text and times too."""
    last = conditions.get(new["type"])
    if last is None or (last["status"], last["reason"]) != (new["status"], new["reason"]):
        _replace(conditions, new, now)


def _replace(conditions: dict[str, Condition], new: NewObject, now: datetime) -> None:
    last = conditions.pop(new["type"], None)
    stamp = format_time(now)
    since = last["lastTransitionTime"] if last is not None and last["status"] == new["status"] else stamp
    conditions[new["type"]] = {**new, "lastUpdateTime": stamp, "lastTransitionTime": since}
