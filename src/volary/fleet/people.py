"""The words of people, taken once and written down before anything follows from them. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from volary.fleet.budget import TAKEN_BACK, is_bad
from volary.fleet.facts import RunFacts
from volary.fleet.names import AS_IS, BY, REASON, TAKE_PIN
from volary.fleet.plan import Announcement, Plan, RemoveAnnotations, Suspend
from volary.fleet.progress import ClusterProgress, Decision, RunStatus, Trigger, WayBack
from volary.fleet.spec import State
from volary.fleet.turns import WORDS, changed, effective_state, said

REFUSED = "refused: "

# From which word which other may follow. Abort and Rollback are final, but for the way back that remains open.
MAY_FOLLOW = {
    State.RUN: {State.PAUSE, State.ABORT, State.ROLLBACK},
    State.PAUSE: {State.RUN, State.ABORT, State.ROLLBACK},
    State.ABORT: {State.ROLLBACK},
    State.ROLLBACK: {State.RUN, State.PAUSE, State.ROLLBACK},
}


def take_state(facts: RunFacts) -> Plan | None:
    """Write a new word in `spec.state` down: who, when and why."""
    wanted, last = facts.run.state, last_asked(facts.status)
    if wanted is last:
        return None
    refusal = why_not(facts, wanted)
    if refusal:
        taken = decision(facts, f"{REFUSED}{wanted}", refusal)
        note = Announcement(f"{wanted} is refused: {refusal}", warning=True, reason="Refused", step=str(taken.at))
    else:
        taken = decision(facts, str(wanted))
        note = Announcement(f"{wanted}, asked for by {taken.by or 'somebody'}: {taken.reason or 'no reason given'}")
    status = replace(facts.status, decisions=(*facts.status.decisions, taken))
    return Plan(f"{wanted} was asked for", (note,), run=status)


def last_asked(status: RunStatus) -> State:
    """Return the last of the four words that was seen, taken or refused."""
    for entry in reversed(status.decisions):
        word = entry.state.removeprefix(REFUSED)
        if word in WORDS:
            return State(word)
    return State.RUN


def why_not(facts: RunFacts, wanted: State) -> str:
    """Return why a word cannot be taken, or ""."""
    if facts.status.ended and wanted is not State.ROLLBACK:
        return f"the run has ended ({facts.status.phase}); only Rollback is possible, and on the newest run"
    if wanted is State.ROLLBACK:
        return "" if facts.newest else "only the newest run can be taken back; a newer one has been since"
    before = effective_state(facts.status)
    if wanted is not before and wanted not in MAY_FOLLOW[before]:
        return f"after {before} comes none but {', '.join(sorted(MAY_FOLLOW[before]))}"
    return ""


def decision(facts: RunFacts, state: str, reason: str = "") -> Decision:
    notes = facts.annotations
    return Decision(at=facts.now, by=notes.get(BY, ""), state=state, reason=reason or notes.get(REASON, ""))


def take_annotation(facts: RunFacts) -> Plan | None:
    """Write `take-pin` and `as-is` down; once that is done, remove them."""
    for name, word in ((TAKE_PIN, "take-pin"), (AS_IS, "as-is")):
        cluster = facts.annotations.get(name)
        if cluster is None:
            continue
        entry = facts.status.cluster(cluster)
        if entry is None or facts.status.ended:
            why = "the run has ended; ask it of the FleetRollout" if entry else f"{cluster} takes no part in this run"
            note = Announcement(f"{name}: {why}", warning=True, reason="Refused")
            return Plan(f"{word} for a stranger", (note,), actions=(RemoveAnnotations((name, BY, REASON)),))
        if not taken_already(facts, entry, word):
            return take(facts, entry, word)
        return Plan(f"{word} {cluster} is written down", actions=(RemoveAnnotations((name, BY, REASON)),))
    return None


def taken_already(facts: RunFacts, entry: ClusterProgress, word: str) -> bool:
    """Is the word written down, or is there no foreign pin that it could be about?"""
    if word == "as-is":
        return said(facts.status, f"as-is {entry.name}")
    look = facts.looks.get(entry.name)
    pin_is_ours = bool(look and look.repository and look.repository.pin == entry.pin and not look.repository.drift)
    return entry.take_pin or pin_is_ours


def take(facts: RunFacts, entry: ClusterProgress, word: str) -> Plan:
    taken = decision(facts, f"{word} {entry.name}")
    status = replace(facts.status, decisions=(*facts.status.decisions, taken))
    if word == "take-pin":
        status = changed(status, entry.name, {"take_pin": True})
        note = Announcement(f"{entry.name}: a foreign pin will be overwritten, asked for by {taken.by or 'somebody'}")
    else:
        text = f"{entry.name} is taken as it is: nothing is proven there, so there is no way back"
        note = Announcement(text, warning=True, reason="AsIs")
    return Plan(f"{word} {entry.name} was asked for", (note,), run=status)


def forget_by(facts: RunFacts) -> Plan | None:
    """Who and why are written down with the word; left behind, they would be taken for the next one's."""
    left = tuple(name for name in (BY, REASON) if name in facts.annotations)
    if left and facts.run.state is last_asked(facts.status):
        return Plan("who and why are written down", actions=(RemoveAnnotations(left),))
    return None


