"""Is this commit proven in this member? If not: does it move, what holds it, or has it failed? Pure.

A proof is read from top to bottom, source first: the GitRepository has R, the Kustomization has applied R, the canary
has made R primary. Whatever comes earlier explains what comes later, so the first thing that is not so is the answer.
"Healthy" proves nothing by itself: a canary may look well because it has not noticed yet.
Source: Flux API reference (Ready, lastAppliedRevision, lastAttemptedRevision); Flagger status.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from volary.fleet.facts import APPROVAL_PHASES, IDLE_PHASES, CanaryLook, Kustomized, Look, Repository
from volary.fleet.names import short
from volary.fleet.progress import Before, Failure, HoldReason
from volary.fleet.spec import Target

SLOW = timedelta(minutes=2)  # nothing for this long is worth a hold that says so


class Standing(Enum):
    """What one look says about one commit in one member."""

    PROVEN = "proven"
    MOVING = "moving"
    HELD = "held"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer, with one sentence why."""

    standing: Standing
    message: str = ""
    hold: HoldReason | None = None
    person: bool = False  # waits for a person: the clock of the deadline stands still
    failure: Failure = ""
    attempt: str = ""  # a failed attempt to remember: the second one counts
    traffic_on_target: bool = False

    @property
    def settled(self) -> bool:
        """Would something be written down for good? Then it is read again first."""
        return self.standing in (Standing.PROVEN, Standing.FAILED) or bool(self.attempt)


PROVEN = Finding(Standing.PROVEN)


def moving(message: str) -> Finding:
    return Finding(Standing.MOVING, message)


def held(hold: HoldReason, message: str, person: bool = False) -> Finding:
    return Finding(Standing.HELD, message, hold, person)


