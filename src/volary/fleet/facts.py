"""What one look at the hub and the members showed; all that decisions may rest on.

A member's objects are read through caches that lag, each on its own. So whatever would be written down for good
(dispatched, verified, failed, taken back) needs a *fresh* look: the objects themselves, read after the pin was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from volary.fleet.progress import RolloutStatus, RunStatus
from volary.fleet.spec import Rollout, Run

IDLE_PHASES = frozenset({"Initialized", "Succeeded", "Failed"})  # an unmodified Flagger stays in Failed
APPROVAL_PHASES = frozenset({"Waiting", "WaitingPromotion"})


@dataclass(frozen=True, slots=True)
class Ready:
    """A Ready condition."""

    status: str = ""  # True | False | Unknown; "" when there is none
    reason: str = ""
    message: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """The member's GitRepository."""

    version: str = ""  # resourceVersion: a pin is written on this look or not at all
    generation: int = 1
    observed: int = 1
    pin: str = ""  # spec.ref.commit
    owner: str = ""  # annotation pinned-by
    artifact: str = ""  # commit
    ready: Ready = Ready("True")
    suspended: bool = False
    drift: str = ""  # the field manager that owns another pin, as the API server said; "" when none
    applied_by: str = ""  # NAMESPACE/NAME of the Kustomization that brought this object, where it feeds that one itself
    feeds: tuple[str, ...] = ()  # other Kustomizations that a pin moves too


@dataclass(frozen=True, slots=True)
class Kustomized:
    """The member's Kustomization."""

    generation: int = 1
    observed: int = 1
    applied: str = ""  # commit
    attempted: str = ""  # commit
    ready: Ready = Ready("True")
    suspended: bool = False
    attempt: str = ""  # changes with each attempt; compared for inequality only
    timeout: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class CanaryLook:
    """The member's Canary and what it stands for."""

    phase: str = "Succeeded"
    weight: int = 0
    failed_checks: int = 0
    updated: str = ""  # lastUpdateTime of the Promoted condition, as written; compared for inequality only
    changed_at: datetime | None = None
    suspended: bool = False
    same: bool = True  # primary and target are one revision: templates, and configuration as far as it was read
    difference: str = ""  # where they differ, for people
    at_gate: bool = False  # its last word was that it waits for its own gate
    interval: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Look:
    """One member as it was last seen."""

    name: str
    uid: str = "uid"
    labels: Mapping[str, str] = field(default_factory=dict)
    suspended: bool = False  # the Cluster object
    reachable: str = "True"
    reason: str = ""
    message: str = ""
    read: bool = True  # False: the caches are not filled yet
    fresh: bool = False
    unreadable: str = ""  # why a fresh look was not to be had, just now
    repository: Repository | None = Repository()
    kustomization: Kustomized | None = Kustomized()
    canary: CanaryLook | None = None
    unhealthy: str = ""  # without a canary: the first applied object that is not Current, and why
    warning: str = ""  # the Warning that says best why it does not move
    is_source: bool = False  # its GitRepository is the hub's source object itself

    @property
    def lost(self) -> bool:
        """Is nothing known of it now?"""
        return self.reachable != "True" or not self.read


@dataclass(frozen=True, slots=True)
class RunFacts:
    """All that a run's decisions may look at."""

    key: str  # NAMESPACE/NAME of the run
    name: str
    generation: int
    annotations: Mapping[str, str]
    run: Run
    status: RunStatus
    looks: Mapping[str, Look]  # by cluster name; absent: its Cluster is gone
    rollout: str  # name of the FleetRollout
    owner: str  # NAMESPACE/NAME of the FleetRollout, as it stands in `pinned-by`
    fleet: RolloutStatus
    now: datetime  # by the hub's clock
    newest: bool = True
    orphan: bool = False  # the FleetRollout is being deleted or gone: dispatch nothing
    suspended: bool = False  # FleetRollout.spec.suspend


@dataclass(frozen=True, slots=True)
class Source:
    """The GitRepository in the hub that says which commit."""

    commit: str = ""
    branch: str = ""
    ready: Ready = Ready("True")
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as its FleetRollout sees it."""

    name: str
    number: int
    run: Run
    status: RunStatus
    decided_at: str = ""  # the retry that it answers
    uid: str = ""
    deleting: bool = False


@dataclass(frozen=True, slots=True)
class RolloutFacts:
    """All that a FleetRollout's decisions may look at."""

    name: str
    owner: str  # NAMESPACE/NAME
    generation: int
    annotations: Mapping[str, str]
    spec: Rollout | None
    problem: str  # a sentence when the spec cannot be used
    status: RolloutStatus
    source: Source | None
    looks: Mapping[str, Look]  # the Clusters that its selector names
    runs: tuple[RunView, ...]  # oldest first
    now: datetime
    finalizer: bool = True
    deleted_at: datetime | None = None

    @property
    def newest(self) -> RunView | None:
        return self.runs[-1] if self.runs else None

    @property
    def active(self) -> RunView | None:
        """Return the run that goes on, if any: only the newest can."""
        newest = self.newest
        return newest if newest and not newest.status.ended else None
