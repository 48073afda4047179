"""What people can say, as patches: which object, which fields, and a sentence where it cannot be said now. Pure.

`spec.state` of the run is a field; the rest are annotations that the controllers take once and remove.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from volary.fleet import wire
from volary.fleet.names import AS_IS, BY, REASON, RETRY, TAKE_PIN, short
from volary.fleet.progress import HoldReason, RolloutStatus, RunStatus
from volary.fleet.why import number
from volary.kube.objects import NewObject, Object, Resource, dig, name_of, namespace_of
from volary.kube.resources import FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS

FULL = re.compile("[0-9a-f]{40}")


class Impossible(Exception):
    """It cannot be done now; the text says why, and what can."""


@dataclass(frozen=True, slots=True)
class Words:
    """Who says it, and why."""

    by: str
    reason: str

    def annotations(self) -> dict[str, str]:
        return {BY: self.by, REASON: self.reason}


@dataclass(frozen=True, slots=True)
class Patch:
    """One merge patch, and what to tell the person who asked."""

    resource: Resource
    namespace: str
    name: str
    body: NewObject
    note: str


class Fleet:
    """A FleetRollout and its runs, as they are now."""

    def __init__(self, rollout: Object, runs: Sequence[Object]) -> None:
        self.rollout = rollout
        self.runs = runs
        self.name = name_of(rollout)
        self.status = wire.status_of(RolloutStatus, rollout)
        self.newest = max(runs, key=number, default=None)
        self.run = wire.status_of(RunStatus, self.newest) if self.newest is not None else RunStatus()

    @property
    def active(self) -> bool:
        return self.newest is not None and not self.run.ended

    @property
    def short(self) -> str:
        return short(str(dig(self.newest, "spec", "revision", "commit") or ""))

    def must_be_active(self, what: str) -> Object:
        """Return the run that goes on. Raises: Impossible."""
        if self.newest is None or self.run.ended:
            last = f"; the last one, of {self.short}, ended {self.run.phase}" if self.newest is not None else ""
            raise Impossible(f"{self.name} has no run that goes on, so there is nothing to {what}{last}")
        return self.newest


def pause(fleet: Fleet, words: Words) -> Patch:
    """Dispatch nothing new. Raises: Impossible."""
    run = fleet.must_be_active("pause")
    return state(run, "Pause", words, f"{fleet.short} is paused; canaries in flight go on")


def resume(fleet: Fleet, words: Words) -> Patch:
    """Go on: with the run, or, where none is active, with starting runs. Raises: Impossible."""
    if fleet.active and fleet.newest is not None and dig(fleet.newest, "spec", "state") == "Pause":
        return state(fleet.newest, "Run", words, f"{fleet.short} goes on")
    if fleet.active and fleet.run.hold is not None and not dig(fleet.rollout, "spec", "suspend"):
        hold = fleet.run.hold
        how = f"; what goes on from there: {hold.unblock}" if hold.unblock else ""
        raise Impossible(f"{fleet.short} is not paused; it waits: {hold.reason}, {hold.message}{how}")
    if not dig(fleet.rollout, "spec", "suspend"):
        raise Impossible(f"{fleet.name} is neither paused nor suspended")
    body: NewObject = {"spec": {"suspend": False}}
    return on_rollout(fleet, body, f"{fleet.name} is not suspended any more: the next commit starts a run")


def abort(fleet: Fleet, words: Words) -> Patch:
    """End the run where it is. Raises: Impossible."""
    run = fleet.must_be_active("abort")
    note = (
        f"{fleet.short} ends where it is, pins stay, and {fleet.name} is suspended; "
        f"a canary in flight is not stopped by this, `volary rollback {fleet.name}` would"
    )
    return state(run, "Abort", words, note)


def rollback(fleet: Fleet, words: Words) -> Patch:
    """Take the newest run back everywhere it went. Raises: Impossible."""
    if fleet.newest is None:
        raise Impossible(f"{fleet.name} has had no run, so there is nothing to take back")
    if fleet.run.phase == "RolledBack":
        raise Impossible(f"{fleet.short} has been taken back already")
    note = f"{fleet.short} is taken back everywhere it went, and marked bad"
    return state(fleet.newest, "Rollback", words, note)


def retry(fleet: Fleet, words: Words, commit: str = "") -> Patch:
    """Try a commit again: the one named, else the last that was marked bad or whose run did not succeed."""
    wanted = full_commit(fleet, commit) if commit else last_rejected(fleet)
    if not wanted:
        raise Impossible(f"no commit of {fleet.name} was rejected; name one with --commit")
    body = {"metadata": {"annotations": {RETRY: wanted, **words.annotations()}}}
    waits = "; it waits: spec.suspend is true" if dig(fleet.rollout, "spec", "suspend") else ""
    return on_rollout(fleet, body, f"{short(wanted)} is tried again{waits}")


def full_commit(fleet: Fleet, digits: str) -> str:
    """Return the commit that begins with these digits. Raises: Impossible when none does, or several do."""
    known = known_commits(fleet)
    if FULL.fullmatch(digits):
        return digits
    found = [commit for commit in known if commit.startswith(digits)]
    if len(found) == 1:
        return found[0]
    if found:
        raise Impossible(f"--commit {digits} means {len(found)} commits: {', '.join(found)}; write more digits")
    there = ", ".join(map(short, known)) or "none"
    raise Impossible(f"{fleet.name} knows no commit {digits}; it knows: {there}; any other by all its 40 digits")


def known_commits(fleet: Fleet) -> list[str]:
    """Return the commits of the runs, the bad ones and the hub's own, each once, sorted."""
    status = fleet.status
    named = [entry.commit for entry in (*status.bad, status.current, status.queued) if entry is not None]
    runs = [str(dig(run, "spec", "revision", "commit") or "") for run in fleet.runs]
    return sorted({commit for commit in (*named, *runs, status.handled) if commit})


