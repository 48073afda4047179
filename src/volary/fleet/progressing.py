"""The way forward: turns, dispatch, proof, failure, soak, the end. Pure.

    Pending -> (its turn) -> Dispatched -> Progressing -> Verified
                        \\_________________________________-> Failed (RollingBack -> RolledBack)

What is written down for good rests on a fresh look (`facts.py`), so `look_closer` comes before `judge` and `dispatch`.
"""

from __future__ import annotations

from msgspec.structs import replace

from volary.fleet.budget import (
    BUDGET_EXCEEDED,
    UNREACHABLE,
    complete,
    current_stage,
    entries,
    failures,
    only_unreachable,
    over,
    settled,
)
from volary.fleet.facts import RunFacts
from volary.fleet.names import short
from volary.fleet.people import begin
from volary.fleet.plan import Announcement, Plan
from volary.fleet.progress import ClusterProgress, Failure, RunPhase, RunStatus, Trigger
from volary.fleet.proof import Finding, Standing
from volary.fleet.spec import OnFailure, State
from volary.fleet.turns import (
    canary_now,
    changed,
    deadline,
    effective_state,
    finding,
    has_turn,
    paused,
    refused,
    stranded,
)


def begin_run(facts: RunFacts) -> Plan | None:
    """Write the first status: who takes part, and what each has now."""
    if facts.status.phase:
        return None
    clusters = []
    for name in facts.run.clusters:
        member, look = facts.fleet.member(name), facts.looks.get(name)
        clusters.append(
            ClusterProgress(
                name=name,
                uid=member.uid if member else look.uid if look else "",
                phase="Pending",
                pin=member.pinned if member else "",
                previous=(member.proven or None) if member else None,
            )
        )
    status = replace(facts.status, phase="Pending", started_at=facts.now, clusters=tuple(clusters))
    words = f"Run of {facts.run.short} over {len(clusters)} clusters has started"
    return Plan(words, (Announcement(words, reason="Started"),), run=status)


def leave(facts: RunFacts) -> Plan | None:
    """A Cluster that was deleted, or built anew under its name, leaves; it is counted neither way."""
    for entry in facts.status.clusters:
        look = facts.looks.get(entry.name)
        rebuilt = look is not None and bool(entry.uid and look.uid) and look.uid != entry.uid
        if entry.phase != "Left" and (look is None or rebuilt):
            why = "was built anew" if rebuilt else "was deleted"
            words = f"Cluster {entry.name} {why} and has left the run"
            status = changed(facts.status, entry.name, {"phase": "Left", "message": words, "held_since": None})
            return Plan(words, (Announcement(words, warning=True, reason="Left"),), run=status)
    return None


def clocks(facts: RunFacts) -> Plan | None:
    """Stop the clock of a deadline while a member waits for a person, and set it going again."""
    status, notes = facts.status, []
    for entry in facts.status.clusters:
        if not has_turn(entry) or entry.turn_at is None:
            continue
        waits = finding(facts, entry).person or (entry.phase == "Pending" and paused(facts.status))
        if waits and entry.held_since is None:
            status = changed(status, entry.name, {"held_since": facts.now})
            notes.append(f"{entry.name} waits for a person")
        elif not waits and entry.held_since is not None:
            later = entry.turn_at + (facts.now - entry.held_since)
            status = changed(status, entry.name, {"held_since": None, "turn_at": later})
            notes.append(f"{entry.name} no longer waits for a person")
    return Plan("; ".join(notes), run=status) if notes else None


def look_closer(facts: RunFacts) -> Plan | None:
    """Read the members themselves before something is written down for good."""
    names = []
    for entry in facts.status.clusters:
        look = facts.looks.get(entry.name)
        if look is None or look.fresh or look.unreadable or look.lost or not has_turn(entry):
            continue
        found = finding(facts, entry)
        if entry.phase == "Pending":
            wanted = found.standing is Standing.PROVEN and may_dispatch(facts, entry)
        else:
            wanted = found.settled or (entry.phase == "RollingBack" and stranded(facts, entry))
        if wanted:
            names.append(entry.name)
    return Plan(f"reading {', '.join(names)} themselves", look_closer=tuple(names)) if names else None


