"""Is a Deployment ready, does it serve, and has it run out of time?

Source: Flagger deployment readiness, and its words.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from volary.canary.facts import Workload
from volary.kube.objects import Object, condition, dig, generation_of, name_of, parse_time


def workload_of(deployment: Object, percent: int, deadline: timedelta, now: datetime) -> Workload:
    """Return one side of the split. `percent` of the updated Pods must be available to be ready."""
    replicas = count(deployment, "spec", "replicas", default=1)
    serving = count(deployment, "status", "availableReplicas") > 0
    because = not_ready(deployment, replicas, percent)
    if not because:
        return Workload(replicas, ready=True, serving=serving)
    if is_stale(deployment):
        return Workload(replicas, serving=serving, because=because)
    due = unavailable_since(deployment)
    due = due + deadline if due is not None else None
    if exceeded(deployment) or (due is not None and now >= due):
        because = f'deployment "{name_of(deployment)}" exceeded its progress deadline'
        return Workload(replicas, serving=serving, hopeless=True, because=because)
    return Workload(replicas, serving=serving, because=because, deadline=due)


def count(obj: Object, *path: str, default: int = 0) -> int:
    value = dig(obj, *path)
    return value if isinstance(value, int) else default


def is_stale(deployment: Object) -> bool:
    """Does the status speak of an older spec?"""
    return count(deployment, "status", "observedGeneration") < generation_of(deployment)


def not_ready(deployment: Object, replicas: int, percent: int) -> str:
    """Return what is missing, in the order in which a rollout goes; "" if nothing."""
    if is_stale(deployment):
        return "waiting for rollout to finish: observed deployment generation less than desired generation"
    exist, updated = count(deployment, "status", "replicas"), count(deployment, "status", "updatedReplicas")
    available = count(deployment, "status", "availableReplicas")
    if updated < replicas:
        return f"waiting for rollout to finish: {updated} out of {replicas} new replicas have been updated"
    if exist > updated:
        return f"waiting for rollout to finish: {exist - updated} old replicas are pending termination"
    if available < updated * percent // 100:
        return (
            f"waiting for rollout to finish: {available} of {updated} (readyThreshold {percent}%) "
            "updated replicas are available"
        )
    return ""


def exceeded(deployment: Object) -> bool:
    return (condition(deployment, "Progressing") or {}).get("reason") == "ProgressDeadlineExceeded"


def unavailable_since(deployment: Object) -> datetime | None:
    """Return since when there are too few Pods, or None while there are enough."""
    available = condition(deployment, "Available") or {}
    if available.get("status") != "False" or available.get("reason") != "MinimumReplicasUnavailable":
        return None
    moment = available.get("lastUpdateTime") or available.get("lastTransitionTime")
    try:
        return parse_time(str(moment)) if moment else None
    except ValueError:
        return None
