"""The verdict on a Pod. Source: cli-utils kstatus."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from volary.health.verdict import FAILED, Verdict, current, waiting
from volary.kube.objects import Object, condition, dig, parse_time

UNSCHEDULABLE_FOR = timedelta(seconds=15)  # so long a scheduler may look for a node before it counts as failed


def pod(obj: Object, now: datetime) -> Verdict:
    phase = dig(obj, "status", "phase")
    if phase == "Succeeded":
        return current("completed")
    if phase == "Failed":
        return current("completed, but not successfully")
    if phase == "Running":
        return running(obj)
    if phase == "Pending":
        return pending(obj, now)
    return waiting("phase is not set" if not phase else f"phase is {phase}")


def running(obj: Object) -> Verdict:
    if (condition(obj, "Ready") or {}).get("status") == "True":
        return current()
    crashing = [
        str(entry.get("name"))
        for entry in dig(obj, "status", "containerStatuses") or ()
        if isinstance(entry, Mapping) and dig(entry, "state", "waiting", "reason") == "CrashLoopBackOff"
    ]
    if crashing:
        return Verdict(FAILED, f"containers in CrashLoopBackOff: {', '.join(crashing)}")
    return waiting("running, but not Ready")


def pending(obj: Object, now: datetime) -> Verdict:
    scheduled = condition(obj, "PodScheduled") or {}
    since = scheduled.get("lastTransitionTime")
    unschedulable = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    if unschedulable and since and now - parse_time(str(since)) > UNSCHEDULABLE_FOR:
        return Verdict(FAILED, "cannot be scheduled")
    return waiting("pending")
