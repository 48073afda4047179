"""How many failures a stage may have, what they are evidence of, and when a stage is done. Pure counting."""

from __future__ import annotations

from datetime import datetime

from volary.fleet.progress import EVIDENCE, ClusterProgress, RunStatus
from volary.fleet.spec import Run, RunStage

UNREACHABLE = "ClusterUnreachable"
TAKEN_BACK = "TakenBack"
BUDGET_EXCEEDED = "FailureBudgetExceeded"


def entries(status: RunStatus, stage: RunStage) -> tuple[ClusterProgress, ...]:
    """Return the stage's members; a Cluster that left counts neither way."""
    return tuple(entry for entry in status.clusters if entry.name in stage.clusters and entry.phase != "Left")


def failures(status: RunStatus, stage: RunStage) -> tuple[ClusterProgress, ...]:
    return tuple(entry for entry in entries(status, stage) if entry.failure)


def over(run: Run, status: RunStatus) -> RunStage | None:
    """Return the stage that has more failures than its budget, if any."""
    for stage in run.stages:
        if len(failures(status, stage)) > stage.max_failures:
            return stage
    return None


def only_unreachable(status: RunStatus, stage: RunStage) -> bool:
    """Have unreachable members alone failed? Then nothing speaks against the commit."""
    return all(entry.failure == UNREACHABLE for entry in failures(status, stage))


def is_bad(run: Run, status: RunStatus) -> bool:
    """Is the commit bad: failed by a canary or a Kustomization beyond the budget, or taken back by a person?"""
    if status.rollback is not None and status.rollback.reason == TAKEN_BACK:
        return True
    stage = over(run, status)
    return stage is not None and any(entry.failure in EVIDENCE for entry in failures(status, stage))


def settled(entry: ClusterProgress) -> bool:
    """Is the commit's question answered in this member?"""
    return entry.phase == "Verified" or bool(entry.failure)


def soaked_at(status: RunStatus, stage: RunStage) -> datetime | None:
    """Return when the stage's soak ends; None while it has not begun, or where nothing was verified."""
    members = entries(status, stage)
    times = [entry.verified_at for entry in members if entry.verified_at is not None]
    if not times or not all(settled(entry) for entry in members):
        return None
    return max(times) + stage.soak


def complete(status: RunStatus, stage: RunStage, now: datetime) -> bool:
    """May the next stage begin?"""
    if not all(settled(entry) for entry in entries(status, stage)):
        return False
    soaked = soaked_at(status, stage)
    return soaked is None or now >= soaked


def current_stage(run: Run, status: RunStatus, now: datetime) -> RunStage | None:
    """Return the first stage that is not complete; None: all are."""
    return next((stage for stage in run.stages if not complete(status, stage, now)), None)


def stage_of(run: Run, name: str) -> RunStage:
    return next(stage for stage in run.stages if name in stage.clusters)


def dispatched(status: RunStatus) -> list[ClusterProgress]:
    """Return the members that were dispatched and have not left, in order of dispatch."""
    there = [
        (entry.dispatched_at, index, entry) for index, entry in enumerate(status.clusters) if entry.phase != "Left"
    ]
    return [entry for _, _, entry in sorted((at, i, entry) for at, i, entry in there if at is not None)]