def abort(facts: RunFacts) -> Plan | None:
    """End where it is; the FleetRollout sleeps first, so that nothing starts by itself."""
    if effective_state(facts.status) is not State.ABORT or facts.status.ended:
        return None
    if not facts.suspended and not facts.orphan:
        return Plan("aborted: the FleetRollout is suspended", actions=(Suspend(),))
    status = facts.status
    for entry in status.clusters:
        look = facts.looks.get(entry.name)
        if look and look.repository and look.repository.pin and look.repository.owner == facts.owner:
            # Pins stay as they are, also one that was written down and not yet made.
            status = changed(status, entry.name, {"pin": look.repository.pin})
    words = "Aborted: pins stay; canaries in flight go on (`volary rollback` stops them)"
    status = replace(status, phase="Aborted", ended_at=facts.now, hold=None)
    return Plan(words, (Announcement(words, warning=True, reason="Aborted"),), run=status)


def taken_back(facts: RunFacts) -> Plan | None:
    """Begin the way back that a person asked for."""
    status = facts.status
    if effective_state(status) is not State.ROLLBACK:
        return None
    if status.rollback is not None and status.rollback.reason == TAKEN_BACK and not asked_again(status):
        return None
    last = next(entry for entry in reversed(status.decisions) if entry.state == State.ROLLBACK)
    why = f"taken back by {last.by or 'somebody'}" + (f": {last.reason}" if last.reason else "")
    return begin(facts, TAKEN_BACK, Trigger(message=why))


def asked_again(status: RunStatus) -> bool:
    """Was Rollback said once more after the way back had ended?"""
    assert status.rollback is not None
    later = status.decisions[status.rollback.decisions_before :]
    return status.ended and any(entry.state == State.ROLLBACK for entry in later)


def begin(facts: RunFacts, reason: str, trigger: Trigger) -> Plan:
    """Begin a way back; whom it concerns is decided by `way_back`."""
    status = facts.status
    back = WayBack(started_at=facts.now, reason=reason, trigger=trigger, decisions_before=len(status.decisions))
    clusters = tuple(as_it_stands(facts, entry) for entry in status.clusters)
    status = replace(status, phase="RollingBack", rollback=back, ended_at=None, hold=None, clusters=clusters)
    bad = "; the commit is marked bad" if is_bad(facts.run, status) else ""
    words = f"Rolling back {facts.run.short}: {trigger.message}{bad}"
    return Plan(words, (Announcement(words, warning=True, reason="RollingBack"),), run=status)


def as_it_stands(facts: RunFacts, entry: ClusterProgress) -> ClusterProgress:
    """Return an entry as a way back finds it: what was written down and never sent is not sent any more."""
    if entry.phase in ("RollingBack", "RollbackFailed"):
        return replace(entry, phase="Failed")  # to be sent back (again); an Abort may have ended it half way
    look = facts.looks.get(entry.name)
    known = look.repository if look and not look.lost else None
    if entry.phase != "Dispatched" or known is None or known.pin == facts.run.commit:
        return entry
    pin = entry.previous or known.pin
    return replace(entry, phase="Pending", pin=pin, turn_at=None, dispatched_at=None, held_since=None)