def failed(failure: Failure, message: str) -> Finding:
    return Finding(Standing.FAILED, message, failure=failure)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of one look."""

    commit: str
    target: Target
    owner: str  # NAMESPACE/NAME of the FleetRollout
    now: datetime
    asked_at: datetime | None = None  # when the pin was decided; None: long ago
    before: Before | None = None  # the canary at that moment
    attempt: str = ""  # the first failed attempt at this commit, if one was seen


def examine(look: Look, question: Question) -> Finding:
    """Return what `look` says about `question.commit`."""
    if look.lost:
        why = look.message or ("not read yet" if look.reachable == "True" else look.reason or "no answer")
        return held("ClusterUnreachable", f"unreachable: {why}")
    for step in (repository, canary_failed, fetched, kustomized, applied, canary):
        found = step(look, question)
        if found is not None:
            break
    else:
        found = objects(look)
    if found.standing in (Standing.PROVEN, Standing.FAILED) or found.person:
        return found
    return suspended(look, question.target) or found  # who sleeps explains why nothing moves


def repository(look: Look, question: Question) -> Finding | None:
    """The GitRepository is there and the pin is ours."""
    ours = question.target.repository
    if look.repository is None:
        return held("SourceNotReady", f"there is no GitRepository {ours}")
    stranger = pin_trouble(look.repository, question.owner)
    if stranger:
        return held("DeliveryDrift", f"GitRepository {ours}: {stranger}", person=True)
    if look.repository.pin != question.commit:
        return moving("pin is being written")
    return None


def pin_trouble(repository: Repository, owner: str) -> str:
    """Return why we may not write the pin, or ""."""
    if repository.drift:
        return f'spec.ref.commit is {short(repository.pin) or "empty"}, set by "{repository.drift}"'
    if repository.owner not in ("", owner):
        return f"it is pinned by FleetRollout {repository.owner}"
    return ""


def canary_failed(look: Look, question: Question) -> Finding | None:
    """The canary has not turned the commit down: a Failed that is newer than the question, for this very commit."""
    canary, kustomization, before = look.canary, look.kustomization, question.before
    if question.target.canary is None or canary is None or kustomization is None or before is None:
        return None
    fresh = canary.updated != before.last_update_time
    if canary.phase != "Failed" or not fresh or kustomization.attempted != question.commit:
        return None
    if canary.same and canary.weight == 0:
        return None  # what failed was another commit; this one is what the primary runs
    message = look.warning or f"canary {question.target.canary} failed"
    if canary.weight:
        message = f"promotion failed and {canary.weight} % of the traffic is on the target: {message}"
    return Finding(Standing.FAILED, message, failure="CanaryFailed", traffic_on_target=canary.weight > 0)


def fetched(look: Look, question: Question) -> Finding | None:
    """The GitRepository has observed its generation and its artifact is the commit."""
    there = look.repository
    assert there is not None
    ref, at = question.target.repository, short(question.commit)
    if there.observed != there.generation:
        return slow(question, "SourceNotReady", f"GitRepository {ref} has not been looked at")
    if there.artifact == question.commit and there.ready.status != "False":
        return None if there.ready.status == "True" else moving(f"fetching {at}")
    if there.ready.status == "False":
        return held("SourceNotReady", f"GitRepository {ref}: {there.ready.message}")
    return slow(question, "SourceNotReady", f"GitRepository {ref} has not fetched {at}")


def suspended(look: Look, target: Target) -> Finding | None:
    """Nobody has put one of the objects to sleep. (The Cluster's own suspend stops a dispatch, not a proof.)"""
    for there, what, ref in (
        (look.repository and look.repository.suspended, "GitRepository", target.repository),
        (look.kustomization and look.kustomization.suspended, "Kustomization", target.kustomization),
        (look.canary and look.canary.suspended, "Canary", target.canary),
    ):
        if there:
            message = f"{what} {ref} is suspended; set its spec.suspend to false"
            return held("MemberSuspended", message, person=True)
    return None


def slow(question: Question, hold: HoldReason, message: str) -> Finding:
    """Something is about to happen; a hold once it has taken long."""
    if question.asked_at is not None and question.now - question.asked_at >= SLOW:
        return held(hold, message)
    return moving(message)


def kustomized(look: Look, question: Question) -> Finding | None:
    """The Kustomization has not given the commit up."""
    there, ref = look.kustomization, question.target.kustomization
    if there is None:
        return held("KustomizationNotReady", f"there is no Kustomization {ref}")
    if there.ready.status != "False" or there.observed != there.generation:
        return None
    reason, at = there.ready.reason, there.attempted == question.commit
    message = f"Kustomization {ref}: {reason}: {there.ready.message}"
    if at and reason == "BuildFailed":
        return failed("BuildFailed", message)
    if at and reason == "ReconciliationFailed":
        return second_attempt(there, question, message)
    return held("KustomizationNotReady", message)


def second_attempt(there: Kustomized, question: Question, message: str) -> Finding:
    """One failed attempt may be a race between objects; two are a verdict."""
    if question.attempt and question.attempt != there.attempt:
        return failed("ReconciliationFailed", message)
    remember = "" if question.attempt else there.attempt
    return Finding(Standing.HELD, message, "KustomizationNotReady", attempt=remember)


def applied(look: Look, question: Question) -> Finding | None:
    """The Kustomization has tried and applied the commit, and is Ready for its generation."""
    there, ref = look.kustomization, question.target.kustomization
    assert there is not None
    if there.observed == there.generation and there.applied == there.attempted == question.commit:
        if there.ready.status == "True":
            return None
        return moving(f"Kustomization {ref} is at work")  # Unknown: stock Flux shows it in every pass
    if there.ready.status == "Unknown":
        return moving(f"Kustomization {ref} is at work")
    message = f"Kustomization {ref} has not applied {short(question.commit)}"
    return slow(question, "KustomizationNotReady", message)


def canary(look: Look, question: Question) -> Finding | None:
    """The canary has made the commit primary, or had nothing to do."""
    there, ref = look.canary, question.target.canary
    if ref is None:
        return None
    if there is None:
        message = f"there is no Canary {ref}; correct inCluster.canaryRef, or add the Canary"
        return held("CanaryNotFound", message)
    if there.phase in APPROVAL_PHASES or there.at_gate:
        message = look.warning or f"canary {ref} waits for its own gate"
        return held("AwaitingApproval", message, person=True)
    if there.phase in IDLE_PHASES and there.weight == 0 and there.same:
        return PROVEN
    if there.phase == "Progressing":
        return stuck(look, question, there, f"canary {there.weight} %")
    if there.phase in IDLE_PHASES:
        difference = f": {there.difference}" if there.difference else ""
        return stuck(look, question, there, f"canary {ref} has not noticed the change{difference}")
    return stuck(look, question, there, f"canary {there.phase or 'new'}")


def stuck(look: Look, question: Question, there: CanaryLook, message: str) -> Finding:
    """A canary that stands still for longer than its interval explains is worth a hold."""
    times = [time for time in (there.changed_at, question.asked_at) if time is not None]
    limit = max(SLOW, 3 * there.interval)
    if times and question.now - max(times) >= limit:
        why = f"; {look.warning}" if look.warning else ""
        return held("CanaryNotProgressing", f"{message}{why}")
    return moving(message)


def objects(look: Look) -> Finding:
    """Without a canary every applied object is Current."""
    return moving(look.unhealthy) if look.unhealthy else PROVEN
