"""The way back: the same questions about the commit before, in reverse order of dispatch. Pure.

The mark on the FleetRollout comes first: a commit that is being taken back must not be started again by a controller
that reads only half of what happened.
"""

from __future__ import annotations

from msgspec.structs import replace

from volary.fleet.budget import TAKEN_BACK, dispatched, is_bad
from volary.fleet.facts import RunFacts
from volary.fleet.names import short
from volary.fleet.plan import Announcement, Plan
from volary.fleet.progress import ClusterProgress, RunPhase, RunStatus
from volary.fleet.progressing import out_of_time, take_back
from volary.fleet.proof import Standing
from volary.fleet.spec import OnFailure
from volary.fleet.turns import canary_now, changed, finding, paused, stranded


def concerned(facts: RunFacts) -> list[ClusterProgress]:
    """Return the members that the way back concerns, in order of dispatch."""
    everyone = dispatched(facts.status)
    assert facts.status.rollback is not None
    if facts.run.on_failure is OnFailure.ROLLBACK_CLUSTER and facts.status.rollback.reason != TAKEN_BACK:
        return [entry for entry in everyone if entry.failure]
    return everyone


def send_back(facts: RunFacts) -> Plan | None:
    """Let the next members go back, the last dispatched first."""
    status = facts.status
    if status.rollback is None or status.ended or paused(status):
        return None
    if facts.fleet.active_run != facts.name:
        return None  # the FleetRollout follows a run from beginning to end, or it would miss what became of the pins
    if is_bad(facts.run, status) and not facts.fleet.is_bad(facts.run.commit):
        return None  # the FleetRollout's controller marks it; that change brings us here again
    members = concerned(facts)
    remaining = [
        entry for entry in reversed(members) if entry.phase not in ("RollingBack", "RolledBack", "RollbackFailed")
    ]
    at_work = sum(entry.phase == "RollingBack" and not lost(facts, entry) for entry in members)
    room = facts.run.rollback.max_concurrency.of(len(members), least=1) - at_work
    chosen = []
    for entry in remaining:
        if lost(facts, entry) or entry.previous is None:
            chosen.append(entry)  # takes no place
        elif room > 0:
            chosen.append(entry)
            room -= 1
    return take_back(facts, chosen) if chosen else None


def lost(facts: RunFacts, entry: ClusterProgress) -> bool:
    look = facts.looks.get(entry.name)
    return look is None or look.lost


def judge_back(facts: RunFacts) -> Plan | None:
    """Write down who is back, and who cannot be taken back."""
    status, notes = facts.status, []
    for entry in facts.status.clusters:
        look = facts.looks.get(entry.name)
        if entry.phase != "RollingBack" or look is None:
            continue
        found = finding(facts, entry)
        at = short(entry.pin)
        if found.standing is Standing.PROVEN and look.fresh:
            notes.append(Announcement(f"{entry.name} is back at {at}", reason="RolledBack"))
            status = settle(facts, status, entry, "RolledBack", "")
        elif found.standing is Standing.FAILED and look.fresh:
            notes.append(
                Announcement(f"{entry.name} did not come back to {at}: {found.message}", True, "RollbackFailed")
            )
            status = settle(facts, status, entry, "RollbackFailed", found.message)
        elif stranded(facts, entry) and look.fresh:
            text = "promotion failed and the traffic is on the target; mend the primary by hand"
            notes.append(Announcement(f"{entry.name}: {text}", True, "RollbackFailed"))
            status = settle(facts, status, entry, "RollbackFailed", text)
        elif found.attempt and look.fresh:
            notes.append(Announcement(f"{found.message}; one more attempt is waited for", True, "Retrying"))
            status = changed(status, entry.name, {"attempt": found.attempt})
        elif out_of_time(facts, entry):
            text = f"rollback.progressDeadline has passed: {found.message or 'nothing happened'}"
            notes.append(Announcement(f"{entry.name}: {text}", True, "RollbackFailed"))
            status = settle(facts, status, entry, "RollbackFailed", text)
    return Plan("; ".join(note.message for note in notes), tuple(notes), run=status) if notes else None


def settle(facts: RunFacts, status: RunStatus, entry: ClusterProgress, phase: str, message: str) -> RunStatus:
    """Return the status with the member's way back ended; why it failed at first is kept where the way was good."""
    changes = {"phase": phase, "held_since": None, "canary": canary_now(facts.looks.get(entry.name), entry)}
    return changed(status, entry.name, changes | ({"message": message} if message else {}))


def end_back(facts: RunFacts) -> Plan | None:
    """End the run once everybody is back, or is known not to come."""
    status = facts.status
    if status.rollback is None or status.ended or paused(status):
        return None
    members = concerned(facts)
    if facts.fleet.active_run != facts.name and not facts.orphan:
        return None
    if any(entry.phase not in ("RolledBack", "RollbackFailed") for entry in members):
        return None
    if any(entry.in_flight for entry in status.clusters):
        return None  # RollbackCluster: the others go on until they are done
    missing = [entry.name for entry in members if entry.phase == "RollbackFailed"]
    phase: RunPhase = "RollbackIncomplete" if missing else "RolledBack"
    if not missing and len(members) < len(dispatched(status)):
        phase = "Failed"  # those that did not fail keep the commit
    words = f"{facts.run.short}: {phase}" + (f", not back: {', '.join(missing)}" if missing else "")
    note = Announcement(words, warning=True, reason=phase)
    return Plan(words, (note,), run=replace(status, phase=phase, ended_at=facts.now, hold=None))
