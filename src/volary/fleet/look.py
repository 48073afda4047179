"""Objects of a member -> one `Look`. Pure: who reads them, and how fresh they are, is `observe.py`'s."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from volary.canary import rewrites
from volary.fleet.facts import CanaryLook, Kustomized, Ready, Repository
from volary.fleet.names import PINNED_BY
from volary.fleet.spec import Ref, Target
from volary.fleet.wire import duration
from volary.health import CURRENT, verdict_of
from volary.kube.objects import (
    Object,
    annotations_of,
    condition,
    dig,
    generation_of,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    parse_time,
    version_of,
)
from volary.sync.spec import ObjectId
from volary.sync.wire import kustomization_status, parse_revision

APPLIED_BY = ("kustomize.toolkit.fluxcd.io/namespace", "kustomize.toolkit.fluxcd.io/name")
HALT = "Halt"
GATE = "approval"  # in each of Flagger's three sentences about a gate that is closed


def time_of(value: object) -> datetime | None:
    try:
        return parse_time(str(value)) if value else None
    except ValueError:
        return None


def ready_of(obj: Object) -> Ready:
    found = condition(obj, "Ready") or {}
    return Ready(
        status=str(found.get("status") or ""),
        reason=str(found.get("reason") or ""),
        message=str(found.get("message") or ""),
        since=time_of(found.get("lastTransitionTime")),
    )


def commit_of(revision: object) -> str:
    """Return the commit of a revision: `main@sha1:R` and `sha1:R` are the same R."""
    found = parse_revision(str(revision or ""))
    return found.commit if found else ""


def observed_generation(obj: Object) -> int:
    """Return the generation that the status is about; of a failure only the condition itself says it, as in Flux."""
    value = dig(obj, "status", "observedGeneration")
    ready = condition(obj, "Ready") or {}
    failed = ready.get("observedGeneration") if ready.get("status") == "False" else None
    return max((number for number in (value, failed) if isinstance(number, int)), default=-1)


# -- GitRepository


def repository(obj: Object, kustomizations: Iterable[Object], own: Ref, drift: str = "") -> Repository:
    """Return a GitRepository; `own` is the Kustomization that is meant to follow it."""
    fed = [entry for entry in kustomizations if feeds(obj, entry)]
    keys = sorted(key_of(entry) for entry in fed)
    applied_by = "/".join(labels_of(obj).get(label, "") for label in APPLIED_BY)
    return Repository(
        version=version_of(obj),
        generation=generation_of(obj),
        observed=observed_generation(obj),
        pin=str(dig(obj, "spec", "ref", "commit") or ""),
        owner=annotations_of(obj).get(PINNED_BY, ""),
        artifact=commit_of(dig(obj, "status", "artifact", "revision")),
        ready=ready_of(obj),
        suspended=bool(dig(obj, "spec", "suspend")),
        drift=drift,
        applied_by=applied_by if applied_by in keys else "",
        feeds=tuple(key for key in keys if key != str(own)),
    )


def feeds(source: Object, kustomization: Object) -> bool:
    ref = dig(kustomization, "spec", "sourceRef") or {}
    return (
        ref.get("kind") == "GitRepository"
        and ref.get("name") == name_of(source)
        and (ref.get("namespace") or namespace_of(kustomization)) == namespace_of(source)
    )


# -- Kustomization


def kustomized(obj: Object) -> Kustomized:
    return Kustomized(
        generation=generation_of(obj),
        observed=observed_generation(obj),
        applied=commit_of(dig(obj, "status", "lastAppliedRevision")),
        attempted=commit_of(dig(obj, "status", "lastAttemptedRevision")),
        ready=ready_of(obj),
        suspended=bool(dig(obj, "spec", "suspend")),
        attempt=attempt_of(obj),
        timeout=length(dig(obj, "spec", "timeout"), timedelta(minutes=5)),
    )


def attempt_of(obj: Object) -> str:
    """Return what changes with each attempt at the attempted commit.

    The history counts attempts. Flux before 2.7 has none, but there Ready goes through Unknown in every attempt, so
    the time of its last change does as well. The two are never mixed: they are not written in one request.
    """
    history = dig(obj, "status", "history")
    if not history:
        return str(dig(condition(obj, "Ready"), "lastTransitionTime") or "")
    newest = history[0]
    if commit_of(dig(newest, "metadata", "revision")) != commit_of(dig(obj, "status", "lastAttemptedRevision")):
        return ""
    return f"{newest.get('totalReconciliations')} {newest.get('lastReconciled')}"


def length(text: object, default: timedelta) -> timedelta:
    return duration(str(text)) if text else default


def inventory(obj: Object) -> list[tuple[ObjectId, str]]:
    """Return (object, API version without group) of what the Kustomization has applied."""
    return sorted(kustomization_status(obj).inventory.items())


def unhealthy(found: Iterable[tuple[ObjectId, Object | None]], now: datetime) -> str:
    """Return which object is not Current, and why; "" when all are."""
    for entry, obj in found:
        verdict = verdict_of(obj, now)
        if verdict.status != CURRENT:
            return f"{entry}: {verdict.message or verdict.status}"
    return ""


# -- Canary


@dataclass(frozen=True, slots=True)
class Workloads:
    """What a canary stands for; `configs` are None while they have not been read."""

    target: Object | None
    primary: Object | None
    configs: Mapping[tuple[str, str], Object | None] | None = None  # (kind, name) -> object


def canary(obj: Object, workloads: Workloads, said: Words | None = None) -> CanaryLook:
    """Return a Canary with what it says of itself and what its workloads say of it."""
    promoted = condition(obj, "Promoted") or {}
    status = obj.get("status") or {}
    different = difference(workloads)
    return CanaryLook(
        phase=str(status.get("phase") or ""),
        weight=int(status.get("canaryWeight") or 0),
        failed_checks=int(status.get("failedChecks") or 0),
        updated=str(promoted.get("lastUpdateTime") or ""),
        changed_at=time_of(status.get("lastTransitionTime")),
        suspended=bool(dig(obj, "spec", "suspend")),
        same=not different,
        difference=different,
        at_gate=said is not None and said.at_gate,
        interval=length(dig(obj, "spec", "analysis", "interval"), timedelta(minutes=1)),
    )


def difference(workloads: Workloads) -> str:
    """Return where target and primary are not the same revision; "" when they are."""
    target, primary = workloads.target, workloads.primary
    if target is None:
        return "its target is not there"
    if primary is None:
        return f"{name_of(target)}-primary is not there"
    if not rewrites.same(target, primary):
        return f"the template of {name_of(target)} is not that of {name_of(primary)}"
    if workloads.configs is None:
        return ""
    for kind, name, copy in rewrites.pairs(target, primary):
        ours, theirs = workloads.configs.get((kind, name)), workloads.configs.get((kind, copy))
        if dig(ours, "data") != dig(theirs, "data") or (ours is None) != (theirs is None):
            return f"{kind} {name} is not {copy}"
    return ""


# -- Events


@dataclass(frozen=True, slots=True)
class Words:
    """What the Events about a canary tell."""

    warning: str = ""  # the last that begins Halt, else the last about something that is not ready
    at_gate: bool = False  # the very last is about a gate


def words(events: Iterable[Object], canary: Ref, since: datetime | None) -> Words:
    """Return what the Events about `canary` since `since` tell; empty when they are lost."""
    heard = [
        (when, str(event.get("message") or ""), str(event.get("type")))
        for event in events
        if about(event, canary) and (when := last_seen(event)) is not None and (since is None or when >= since)
    ]
    heard.sort(key=lambda line: line[0])
    warnings = [message for _, message, kind in heard if kind == "Warning"]
    halts = [message for message in warnings if message.startswith(HALT)]
    unready = [message for message in warnings if "not ready" in message]
    last = heard[-1][1] if heard else ""
    return Words(
        warning=halts[-1] if halts else unready[-1] if unready else "",
        at_gate=last.startswith(HALT) and GATE in last,
    )


def about(event: Object, canary: Ref) -> bool:
    involved = event.get("involvedObject") or {}
    return (
        involved.get("kind") == "Canary"
        and involved.get("name") == canary.name
        and involved.get("namespace") == canary.namespace
    )


def last_seen(event: Object) -> datetime | None:
    return time_of(event.get("lastTimestamp") or event.get("eventTime") or event.get("firstTimestamp"))


def is_source(uid: str, hub_uid: str, target: Target, source: Ref | None) -> bool:
    """Is the member's GitRepository the hub's source object itself?"""
    return bool(uid) and uid == hub_uid and target.repository == source
