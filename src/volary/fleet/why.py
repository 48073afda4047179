"""One sentence: where is my commit, and why is it not moving? Pure; made from what is stored, so it works offline.

The run's own words carry the metric, its value and its limit; the command that would help comes last.
"""

from __future__ import annotations

from collections.abc import Sequence

from volary.fleet import wire
from volary.fleet.names import NUMBER, short
from volary.fleet.progress import ClusterProgress, Condition, Hold, RolloutStatus, RunStatus
from volary.kube.decoding import BadField
from volary.kube.objects import Object, dig, format_time, labels_of, name_of


def why(rollout: Object, runs: Sequence[Object]) -> str:
    """Return the sentence for a FleetRollout and its runs."""
    name = name_of(rollout)
    try:
        status = wire.status_of(RolloutStatus, rollout)
        newest = max(runs, key=number, default=None)
        run = wire.status_of(RunStatus, newest) if newest is not None else None
    except BadField as error:
        return sentence(f"{name}: {error}")
    if not status.conditions:
        return sentence(f"{name} has not been looked at yet: is `volary run` at work in the hub?")
    ready = find(status.conditions, "Ready")
    if newest is None or run is None:
        return sentence(f"{name}: {ready.message if ready else 'nothing is known'}")
    commit = short(str(dig(newest, "spec", "revision", "commit") or ""))
    if not run.ended:
        return sentence(f"{commit} is on {where(run)}; {moving(name, run)}{then(status)}")
    return sentence(ended(name, commit, status, run) + trouble(ready))


def number(run: Object) -> int:
    text = labels_of(run).get(NUMBER, "")
    return int(text) if text.isdigit() else 0


def find(conditions: Sequence[Condition], kind: str) -> Condition | None:
    return next((entry for entry in conditions if entry.type == kind), None)


def sentence(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."


def where(run: RunStatus) -> str:
    """Return "1/2 clusters (west), stage 2/2 rest"."""
    names = [entry.name for entry in run.clusters if entry.phase == "Verified"]
    shown = f" ({', '.join(names)})" if names else ""
    return f"{run.verified} clusters{shown}, stage {run.stage}"


def moving(name: str, run: RunStatus) -> str:
    """Return what goes on, or what it waits for."""
    if run.rollback is not None:
        why_back = f": {run.rollback.trigger.message}" if run.rollback.trigger else ""
        return f"it is being taken back{why_back}{held(run.hold)}"
    if run.hold is not None:
        return f"it is not moving{held(run.hold)}"
    work = [entry for entry in run.clusters if entry.in_flight]
    if not work:
        return "it is between two steps"
    return "it is moving: " + ", ".join(at_work(entry) for entry in work)


def at_work(entry: ClusterProgress) -> str:
    canary = entry.canary
    text = f"{entry.name} at work"
    if canary is not None and canary.phase:
        text = f"{entry.name}: canary {canary.weight} %" if canary.weight else f"{entry.name}: canary {canary.phase}"
    return f"{text} ({entry.message})" if entry.message else text


def held(hold: Hold | None) -> str:
    if hold is None:
        return ""
    end = f", until {format_time(hold.until)}" if hold.until else ""
    command = f"; `{hold.unblock}` goes on" if hold.unblock else ""
    return f": {hold.reason}, {hold.message}{end}{command}"


def then(status: RolloutStatus) -> str:
    return f"; {short(status.queued.commit)} waits behind it" if status.queued else ""


def ended(name: str, commit: str, status: RolloutStatus, run: RunStatus) -> str:
    """Return what became of the newest run, and what Git says since."""
    if run.phase == "Succeeded":
        return succeeded(name, commit, status, run)
    if run.phase == "Aborted":
        return f"{commit} was aborted on {run.verified} clusters and pins stay; `volary rollback {name}` takes it back"
    reason = cause(run)
    current = f"; the fleet is on {short(status.current.commit)}" if status.current else ""
    missing = [entry.name for entry in run.clusters if entry.phase == "RollbackFailed"]
    back = {
        "RolledBack": f"was rejected and taken back everywhere{current}",
        "RollbackIncomplete": f"was rejected, but {', '.join(missing)} did not come back",
    }.get(run.phase, f"failed on {run.verified} verified clusters")
    ahead = find(status.conditions, "GitAhead")
    git = "; rejected, Git ahead of cluster" if ahead and ahead.reason == "RevisionMarkedBad" else ""
    return f"{commit} {back}: {reason}{git}; push a new commit, or `volary retry {name}`"


def succeeded(name: str, commit: str, status: RolloutStatus, run: RunStatus) -> str:
    failed = [entry for entry in run.clusters if entry.failure]
    text = f"{commit} is on {run.verified} clusters"
    if failed:
        text += f", but failed on {', '.join(f'{entry.name} ({entry.message})' for entry in failed)}"
    ahead = find(status.conditions, "GitAhead")
    if ahead is not None and ahead.status == "True" and ahead.reason != "RunFailed":
        text += f"; {ahead.message}"
    return text


def cause(run: RunStatus) -> str:
    """Return why the run went wrong: the person's word, or what the first member that failed said."""
    if run.rollback is not None and run.rollback.reason == "TakenBack" and run.rollback.trigger:
        return run.rollback.trigger.message
    failed = [entry for entry in run.clusters if entry.failure]
    if not failed:
        return run.summary
    return "; ".join(f"on {entry.name}: {entry.message or entry.failure}" for entry in failed)


def trouble(ready: Condition | None) -> str:
    """Return what stands in the way of the next run."""
    return f"; {ready.reason}: {ready.message}" if ready is not None and ready.status == "False" else ""
