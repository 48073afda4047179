"""What a FleetRollout shows: Ready, GitAhead, and which commit waits. Pure."""

from __future__ import annotations

from msgspec.structs import replace

from volary.fleet.facts import RolloutFacts, RunView
from volary.fleet.membership_rules import asked
from volary.fleet.names import short
from volary.fleet.progress import Condition, Queued, RolloutStatus
from volary.fleet.proof import Standing, pin_trouble
from volary.fleet.starting import obstacle
from volary.fleet.turns import refused

Shown = tuple[str, str, str]  # status, reason, message


def shown(facts: RolloutFacts, status: RolloutStatus) -> RolloutStatus:
    """Return the status with all that follows from it brought up to date."""
    status = replace(status, observed_generation=facts.generation, queued=queued(facts, status))
    ready, ahead = ready_of(facts, status), git_ahead(facts, status)
    conditions = (condition(facts, status, "Ready", ready), condition(facts, status, "GitAhead", ahead))
    return replace(status, conditions=conditions)


def condition(facts: RolloutFacts, status: RolloutStatus, kind: str, found: Shown) -> Condition:
    old = next((entry for entry in status.conditions if entry.type == kind), None)
    since = old.last_transition_time if old and old.status == found[0] else facts.now
    return Condition(kind, found[0], found[1], found[2], since, facts.generation)  # type: ignore[arg-type]


def queued(facts: RolloutFacts, status: RolloutStatus) -> Queued | None:
    """Return the commit that waits for the active run; only display, the hub's commit decides then."""
    if facts.active is None or facts.source is None or not facts.source.commit or not status.handled:
        return None
    commit = facts.source.commit
    if commit in (status.handled, facts.active.run.commit):
        return None
    return status.queued if status.queued and status.queued.commit == commit else Queued(commit, facts.now)


def ready_of(facts: RolloutFacts, status: RolloutStatus) -> Shown:
    reason, message = obstacle(facts)
    if reason:
        return "False", reason, message
    unprepared = not_prepared(facts)
    if unprepared:
        return "False", "MemberNotPrepared", "; ".join(unprepared)
    notes = remarks(facts)
    active = facts.active
    if active is not None:
        return "True", "RunInProgress", "; ".join([active.status.summary or f"{active.run.short} starts", *notes])
    if facts.spec is not None and facts.spec.suspend:
        return "True", "Suspended", "; ".join(["spec.suspend is true: no new run starts", *notes])
    return "True", "Idle", "; ".join([idle(status), *notes])


def idle(status: RolloutStatus) -> str:
    there = len(status.members)
    if status.current is not None:
        proven = sum(member.proven == status.current.commit for member in status.members)
        return f"{short(status.current.commit)} on {proven}/{there} clusters"
    proven = sum(bool(member.pinned) and member.proven == member.pinned for member in status.members)
    return f"first pins: {proven}/{there} clusters are proven"


def not_prepared(facts: RolloutFacts) -> list[str]:
    """Return a sentence for each member that cannot be pinned; unreachable ones are unknown, not unprepared."""
    found = []
    for name in sorted(facts.looks):
        look = facts.looks[name]
        assert facts.spec is not None
        ref = facts.spec.target.repository
        if look.lost:
            continue
        if look.repository is None:
            found.append(f"cluster {name} has no GitRepository {ref}; spec.source.member names it")
        elif refused(look):
            found.append(f"cluster {name}: GitRepository {ref}: {refused(look)}")
    return found


def remarks(facts: RolloutFacts) -> list[str]:
    """Return what people should know of the members beside the run."""
    found = []
    for name in sorted(facts.looks):
        look = facts.looks[name]
        if look.lost:
            found.append(f"{name} is unreachable")
            continue
        if look.repository is not None and look.repository.drift:
            trouble = pin_trouble(look.repository, facts.owner)
            found.append(f"{name}: {trouble}; `volary resume {facts.name} --take-pin {name}` overwrites it")
        if look.repository is not None and look.repository.feeds:
            found.append(f"{name}: the pin moves Kustomization {', '.join(look.repository.feeds)} too")
        found += unproven(facts, name)
    return found


def unproven(facts: RolloutFacts, name: str) -> list[str]:
    """Return why a member's pin is not proven, outside of runs."""
    member = facts.status.member(name)
    said = asked(facts, member) if member else None
    if said is None or said.standing is Standing.PROVEN or said.hold == "DeliveryDrift":
        return []
    return [f"{name}: {said.message}"]


def git_ahead(facts: RolloutFacts, status: RolloutStatus) -> Shown:
    """Return whether Git is ahead of the clusters, and why."""
    commit = facts.source.commit if facts.source else ""
    at = short(commit)
    if not commit:
        return "Unknown", "SourceNotReady", ""
    if facts.active is not None:
        return "True", "RunActive", f"{facts.active.run.short} is on its way"
    if status.current is not None and status.current.commit == commit:
        return "False", "UpToDate", ""
    mark = next((entry for entry in status.bad if entry.commit == commit), None)
    if mark is not None:
        by = f" in run {mark.run}" if mark.run else ""
        advice = f"push a new commit, or `volary retry {facts.name}`"
        message = f"rejected, Git ahead of cluster: {at} failed or was taken back{by}; {advice}"
        return "True", "RevisionMarkedBad", message
    if commit != status.handled:
        if facts.spec is not None and facts.spec.suspend:
            return "True", "Suspended", f"{at} waits: spec.suspend is true"
        return "True", "RunActive", f"a run of {at} is due"
    return after(facts, commit)


def after(facts: RolloutFacts, commit: str) -> Shown:
    """Return what became of a commit that was dealt with and is not everywhere."""
    view: RunView | None = next((run for run in reversed(facts.runs) if run.run.commit == commit), None)
    if view is None:
        return (
            "False",
            "UpToDate",
            f"{short(commit)} was there at the beginning; clusters follow from the next commit on",
        )
    if view.status.phase == "Aborted":
        return "True", "Aborted", f"run {view.name} was aborted; `volary retry {facts.name}` tries it again"
    return "True", "RunFailed", f"{view.status.summary}; `volary retry {facts.name}` tries it again"