def judge(facts: RunFacts) -> Plan | None:
    """Write down who is verified and who has failed."""
    status, notes = facts.status, list[Announcement]()
    for entry in facts.status.clusters:
        look = facts.looks.get(entry.name)
        if look is None or entry.phase == "RollingBack" or not has_turn(entry):
            continue
        found = finding(facts, entry)
        if entry.in_flight and found.standing is Standing.PROVEN and look.fresh:
            status = verified(facts, status, entry, notes)
        elif entry.in_flight and found.standing is Standing.FAILED and look.fresh:
            status = failed(facts, status, entry, found, notes)
        elif entry.in_flight and found.attempt and look.fresh:
            status = changed(status, entry.name, {"attempt": found.attempt, "message": found.message})
            notes.append(Announcement(f"{found.message}; one more attempt is waited for", True, "Retrying"))
        elif out_of_time(facts, entry):
            status = failed(facts, status, entry, late(facts, entry, found), notes)
    return Plan("; ".join(note.message for note in notes), tuple(notes), run=status) if notes else None


def verified(facts: RunFacts, status: RunStatus, entry: ClusterProgress, notes: list[Announcement]) -> RunStatus:
    notes.append(Announcement(f"{facts.run.short} is verified on {entry.name}", reason="Verified"))
    canary = canary_now(facts.looks.get(entry.name), entry)
    changes = {"phase": "Verified", "verified_at": facts.now, "canary": canary, "message": "", "held_since": None}
    return changed(status, entry.name, changes)


def failed(
    facts: RunFacts, status: RunStatus, entry: ClusterProgress, found: Finding, notes: list[Announcement]
) -> RunStatus:
    notes.append(Announcement(f"{facts.run.short} failed on {entry.name}: {found.message}", True, "Failed"))
    canary = canary_now(facts.looks.get(entry.name), entry)
    changes = {"phase": "Failed", "failure": found.failure, "message": found.message, "canary": canary}
    return changed(status, entry.name, {**changes, "held_since": None})


def out_of_time(facts: RunFacts, entry: ClusterProgress) -> bool:
    at = deadline(facts, entry)
    return at is not None and facts.now >= at and not (entry.phase == "Pending" and paused(facts.status))


def late(facts: RunFacts, entry: ClusterProgress, found: Finding) -> Finding:
    """Return the failure of a member whose time is up."""
    look = facts.looks[entry.name]
    last = found.message or "nothing happened"
    if look.lost:
        return timed_out(f"{last}, until its progressDeadline had passed", lost=True)
    warning = f"; {look.warning}" if look.warning and look.warning not in last else ""
    return timed_out(f"progressDeadline has passed: {last}{warning}", lost=False)


def timed_out(message: str, lost: bool) -> Finding:
    failure: Failure = "ClusterUnreachable" if lost else "ProgressDeadlineExceeded"
    return Finding(Standing.FAILED, message, failure=failure)


def revive(facts: RunFacts) -> Plan | None:
    """A member that was only unreachable is not out: once it is back, a run that waits for it goes on with it."""
    stage = over(facts.run, facts.status)
    if stage is None or facts.status.rollback is not None or not only_unreachable(facts.status, stage):
        return None
    for entry in failures(facts.status, stage):
        look = facts.looks.get(entry.name)
        if look is not None and not look.lost and entry.phase == "Failed":
            phase = "Dispatched" if entry.dispatched_at else "Pending"
            changes = {"phase": phase, "failure": "", "turn_at": facts.now, "message": ""}
            words = f"{entry.name} is back, the run goes on with it"
            note = Announcement(words, reason="Reachable", step=str(facts.now))
            return Plan(words, (note,), run=changed(facts.status, entry.name, changes))
    return None


