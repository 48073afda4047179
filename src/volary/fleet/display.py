"""What a run shows: everything in its status that follows from the entries and the looks. Pure.

Every write of progress carries it, so a reader never sees an old summary beside a new phase.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from volary.fleet.budget import complete, current_stage, entries, failures, settled, soaked_at
from volary.fleet.facts import Look, RunFacts
from volary.fleet.holds import hold_of
from volary.fleet.progress import (
    BACK,
    ClusterProgress,
    Condition,
    Reachable,
    RunPhase,
    RunStatus,
    StagePhase,
    StageProgress,
    Where,
)
from volary.fleet.spec import Run, RunStage
from volary.fleet.turns import canary_now, has_turn, paused

LONGEST_MESSAGE = 1000  # one line for people; a thousand members must fit into one object


def described(facts: RunFacts, status: RunStatus) -> RunStatus:
    """Return the status with all that follows from it brought up to date."""
    if not status.phase:
        return status
    clusters = tuple(seen(facts, entry) for entry in status.clusters)
    status = replace(status, clusters=clusters, observed_generation=facts.generation)
    hold = hold_of(facts, status)
    status = replace(status, hold=hold, phase=phase_of(facts, status, hold is not None))
    stages = tuple(stage_progress(facts, status, stage) for stage in facts.run.stages)
    status = replace(status, stages=stages, revisions=revisions(clusters))
    there = [entry for entry in clusters if entry.phase != "Left"]
    verified = sum(entry.phase == "Verified" for entry in there)
    status = replace(status, stage=stage_text(facts, status), verified=f"{verified}/{len(there)}")
    status = replace(status, summary=summary(facts.run, status))
    return replace(status, conditions=(condition(facts, status),))


def seen(facts: RunFacts, entry: ClusterProgress) -> ClusterProgress:
    """Return one member's entry with what is seen of it now."""
    look = facts.looks.get(entry.name)
    if look is None or entry.phase == "Left" or facts.status.ended:
        return entry
    reachable: Reachable = look.reachable if look.reachable in ("True", "False") else "Unknown"  # type: ignore[assignment]
    if look.lost:
        return replace(entry, reachable=reachable)  # what was seen last stays, with a mark that it is old
    entry = replace(entry, reachable=reachable, uid=entry.uid or look.uid)
    if look.kustomization is not None:
        entry = replace(entry, observed=look.kustomization.applied)
    if entry.phase == "Pending":
        return first_pin(facts, entry)
    if entry.phase == "Dispatched" and look.repository and look.repository.pin == facts.run.commit:
        entry = replace(entry, phase="Progressing")
    if entry.take_pin and look.repository and look.repository.pin == entry.pin and not look.repository.drift:
        entry = replace(entry, take_pin=False)
    if has_turn(entry):
        entry = replace(entry, canary=canary_now(look, entry), message=message_of(look, entry))
    return entry


def first_pin(facts: RunFacts, entry: ClusterProgress) -> ClusterProgress:
    """A member that had no pin when the run began may have got its first one since."""
    member = facts.fleet.member(entry.name)
    if entry.pin or member is None:
        return entry
    return replace(entry, pin=member.pinned, previous=member.proven or None)


def message_of(look: Look, entry: ClusterProgress) -> str:
    """Keep the last warning: it is gone from the cluster long before people ask."""
    return (look.warning or entry.message)[:LONGEST_MESSAGE]


def phase_of(facts: RunFacts, status: RunStatus, holding: bool) -> RunPhase:
    if status.ended:
        return status.phase
    if status.rollback is not None:
        return "RollingBack"
    if paused(status):
        return "Paused"
    if holding:
        return "Holding"
    begun = any(entry.turn_at is not None for entry in status.clusters)
    return "Progressing" if begun else "Pending"


def stage_progress(facts: RunFacts, status: RunStatus, stage: RunStage) -> StageProgress:
    members = entries(status, stage)
    return StageProgress(
        name=stage.name,
        phase=stage_phase(facts, status, stage),
        verified=sum(entry.phase == "Verified" for entry in members),
        failed=len(failures(status, stage)),
        total=len(members),
    )


