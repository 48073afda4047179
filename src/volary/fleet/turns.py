"""What a member that has its turn says: before its dispatch about the commit it has, after it about the run's, on the
way back about the one before. One question for one entry, asked by every rule alike. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from volary.fleet.facts import Look, RunFacts
from volary.fleet.progress import Before, CanaryStatus, ClusterProgress, RunStatus
from volary.fleet.proof import Finding, Question, Standing, examine, held, pin_trouble, suspended
from volary.fleet.spec import Run, State


def finding(facts: RunFacts, entry: ClusterProgress) -> Finding:
    """Return what the member says about what is asked of it now."""
    look = facts.looks.get(entry.name)
    if look is None:
        return held("ClusterUnreachable", "the Cluster is gone")
    if entry.phase == "RollingBack":
        return examine(look, question(facts, entry, entry.pin))
    if entry.in_flight:
        found = examine(look, question(facts, entry, facts.run.commit))
        return cluster_suspended(look, found)
    return readiness(facts, entry, look)


def question(facts: RunFacts, entry: ClusterProgress, commit: str) -> Question:
    return Question(
        commit=commit,
        target=facts.run.target,
        owner=facts.owner,
        now=facts.now,
        asked_at=entry.turn_at,
        before=entry.before,
        attempt=entry.attempt,
    )


def stranded(facts: RunFacts, entry: ClusterProgress) -> bool:
    """Does the canary stand at Failed with traffic on the target? Nothing that we pin can move it from there."""
    look = facts.looks.get(entry.name)
    there = look.canary if look and not look.lost else None
    return there is not None and there.phase == "Failed" and there.weight > 0


def cluster_suspended(look: Look, found: Finding) -> Finding:
    """A suspended Cluster stops the clock of a member in flight, but not its proof."""
    if look.suspended and found.standing in (Standing.MOVING, Standing.HELD):
        return held("MemberSuspended", "the Cluster is suspended; set its spec.suspend to false", person=True)
    return found


def readiness(facts: RunFacts, entry: ClusterProgress, look: Look) -> Finding:
    """Return PROVEN when the member may be dispatched: it stands proven at the commit that it has now."""
    target = facts.run.target
    present = question(facts, entry, entry.pin)
    if look.lost:
        return examine(look, present)
    if look.suspended:
        return held("MemberSuspended", "the Cluster is suspended; set its spec.suspend to false", person=True)
    if look.repository is None:
        return held("SourceNotReady", f"there is no GitRepository {target.repository}")
    stranger = refused(look) or pin_trouble(look.repository, facts.owner)
    if stranger:
        message = f"GitRepository {target.repository}: {stranger}"
        return held("DeliveryDrift", message, person=True)
    asleep = suspended(look, target)
    if asleep is not None:
        return asleep
    if said(facts.status, f"as-is {entry.name}"):
        return Finding(Standing.PROVEN, "as it is")
    if not entry.pin:
        message = "it is not pinned, and no commit is known that it may be pinned to"
        return held("ClusterDegradedBefore", message, person=True)
    found = examine(look, Question(entry.pin, target, facts.owner, facts.now, asked_at=entry.turn_at))
    if found.standing in (Standing.PROVEN, Standing.MOVING) or found.person:
        return found
    return held("ClusterDegradedBefore", f"before {facts.run.short} came: {found.message}", person=True)


def refused(look: Look) -> str:
    """Return why this GitRepository may not be pinned at all, with the way out, or ""."""
    advice = "give the application a GitRepository of its own and name it in spec.source.member"
    if look.is_source:
        return f"it is the hub's own source object, and a pin would stop the very commits that are released; {advice}"
    if look.repository and look.repository.applied_by:
        return f"it feeds Kustomization {look.repository.applied_by}, which applies it; {advice}"
    return ""


# -- words of people


WORDS = frozenset(str(state) for state in State)


def said(status: RunStatus, word: str) -> bool:
    return any(decision.state == word for decision in status.decisions)


def effective_state(status: RunStatus) -> State:
    """Return the last of the four words that was taken; refused ones are not among them."""
    for decision in reversed(status.decisions):
        if decision.state in WORDS:
            return State(decision.state)
    return State.RUN


def paused(status: RunStatus) -> bool:
    """Is the run held by a person? A way back is held only by a Pause that was said during it."""
    if effective_state(status) is not State.PAUSE:
        return False
    if status.rollback is None:
        return True
    return any(d.state == State.PAUSE for d in status.decisions[status.rollback.decisions_before :])


# -- small changes


def changed(status: RunStatus, name: str, changes: Mapping[str, Any]) -> RunStatus:
    """Return the status with one member's entry changed."""
    clusters = tuple(replace(entry, **changes) if entry.name == name else entry for entry in status.clusters)
    return replace(status, clusters=clusters)


def canary_now(look: Look | None, entry: ClusterProgress, new_question: bool = False) -> CanaryStatus | None:
    """Return the canary as it is seen; with a new question also as what was before it."""
    there = look.canary if look else None
    if there is None:
        return entry.canary
    before = Before(phase=there.phase, last_update_time=there.updated) if new_question else entry.before
    return CanaryStatus(phase=there.phase, weight=there.weight, failed_checks=there.failed_checks, before=before)


def deadline(facts: RunFacts, entry: ClusterProgress) -> datetime | None:
    """Return when the member's time is up; None while its clock stands still or has not begun."""
    if entry.turn_at is None or entry.held_since is not None:
        return None
    return entry.turn_at + length(facts.run, entry)


def length(run: Run, entry: ClusterProgress) -> timedelta:
    if entry.phase == "RollingBack":
        return run.rollback.progress_deadline
    return next(stage.progress_deadline for stage in run.stages if entry.name in stage.clusters)


def has_turn(entry: ClusterProgress) -> bool:
    """Is something asked of the member now?"""
    if entry.phase == "Pending":
        return entry.turn_at is not None and not entry.failure
    return entry.in_flight or entry.phase == "RollingBack"