def give_up(facts: RunFacts) -> Plan | None:
    """Over the budget: begin the way back that the user chose, unless nothing speaks against the commit."""
    stage = over(facts.run, facts.status)
    if facts.status.rollback is not None or facts.run.on_failure is OnFailure.HOLD:
        return None  # with Hold the status says so, and a person decides
    if stage is None:
        # Who failed may have left since; what was marked because of it is not sent anywhere all the same.
        bad = facts.fleet.is_bad(facts.run.commit)
        return begin(facts, BUDGET_EXCEEDED, Trigger(message="the commit is marked bad")) if bad else None
    if only_unreachable(facts.status, stage):
        return None
    entry = next(e for e in reversed(failures(facts.status, stage)) if e.failure != UNREACHABLE)
    return begin(facts, BUDGET_EXCEEDED, Trigger(cluster=entry.name, message=f"{entry.name}: {entry.message}"))


def superseded(facts: RunFacts) -> Plan | None:
    """A run that is not the newest goes nowhere: a way back that was asked for just as the next run began."""
    if facts.newest or facts.status.ended or facts.fleet.active_run == facts.name:
        return None
    words = f"{facts.run.short}: a newer run has begun; take that one back, or push what should be there"
    status = replace(facts.status, phase="RollbackIncomplete", ended_at=facts.now, hold=None)
    return Plan(words, (Announcement(words, warning=True, reason="Superseded"),), run=status)


def pin_back(facts: RunFacts) -> Plan | None:
    """A failed member within the budget is taken back alone; the run goes on."""
    if facts.status.rollback is not None or over(facts.run, facts.status) is not None:
        return None
    for entry in facts.status.clusters:
        if entry.phase == "Failed" and entry.dispatched_at is not None:
            return take_back(facts, [entry])
    return None


def take_back(facts: RunFacts, chosen: list[ClusterProgress]) -> Plan:
    """Write down for some members that they go back to what they had."""
    status, words = facts.status, []
    for entry in chosen:
        canary = canary_now(facts.looks.get(entry.name), entry, new_question=True)
        changes = {"turn_at": facts.now, "held_since": None, "attempt": "", "canary": canary}
        if entry.previous is None:
            text = f"{entry.name} has no commit that was proven there, so there is no way back"
            status = changed(status, entry.name, {"phase": "RollbackFailed", "message": text})
        else:
            text = f"{entry.name} goes back to {short(entry.previous)}"
            status = changed(status, entry.name, {**changes, "phase": "RollingBack", "pin": entry.previous})
        words.append(text)
    notes = tuple(Announcement(text, reason="RollingBack", step=str(facts.now)) for text in words)
    return Plan("; ".join(words), notes, run=status)


def may_go_on(facts: RunFacts) -> bool:
    """May anything new be dispatched?"""
    status = facts.status
    return not (
        facts.orphan
        or status.rollback is not None
        or effective_state(status) is not State.RUN
        or over(facts.run, status) is not None
        or facts.fleet.active_run != facts.name  # not adopted yet, or no longer
        or facts.fleet.is_bad(facts.run.commit)
    )


def may_dispatch(facts: RunFacts, entry: ClusterProgress) -> bool:
    """Is there room for this member in the stage that goes on now?"""
    stage = current_stage(facts.run, facts.status, facts.now)
    if stage is None or entry.name not in stage.clusters or not may_go_on(facts):
        return False
    at_work = [other for other in entries(facts.status, stage) if other.in_flight]
    return len(at_work) < stage.max_concurrency


def dispatch(facts: RunFacts) -> Plan | None:
    """Write down that a member is sent the commit; its pin follows in the next pass."""
    for entry in facts.status.clusters:
        look = facts.looks.get(entry.name)
        if look is None or entry.phase != "Pending" or not has_turn(entry) or not look.fresh:
            continue
        found = finding(facts, entry)
        if found.standing is not Standing.PROVEN or not may_dispatch(facts, entry):
            continue
        previous = None if found.message == "as it is" else way_home(facts, entry)
        canary = canary_now(look, entry, new_question=True)
        changes = {"phase": "Dispatched", "dispatched_at": facts.now, "pin": facts.run.commit, "previous": previous}
        status = changed(facts.status, entry.name, {**changes, "canary": canary, "message": "", "held_since": None})
        words = f"{facts.run.short} is sent to {entry.name}"
        if previous is None:
            words += "; no commit is proven there, so there is no way back"
        return Plan(words, (Announcement(words, previous is None, "Dispatched"),), run=status)
    return None


