"""The verdict on one object: what every kind has in common first, then the rule of its kind.

A verdict is about the object as it was read, so a status that is older than the spec is InProgress, whatever it says.
Kinds that are in no table go by their `Ready` condition, and are Current where they have none: that is how Flux sees a
Canary too, whose only condition is `Promoted`.
Source: cli-utils kstatus; Flux's rule for Jobs (a running Job is InProgress).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from volary.health import pods, workloads
from volary.health.verdict import CURRENT, FAILED, IN_PROGRESS, NOT_FOUND, TERMINATING, Verdict, current, waiting
from volary.kube.objects import Object, condition, deleting, dig, generation_of

__all__ = ["CURRENT", "FAILED", "IN_PROGRESS", "NOT_FOUND", "TERMINATING", "Verdict", "verdict_of"]

Rule = Callable[[Object], Verdict]


def verdict_of(obj: Object | None, now: datetime) -> Verdict:
    """Return whether `obj` is what its spec asks for; None: it is not there."""
    if obj is None:
        return Verdict(NOT_FOUND, "not found")
    general = for_every_kind(obj)
    if general is not None:
        return general
    group, kind = str(obj.get("apiVersion") or "").rpartition("/")[0], str(obj.get("kind"))
    if (group, kind) == ("", "Pod"):
        return pods.pod(obj, now)
    return RULES.get((group, kind), by_ready_condition)(obj)


def for_every_kind(obj: Object) -> Verdict | None:
    """Return the verdict that needs no knowledge of the kind, or None."""
    if deleting(obj):
        return Verdict(TERMINATING, "is being deleted")
    observed = dig(obj, "status", "observedGeneration")
    if isinstance(observed, int) and generation_of(obj) and observed != generation_of(obj):
        return waiting(f"generation {generation_of(obj)} is not observed yet, only {observed}")
    for entry in dig(obj, "status", "conditions") or ():
        if not isinstance(entry, Mapping) or entry.get("status") != "True":
            continue
        if entry.get("type") == "Reconciling":
            return waiting(str(entry.get("message") or "reconciling"))
        if entry.get("type") == "Stalled":
            return Verdict(FAILED, str(entry.get("message") or "stalled"))
    return None


def by_ready_condition(obj: Object) -> Verdict:
    """Return the verdict by `Ready`; Current where the kind has no such condition."""
    ready = condition(obj, "Ready")
    if ready is None or ready.get("status") == "True":
        return current()
    return waiting(str(ready.get("message") or f"Ready is {ready.get('status')}"))


def always_current(obj: Object) -> Verdict:
    return current()


def claim(obj: Object) -> Verdict:
    phase = dig(obj, "status", "phase")
    return current() if phase == "Bound" else waiting(f"phase is {phase or 'not set'}, not Bound")


def service(obj: Object) -> Verdict:
    if dig(obj, "spec", "type") == "LoadBalancer" and not dig(obj, "spec", "clusterIP"):
        return waiting("no clusterIP yet")
    return current()


def job(obj: Object) -> Verdict:
    """A Job is Current when it is over and went well, or is suspended; a running one is InProgress, as Flux has it."""
    if dig(obj, "spec", "suspend"):
        return current("suspended")
    if (condition(obj, "Complete") or {}).get("status") == "True":
        return current()
    failed = condition(obj, "Failed") or {}
    if failed.get("status") == "True":
        return Verdict(FAILED, str(failed.get("message") or "the Job failed"))
    return waiting("the Job has not finished")


def definition(obj: Object) -> Verdict:
    names = condition(obj, "NamesAccepted") or {}
    if names.get("status") == "False":
        return Verdict(FAILED, str(names.get("message") or "names are not accepted"))
    established = condition(obj, "Established") or {}
    if established.get("status") == "True":
        return current()
    if established.get("status") == "False" and established.get("reason") != "Installing":
        return Verdict(FAILED, str(established.get("message") or "not established"))
    return waiting("not established yet")


RULES: Mapping[tuple[str, str], Rule] = {
    ("apps", "Deployment"): workloads.deployment,
    ("extensions", "Deployment"): workloads.deployment,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("extensions", "DaemonSet"): workloads.daemon_set,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("extensions", "ReplicaSet"): workloads.replica_set,
    ("", "PersistentVolumeClaim"): claim,
    ("", "Service"): service,
    ("", "ConfigMap"): always_current,
    ("", "Secret"): always_current,
    ("batch", "Job"): job,
    ("batch", "CronJob"): always_current,
    ("policy", "PodDisruptionBudget"): always_current,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definition,
}
