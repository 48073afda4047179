"""What a Kustomization's status says at each turn, and the event that goes with it. Pure.

Ready keeps what it said while nothing changes; it is Unknown only while a new revision or a new spec is being applied
or waited for. Each attempt leaves a line in `status.history`: equal ones are counted, so two attempts that failed at
one revision are one line with `totalReconciliations: 2`.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from volary.runtime.events import NORMAL, WARNING, Line
from volary.sync import messages
from volary.sync.conditions import FALSE, HEALTHY, READY, RECONCILING, STALLED, TRUE, UNKNOWN, drop, put
from volary.sync.durations import format_duration
from volary.sync.facts import Facts, Failure
from volary.sync.plan import Plan
from volary.sync.render import Rendering
from volary.sync.spec import Attempt, Condition, Conditions, Kustomization, KustomizationStatus, find

LONGEST_HISTORY = 5
WAITS = ("ArtifactFailed", "DependencyNotReady")  # nothing is wrong yet: something else has to come first


def condition(facts: Facts, kind: str, status: str, reason: str, message: str) -> Condition:
    return Condition(kind, status, reason, message, generation=facts.about.generation)


def working(facts: Facts, status: KustomizationStatus, message: str, now: datetime) -> KustomizationStatus:
    """Return the status while a revision is on its way."""
    conditions = drop(status.conditions, STALLED)
    conditions = put(conditions, condition(facts, RECONCILING, TRUE, "Progressing", message), now)
    conditions = put(conditions, condition(facts, READY, UNKNOWN, "Progressing", message), now)
    return replace(status, conditions=conditions, attempted=facts.about.revision)


def waiting_for_health(facts: Facts, spec: Kustomization, now: datetime) -> Plan:
    """Say that everything is written and that health is waited for; the condition's time is when that began."""
    message = messages.health_wait(facts.about.revision, spec.timeout)
    status = working(facts, facts.status, message, now)
    started = replace(condition(facts, HEALTHY, UNKNOWN, "Progressing", message), since=whole_second(now))
    status = replace(status, conditions=put(status.conditions, started, now))
    return Plan(message, status=status, look_again_at=now + spec.timeout)


def whole_second(moment: datetime) -> datetime:
    """Return the time as it reads back from a condition."""
    return moment.replace(microsecond=0)


def unhealthy(facts: Facts, why: str, since: datetime, now: datetime) -> Plan:
    took = now - since
    message = f"health check failed after {format_duration(took)}: {why}"
    conditions = put(facts.status.conditions, condition(facts, HEALTHY, FALSE, "HealthCheckFailed", message), now)
    return ended(facts, conditions, "HealthCheckFailed", message, now, took)


def attempt_failed(facts: Facts, failure: Failure) -> Plan:
    """Report an attempt that ended badly."""
    if facts.rendering is None or failure.reason != "ReconciliationFailed":
        digest = digest_of(facts.about.revision)
    else:
        digest = facts.rendering.digest
    return ended(
        facts, facts.status.conditions, failure.reason, failure.message, failure.at, failure.at - failure.began, digest
    )


def is_reported(facts: Facts, failure: Failure) -> bool:
    """Is this attempt the last that the history counts?"""
    history = facts.status.history
    return bool(history) and history[0].status == failure.reason and history[0].last >= whole_second(failure.at)


def ended(
    facts: Facts,
    conditions: Conditions,
    reason: str,
    message: str,
    now: datetime,
    took: timedelta,
    digest: str = "",
) -> Plan:
    """Return the plan that says that an attempt failed, with one Warning the first time."""
    rendered = facts.rendering.digest if facts.rendering is not None else ""
    old = find(facts.status.conditions, READY)
    conditions = put(conditions, condition(facts, READY, FALSE, reason, message), now)
    retrying = condition(facts, RECONCILING, TRUE, "ProgressingWithRetry", message)
    conditions = drop(put(conditions, retrying, now), STALLED)
    status = replace(
        facts.status,
        conditions=conditions,
        attempted=facts.about.revision,
        observed_generation=facts.about.generation,
        handled=facts.about.token,
        history=with_attempt(facts, digest or rendered, reason, now, took),
    )
    said = old is not None and (old.status, old.message) == (FALSE, message)
    return Plan(message, status=status, announce=() if said else (Line(message, WARNING, reason),))


def succeeded(facts: Facts, rendering: Rendering, checked: bool, now: datetime) -> Plan:
    """Say that the revision is applied, and healthy where that was asked for."""
    revision = facts.about.revision
    message = messages.applied(revision)
    conditions = drop(facts.status.conditions, RECONCILING, STALLED)
    healthy = find(conditions, HEALTHY)
    took = now - (facts.began or now)
    if not checked:
        conditions = drop(conditions, HEALTHY)
    elif healthy is None or healthy.status != TRUE or healthy.generation != facts.about.generation:
        waited = now - healthy.since if healthy and healthy.since and healthy.status == UNKNOWN else timedelta()
        passed = condition(facts, HEALTHY, TRUE, "Succeeded", messages.health_passed(waited))
        conditions = put(conditions, passed, now)
    conditions = put(conditions, condition(facts, READY, TRUE, "ReconciliationSucceeded", message), now)
    status = replace(
        facts.status,
        conditions=conditions,
        inventory=rendering.inventory,
        applied=revision,
        attempted=revision,
        observed_generation=facts.about.generation,
        handled=facts.about.token,
        history=with_attempt(facts, rendering.digest, "ReconciliationSucceeded", now, took),
    )
    return Plan(message, status=status, announce=(Line(message, reason="ReconciliationSucceeded"),))


def not_ready(facts: Facts, reason: str, message: str, now: datetime) -> Plan:
    """Say what is waited for before an attempt can begin; its change wakes us."""
    conditions = put(facts.status.conditions, condition(facts, READY, FALSE, reason, message), now)
    retrying = condition(facts, RECONCILING, TRUE, "ProgressingWithRetry", message)
    conditions = drop(put(conditions, retrying, now), STALLED)
    status = replace(facts.status, conditions=conditions, observed_generation=facts.about.generation)
    return said_once(facts, status, reason, message)


def stalled(facts: Facts, reason: str, message: str, now: datetime) -> Plan:
    """Say what only a person can mend."""
    conditions = put(facts.status.conditions, condition(facts, READY, FALSE, reason, message), now)
    conditions = put(drop(conditions, RECONCILING), condition(facts, STALLED, TRUE, reason, message), now)
    status = replace(
        facts.status,
        conditions=conditions,
        observed_generation=facts.about.generation,
        handled=facts.about.token,
    )
    return said_once(facts, status, reason, message)


def said_once(facts: Facts, status: KustomizationStatus, reason: str, message: str) -> Plan:
    if status == facts.status:
        return Plan(message)
    kind = NORMAL if reason in WAITS else WARNING
    return Plan(message, status=status, announce=(Line(message, kind, reason),))


def with_attempt(facts: Facts, digest: str, outcome: str, now: datetime, took: timedelta) -> tuple[Attempt, ...]:
    """Return the history with one more attempt; one like the last is counted there."""
    history, revision = facts.status.history, facts.about.revision
    now = whole_second(now)
    if history and (history[0].digest, history[0].revision, history[0].status) == (digest, revision, outcome):
        counted = replace(history[0], last=now, took=took, total=history[0].total + 1)
        return (counted, *history[1:])
    return (Attempt(digest, revision, outcome, now, now, took), *history)[:LONGEST_HISTORY]


def digest_of(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