def way_home(facts: RunFacts, entry: ClusterProgress) -> str | None:
    """Return where the member could be taken back to: what it has, or current, where that is the commit itself."""
    if entry.pin != facts.run.commit:
        return entry.pin or None
    current = facts.fleet.current.commit if facts.fleet.current else ""
    return current if current not in ("", facts.run.commit) and not facts.fleet.is_bad(current) else None


def give_turn(facts: RunFacts) -> Plan | None:
    """Let the next member of the stage have its turn; deadlines count from here."""
    stage = current_stage(facts.run, facts.status, facts.now)
    if stage is None or not may_go_on(facts):
        return None
    if sum(takes_place(facts, entry) for entry in entries(facts.status, stage)) >= stage.max_concurrency:
        return None
    waiting = [entry for entry in entries(facts.status, stage) if entry.phase == "Pending" and entry.turn_at is None]
    awake = [entry for entry in waiting if not facts.looks[entry.name].suspended]
    others = [entry for entry in entries(facts.status, stage) if entry not in waiting]
    if not awake and not all(settled(entry) for entry in others):
        return None  # a suspended Cluster is waited for last
    for entry in awake or waiting:
        words = f"it is the turn of {entry.name}"
        notes = warnings_before(facts, entry)
        return Plan(words, notes, run=changed(facts.status, entry.name, {"turn_at": facts.now}))
    return None


def takes_place(facts: RunFacts, entry: ClusterProgress) -> bool:
    """Does the member count against maxConcurrency? One that is lost or asleep blocks nobody before its dispatch."""
    if entry.in_flight:
        return True
    if entry.phase != "Pending" or entry.turn_at is None:
        return False
    look = facts.looks[entry.name]
    return not look.lost and not look.suspended


def warnings_before(facts: RunFacts, entry: ClusterProgress) -> tuple[Announcement, ...]:
    """Return what must be said before a member is dispatched."""
    look, notes = facts.looks[entry.name], []
    if entry.previous is None:
        notes.append(f"{entry.name}: no commit is proven there yet, so there may be no way back")
    there = look.kustomization
    if there is not None and facts.run.rollback.progress_deadline < there.timeout:
        notes.append(
            f"{entry.name}: rollback.progressDeadline is shorter than the timeout of Kustomization "
            f"{facts.run.target.kustomization}, which may wait that long before it applies the commit before"
        )
    if refused(look):
        notes.append(f"{entry.name}: {refused(look)}")
    return tuple(Announcement(text, warning=True, reason="Warning") for text in notes)


def finish(facts: RunFacts) -> Plan | None:
    """End the run once every stage is complete and whoever failed is back."""
    status = facts.status
    if status.rollback is not None or over(facts.run, status) is not None:
        return None
    if not all(complete(status, stage, facts.now) for stage in facts.run.stages):
        return None
    if any(entry.phase in ("RollingBack", "Failed") and entry.dispatched_at for entry in status.clusters):
        return None
    there = [entry for entry in status.clusters if entry.phase != "Left"]
    phase: RunPhase = "Succeeded" if any(entry.phase == "Verified" for entry in there) else "Failed"
    words = f"{facts.run.short}: {phase}{failed_names(there)}"
    note = Announcement(words, warning=phase == "Failed", reason=phase)
    return Plan(words, (note,), run=replace(status, phase=phase, ended_at=facts.now, hold=None))


def failed_names(there: list[ClusterProgress]) -> str:
    names = [entry.name for entry in there if entry.failure]
    return f", failed on {', '.join(names)}" if names else ""