def last_rejected(fleet: Fleet) -> str:
    if fleet.newest is not None and fleet.run.ended and fleet.run.phase != "Succeeded":
        return str(dig(fleet.newest, "spec", "revision", "commit") or "")
    return fleet.status.bad[-1].commit if fleet.status.bad else ""


def take_pin(fleet: Fleet, words: Words, cluster: str = "") -> Patch:
    """Overwrite a pin that somebody else has set in one member: that named, else that held. Raises: Impossible."""
    cluster = cluster or held(fleet, "DeliveryDrift", "take the pin")
    known = [member.name for member in fleet.status.members]
    if cluster not in known:
        raise Impossible(f"{cluster} is no member of {fleet.name}; members: {', '.join(known) or 'none'}")
    annotations = {TAKE_PIN: cluster, **words.annotations()}
    note = f"{cluster}: our pin overwrites the other one"
    if fleet.active and fleet.newest is not None and fleet.run.cluster(cluster):
        return annotate(fleet.newest, annotations, note)
    return on_rollout(fleet, {"metadata": {"annotations": annotations}}, note)


def as_is(fleet: Fleet, words: Words, cluster: str = "") -> Patch:
    """Send the commit to a member that is not proven as it stands: that named, else that held. Raises: Impossible."""
    run = fleet.must_be_active("go on with")
    cluster = cluster or held(fleet, "ClusterDegradedBefore", "go on with")
    entry = fleet.run.cluster(cluster)
    if entry is None:
        known = ", ".join(member.name for member in fleet.run.clusters)
        raise Impossible(f"{cluster} takes no part in this run; clusters: {known}")
    if entry.phase != "Pending":
        raise Impossible(f"{cluster} has been dispatched already, it is {entry.phase}")
    note = f"{cluster} is taken as it is; there is then no way back for it"
    return annotate(run, {AS_IS: cluster, **words.annotations()}, note)


def held(fleet: Fleet, reason: HoldReason, what: str) -> str:
    """Return the cluster that the run waits for with this reason. Raises: Impossible."""
    hold = fleet.run.hold
    if hold is None or hold.reason != reason or not hold.cluster:
        raise Impossible(f"no cluster of {fleet.name} waits with {reason}; name the one to {what} with --cluster")
    return hold.cluster


# -- patches


def state(run: Object, wanted: str, words: Words, note: str) -> Patch:
    body: NewObject = {"metadata": {"annotations": words.annotations()}, "spec": {"state": wanted}}
    return Patch(FLEET_ROLLOUT_RUNS, namespace_of(run), name_of(run), body, note)


def annotate(run: Object, annotations: dict[str, str], note: str) -> Patch:
    body: NewObject = {"metadata": {"annotations": annotations}}
    return Patch(FLEET_ROLLOUT_RUNS, namespace_of(run), name_of(run), body, note)


def on_rollout(fleet: Fleet, body: NewObject, note: str) -> Patch:
    return Patch(FLEET_ROLLOUTS, namespace_of(fleet.rollout), fleet.name, body, note)