def stage_phase(facts: RunFacts, status: RunStatus, stage: RunStage) -> StagePhase:
    members = entries(status, stage)
    if not stage.clusters:
        return "Skipped"
    if status.rollback is not None:
        return stage_phase_back(status, members, len(failures(status, stage)) > stage.max_failures)
    if len(failures(status, stage)) > stage.max_failures:
        return "Failed"
    if complete(status, stage, facts.now):
        earlier = facts.run.stages[: facts.run.stages.index(stage)]
        done = all(complete(status, other, facts.now) for other in earlier)
        return "Succeeded" if done else "Pending"
    if stage is not current_stage(facts.run, status, facts.now) or status.ended:
        return "Pending"
    if soaked_at(status, stage) is not None:
        return "Soaking"
    if status.hold is not None:
        return "Holding"
    return "Progressing" if any(entry.turn_at for entry in members) else "Pending"


def stage_phase_back(status: RunStatus, members: Iterable[ClusterProgress], failed: bool) -> StagePhase:
    sent = [entry for entry in members if entry.dispatched_at is not None]
    if any(entry.phase == "RollingBack" for entry in sent):
        return "RollingBack"
    if sent and all(entry.phase == "RolledBack" for entry in sent):
        return "RolledBack"
    if failed or any(entry.phase == "RollbackFailed" for entry in sent):
        return "Failed"
    if not sent:
        return "Pending"
    return "Succeeded" if all(settled(entry) for entry in sent) else "Progressing"


def revisions(clusters: Iterable[ClusterProgress]) -> tuple[Where, ...]:
    """Return which commit is where; every member exactly once, those not read yet under ""."""
    groups: dict[str, list[str]] = {}
    for entry in clusters:
        if entry.phase != "Left":
            groups.setdefault(entry.observed, []).append(entry.name)
    return tuple(Where(commit, tuple(names)) for commit, names in groups.items())


def stage_text(facts: RunFacts, status: RunStatus) -> str:
    """Return "1/2 west": the stage that goes on, or the last one."""
    stages = facts.run.stages
    if not stages:
        return ""
    stage = current_stage(facts.run, status, facts.now) or stages[-1]
    return f"{stages.index(stage) + 1}/{len(stages)} {stage.name}"


def summary(run: Run, status: RunStatus) -> str:
    """Return "9f1c2ab on 0/2 clusters, stage 1/2 west: canary 30 %"."""
    there = [entry for entry in status.clusters if entry.phase != "Left"]
    back = [entry for entry in there if entry.phase in BACK]
    text = f"{run.short} on {status.verified} clusters"
    failed = [entry.name for entry in there if entry.failure]
    if status.ended:
        text += f": {status.phase}"
    elif status.rollback is not None:
        text += f": rolling back, {sum(e.phase == 'RolledBack' for e in back)}/{len(back)} are back"
    else:
        text += f", stage {status.stage}{activity(status)}"
    if failed:
        text += f"; failed on {', '.join(failed)}"
    missing = [entry.name for entry in there if entry.phase == "RollbackFailed"]
    return text + (f"; not back: {', '.join(missing)}" if missing else "")


def activity(status: RunStatus) -> str:
    """Return what goes on in the stage, for the end of a sentence."""
    if status.hold is not None:
        return f", holding: {status.hold.reason}"
    work = [entry for entry in status.clusters if entry.in_flight]
    if not work:
        return ""
    if len(work) > 1:
        return f": {len(work)} clusters at work"
    canary = work[0].canary
    if canary is None:
        return f": {work[0].name} at work"
    return f": canary {canary.weight} %" if canary.phase == "Progressing" else f": canary {canary.phase}"


def condition(facts: RunFacts, status: RunStatus) -> Condition:
    """Return Succeeded, which `kubectl wait --for=condition=succeeded` waits for."""
    if status.ended:
        kind, reason = ("True" if status.phase == "Succeeded" else "False"), status.phase
    else:
        kind, reason = "Unknown", status.phase or "Pending"
    old = status.conditions[0] if status.conditions else None
    since = old.last_transition_time if old and old.status == kind else facts.now
    message = status.summary
    return Condition("Succeeded", kind, str(reason), message, since, facts.generation)  # type: ignore[arg-type]


def soonest(*times: datetime | None) -> datetime | None:
    known = [time for time in times if time is not None]
    return min(known) if known else None
