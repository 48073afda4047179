"""Why a run does not move: one typed reason. Pure.

Each hold has its end, the command that releases it, or a message that names the object to mend.
"""

from __future__ import annotations

from dataclasses import replace as with_changes
from datetime import datetime

from volary.fleet.budget import current_stage, failures, only_unreachable, over, soaked_at
from volary.fleet.facts import RunFacts
from volary.fleet.progress import ClusterProgress, Hold, HoldReason, RunStatus
from volary.fleet.progressing import may_go_on
from volary.fleet.proof import Finding, Standing
from volary.fleet.spec import State
from volary.fleet.turns import deadline, effective_state, finding, has_turn, paused
from volary.fleet.wire import duration_text

Asked = list[tuple[ClusterProgress, Finding]]


def hold_of(facts: RunFacts, status: RunStatus) -> Hold | None:
    """Return what must happen before anything moves; None while something does."""
    if status.ended:
        return None
    asked = [(entry, finding(facts, entry)) for entry in status.clusters if has_turn(entry)]
    going = may_go_on(with_changes(facts, status=status))
    if any(found.standing is not Standing.HELD and (going or entry.phase != "Pending") for entry, found in asked):
        return None  # something moves; a member that is ready does not, where nothing may be dispatched
    found = paused_hold(facts, status) or budget_hold(facts, status) or member_hold(facts, asked)
    return keep_since(found or soak_hold(facts, status), status.hold)


def keep_since(found: Hold | None, before: Hold | None) -> Hold | None:
    """Return the hold with the time at which it began, not that of this look."""
    if found is None or before is None or (found.reason, found.cluster) != (before.reason, before.cluster):
        return found
    return Hold(found.reason, before.since, found.until, found.cluster, found.message, found.unblock)


def paused_hold(facts: RunFacts, status: RunStatus) -> Hold | None:
    if effective_state(status) is not State.PAUSE or not paused(status):
        return None
    last = next(entry for entry in reversed(status.decisions) if entry.state == State.PAUSE)
    why = f": {last.reason}" if last.reason else ""
    message = f"paused by {last.by or 'somebody'}{why}"
    return Hold("PausedByUser", last.at, None, None, message, f"volary resume {facts.rollout}")


def budget_hold(facts: RunFacts, status: RunStatus) -> Hold | None:
    """Over the budget, and nothing is taken back by itself: the user said so, or there is no evidence."""
    stage = over(facts.run, status)
    if status.rollback is not None:
        return None
    if stage is None:
        return marked_hold(facts) if facts.fleet.is_bad(facts.run.commit) else None
    names = [entry.name for entry in failures(status, stage)]
    allowed = f'stage "{stage.name}" allows {stage.max_failures}'
    if only_unreachable(status, stage):
        message = f"Cluster {', '.join(names)} unreachable until the deadline, {allowed}; mend the way there"
        return Hold("ClusterUnreachable", facts.now, None, names[0], message, f"volary rollback {facts.rollout}")
    message = f"failed on {', '.join(names)}, {allowed}"
    return Hold("FailureBudgetExceeded", facts.now, None, names[0], message, f"volary rollback {facts.rollout}")


def marked_hold(facts: RunFacts) -> Hold:
    """The commit is bad, and who failed at it has left since."""
    message = f"{facts.run.short} is marked bad"
    return Hold("FailureBudgetExceeded", facts.now, None, None, message, f"volary rollback {facts.rollout}")


def member_hold(facts: RunFacts, asked: Asked) -> Hold | None:
    """Return the hold of the first member that waits; those that a person can release come first."""
    waiting = [(entry, found) for entry, found in asked if found.hold is not None]
    for entry, found in sorted(waiting, key=lambda pair: not pair[1].person):
        assert found.hold is not None
        message = f"{entry.name}: {found.message}"
        return Hold(found.hold, facts.now, until(facts, entry), entry.name, message, unblock(facts, entry, found.hold))
    return None


def until(facts: RunFacts, entry: ClusterProgress) -> datetime | None:
    return deadline(facts, entry)


def unblock(facts: RunFacts, entry: ClusterProgress, hold: HoldReason) -> str | None:
    """Return the command that releases a member's hold, where a person can."""
    if hold == "ClusterDegradedBefore":
        return f"volary resume {facts.rollout} --as-is {entry.name}"
    if hold == "DeliveryDrift":
        return f"volary resume {facts.rollout} --take-pin {entry.name}"
    return None


def soak_hold(facts: RunFacts, status: RunStatus) -> Hold | None:
    stage = current_stage(facts.run, status, facts.now)
    at = soaked_at(status, stage) if stage else None
    if stage is None or at is None or status.rollback is not None:
        return None
    message = f"{duration_text(stage.soak)} after stage {stage.name}"
    return Hold("SoakTime", at - stage.soak, at, None, message)
