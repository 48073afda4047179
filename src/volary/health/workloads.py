"""What runs many pods: Deployment, StatefulSet, DaemonSet, ReplicaSet.

A Deployment at 0 replicas (a canary at rest) is Current as soon as its conditions say so, which is at once.
Source: cli-utils kstatus, rules and their order.
"""

from __future__ import annotations

from volary.health.verdict import FAILED, Verdict, current, waiting
from volary.kube.objects import Object, condition, dig

NO_DEADLINE = 2147483647  # what an absent progressDeadlineSeconds may be written as


def count(obj: Object, *path: str, default: int = 0) -> int:
    """Return a number of the object, `default` where it is not set."""
    value = dig(obj, *path)
    return value if isinstance(value, int) else default


def wanted(obj: Object) -> int:
    return count(obj, "spec", "replicas", default=1)


def deployment(obj: Object) -> Verdict:
    progressing = condition(obj, "Progressing") or {}
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Verdict(FAILED, str(progressing.get("message") or "progress deadline exceeded"))
    short = deployment_is_short(obj)
    if short:
        return waiting(short)
    deadline = count(obj, "spec", "progressDeadlineSeconds", default=NO_DEADLINE)
    done = progressing.get("status") == "True" and progressing.get("reason") == "NewReplicaSetAvailable"
    if deadline != NO_DEADLINE and not done:
        return waiting("the ReplicaSet is not available yet")
    if (condition(obj, "Available") or {}).get("status") != "True":
        return waiting("Available is not True")
    return current()


def deployment_is_short(obj: Object) -> str:
    """Return what is missing, in the order in which a rollout goes; "" if nothing."""
    replicas = wanted(obj)
    exist, updated = count(obj, "status", "replicas"), count(obj, "status", "updatedReplicas")
    available, ready = count(obj, "status", "availableReplicas"), count(obj, "status", "readyReplicas")
    if replicas > exist:
        return f"replicas: {exist}/{replicas}"
    if replicas > updated:
        return f"updated: {updated}/{replicas}"
    if exist > replicas:
        return f"pending termination: {exist - replicas}"
    if updated > available:
        return f"available: {available}/{updated}"
    if replicas > ready:
        return f"ready: {ready}/{replicas}"
    return ""


def stateful_set(obj: Object) -> Verdict:
    if dig(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return current("updates on delete")
    replicas, exist, ready = wanted(obj), count(obj, "status", "replicas"), count(obj, "status", "readyReplicas")
    if replicas > exist:
        return waiting(f"replicas: {exist}/{replicas}")
    if replicas > ready:
        return waiting(f"ready: {ready}/{replicas}")
    if exist > replicas:
        return waiting(f"pending termination: {exist - replicas}")
    partition = dig(obj, "spec", "updateStrategy", "rollingUpdate", "partition")
    if isinstance(partition, int):
        updated = count(obj, "status", "updatedReplicas")
        return waiting(f"updated: {updated}/{replicas - partition}") if updated < replicas - partition else current()
    now_at = count(obj, "status", "currentReplicas")
    if replicas > now_at:
        return waiting(f"current: {now_at}/{replicas}")
    if dig(obj, "status", "currentRevision") != dig(obj, "status", "updateRevision"):
        return waiting("waiting for the updated revision")
    return current()


def daemon_set(obj: Object) -> Verdict:
    if not dig(obj, "metadata", "generation") or not dig(obj, "status", "observedGeneration"):
        return waiting("no generation observed yet")
    if dig(obj, "status", "desiredNumberScheduled") is None:
        return waiting("not scheduled yet")
    desired = count(obj, "status", "desiredNumberScheduled")
    for name, field in (
        ("current", "currentNumberScheduled"),
        ("updated", "updatedNumberScheduled"),
        ("available", "numberAvailable"),
        ("ready", "numberReady"),
    ):
        have = count(obj, "status", field)
        if desired > have:
            return waiting(f"{name}: {have}/{desired}")
    return current()


def replica_set(obj: Object) -> Verdict:
    failure = condition(obj, "ReplicaFailure") or {}
    if failure.get("status") == "True":
        return waiting(str(failure.get("message") or "replica failure"))
    replicas = wanted(obj)
    for name, field in (
        ("labelled", "fullyLabeledReplicas"),
        ("available", "availableReplicas"),
        ("ready", "readyReplicas"),
    ):
        have = count(obj, "status", field)
        if replicas > have:
            return waiting(f"{name}: {have}/{replicas}")
    exist = count(obj, "status", "replicas")
    return waiting(f"pending termination: {exist - replicas}") if exist > replicas else current()
