"""How far we are: the statuses of FleetRollout, FleetRolloutRun and Cluster, exactly as they are stored.

They are msgspec Structs rather than dataclasses with a translation, because the stored form and the form that rules
work with must not differ: a field that does not survive the API server cannot be decided on. Times are whole seconds
of the hub API server's clock.
Source: the project's own kinds, `volary.dev/v1alpha1`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class Progress(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """Base: camelCase in JSON; what has its default is not written."""


class Condition(Progress, frozen=True):
    """One status condition."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""
    last_transition_time: datetime | None = None
    observed_generation: int | None = None


# -- Cluster

Reachable = Literal["True", "False", "Unknown"]


class ClusterStatus(Progress, frozen=True):
    observed_generation: int = 0
    uid: str = ""  # of the kube-system namespace
    version: str = ""
    conditions: tuple[Condition, ...] = ()


# -- FleetRollout


class Queued(Progress, frozen=True):
    """A commit that waits for the active run to end."""

    commit: str
    since: datetime | None = None


class Current(Progress, frozen=True):
    """The last commit proven in all members; no run after the first installation."""

    commit: str
    run: str = ""


class MemberStatus(Progress, frozen=True):
    """What is known to be good in one member, for the way back and for newcomers."""

    name: str
    uid: str = ""
    pinned: str = ""  # what its GitRepository should be pinned to
    proven: str = ""
    since: datetime | None = None
    newcomer: bool = False  # joined after `current` was known, and no run has dispatched it since
    take_pin: bool = False  # a person said that a foreign pin may be overwritten


class Bad(Progress, frozen=True):
    """A commit that starts no run."""

    commit: str
    run: str = ""
    since: datetime | None = None


class Decision(Progress, frozen=True):
    """One word of a person."""

    at: datetime
    by: str = ""
    state: str = ""  # Run, Pause, Abort, Rollback; or "take-pin CLUSTER", "as-is CLUSTER", "retry COMMIT"
    reason: str = ""


class Retry(Progress, frozen=True):
    """A retry that has been taken and is not a run yet."""

    commit: str
    at: datetime
    by: str = ""
    reason: str = ""


class RolloutStatus(Progress, frozen=True):
    observed_generation: int = 0
    handled: str = ""
    active_run: str = ""
    queued: Queued | None = None
    current: Current | None = None
    members: tuple[MemberStatus, ...] = ()
    bad: tuple[Bad, ...] = ()
    retry: Retry | None = None
    decisions: tuple[Decision, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def member(self, name: str) -> MemberStatus | None:
        return next((entry for entry in self.members if entry.name == name), None)

    def is_bad(self, commit: str) -> bool:
        return any(entry.commit == commit for entry in self.bad)


# -- FleetRolloutRun

RunPhase = Literal[
    "", "Pending", "Progressing", "Paused", "Holding", "RollingBack",
    "Succeeded", "Failed", "RolledBack", "RollbackIncomplete", "Aborted",
]  # fmt: skip
ENDED: frozenset[str] = frozenset({"Succeeded", "Failed", "RolledBack", "RollbackIncomplete", "Aborted"})

ClusterPhase = Literal[
    "Pending", "Dispatched", "Progressing", "Verified", "Failed", "Left", "RollingBack", "RolledBack", "RollbackFailed",
]  # fmt: skip
IN_FLIGHT: frozenset[str] = frozenset({"Dispatched", "Progressing"})
BACK: frozenset[str] = frozenset({"RollingBack", "RolledBack", "RollbackFailed"})

HoldReason = Literal[
    "SoakTime", "ClusterUnreachable", "ClusterDegradedBefore", "DeliveryDrift", "MemberSuspended", "CanaryNotFound",
    "CanaryNotProgressing", "KustomizationNotReady", "SourceNotReady", "AwaitingApproval", "FailureBudgetExceeded",
    "PausedByUser",
]  # fmt: skip

Failure = Literal[
    "", "CanaryFailed", "BuildFailed", "ReconciliationFailed", "ProgressDeadlineExceeded", "ClusterUnreachable",
]  # fmt: skip
EVIDENCE: frozenset[str] = frozenset({"CanaryFailed", "BuildFailed", "ReconciliationFailed"})

StagePhase = Literal[
    "Pending", "Progressing", "Holding", "Soaking", "Succeeded", "Failed", "Skipped", "RollingBack", "RolledBack",
]  # fmt: skip


class Hold(Progress, frozen=True, omit_defaults=False):
    """Why nothing moves; has `until` or `unblock`, or its message names the object to mend."""

    reason: HoldReason
    since: datetime
    until: datetime | None = None
    cluster: str | None = None
    message: str = ""
    unblock: str | None = None


class Before(Progress, frozen=True):
    """The canary as it was when we last asked something of the member: old failures are not blamed on the new."""

    phase: str = ""
    last_update_time: str = ""


class CanaryStatus(Progress, frozen=True, omit_defaults=False):
    phase: str = ""
    weight: int = 0
    failed_checks: int = 0
    before: Before | None = None


class ClusterProgress(Progress, frozen=True, kw_only=True):
    """One member's way through the run."""

    name: str
    uid: str = ""
    phase: ClusterPhase
    reachable: Reachable = "Unknown"
    pin: str = ""  # what we last wrote there
    observed: str = ""  # commit of the Kustomization's lastAppliedRevision
    previous: str | None = None  # the last commit proven there; None: there is no way back
    turn_at: datetime | None = None  # deadlines count from here
    held_since: datetime | None = None  # the clock of the deadline stands still since
    dispatched_at: datetime | None = None
    verified_at: datetime | None = None
    failure: Failure = ""  # stays on the way back
    attempt: str = ""  # the first failed attempt of the Kustomization at this commit
    take_pin: bool = False  # a person said that a foreign pin may be overwritten
    canary: CanaryStatus | None = None
    message: str = ""

    @property
    def in_flight(self) -> bool:
        return self.phase in IN_FLIGHT

    @property
    def before(self) -> Before | None:
        return self.canary.before if self.canary else None


class StageProgress(Progress, frozen=True, omit_defaults=False):
    name: str
    phase: StagePhase
    verified: int = 0
    failed: int = 0
    total: int = 0


class Where(Progress, frozen=True):
    """Which commit is in which clusters."""

    commit: str
    clusters: tuple[str, ...]


class Trigger(Progress, frozen=True):
    cluster: str = ""
    message: str = ""


class WayBack(Progress, frozen=True):
    """Set from the first moment of a way back."""

    started_at: datetime
    reason: str  # FailureBudgetExceeded | TakenBack
    trigger: Trigger | None = None
    decisions_before: int = 0  # words of people that were said before it began; a Pause among them does not hold it


class RunStatus(Progress, frozen=True, omit_defaults=False):
    observed_generation: int = 0
    phase: RunPhase = ""
    summary: str = ""
    stage: str = ""
    verified: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    hold: Hold | None = None
    stages: tuple[StageProgress, ...] = ()
    clusters: tuple[ClusterProgress, ...] = ()
    revisions: tuple[Where, ...] = ()
    rollback: WayBack | None = None
    decisions: tuple[Decision, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def ended(self) -> bool:
        return self.phase in ENDED

    def cluster(self, name: str) -> ClusterProgress | None:
        return next((entry for entry in self.clusters if entry.name == name), None)
