"""What a FleetRollout and its runs ask for. How JSON spells it is for `wire.py` alone; how far we are is in
`progress.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from volary.fleet.names import short


@dataclass(frozen=True, slots=True)
class Ref:
    """An object in a cluster."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One matchExpressions entry."""

    key: str
    operator: str  # In | NotIn | Exists | DoesNotExist
    values: tuple[str, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case _:
                return self.key not in labels


@dataclass(frozen=True, slots=True)
class Selector:
    """A label selector; an empty one matches everything."""

    requirements: tuple[Requirement, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.requirements

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(requirement.holds(labels) for requirement in self.requirements)


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of clusters, or a percentage of them, rounded down."""

    value: int
    percent: bool = False

    def of(self, total: int, least: int = 0) -> int:
        """Return how many of `total` this is, at least `least`."""
        return max(total * self.value // 100 if self.percent else self.value, least)

    def __str__(self) -> str:
        return f"{self.value}%" if self.percent else str(self.value)


class OnFailure(StrEnum):
    """What happens once a stage has more failures than its budget."""

    ROLLBACK_PROMOTED = "RollbackPromoted"  # everywhere it went
    ROLLBACK_CLUSTER = "RollbackCluster"  # only where it failed
    HOLD = "Hold"  # touch nothing, wait for a person


class State(StrEnum):
    """What people ask of a run."""

    RUN = "Run"
    PAUSE = "Pause"
    ABORT = "Abort"
    ROLLBACK = "Rollback"


@dataclass(frozen=True, slots=True)
class Stage:
    """An ordered group of clusters, by selector."""

    name: str
    selector: Selector
    max_concurrency: Amount
    max_failures: Amount
    progress_deadline: timedelta
    soak: timedelta


@dataclass(frozen=True, slots=True)
class Rollback:
    """How a way back is made."""

    max_concurrency: Amount
    progress_deadline: timedelta


@dataclass(frozen=True, slots=True)
class Target:
    """The objects of the application in each member."""

    repository: Ref  # whose commit we pin
    kustomization: Ref
    canary: Ref | None  # None: health of the applied objects decides


@dataclass(frozen=True, slots=True)
class Rollout:
    """The spec of a FleetRollout, defaults filled in."""

    suspend: bool
    source: Ref  # the GitRepository in the hub that says which commit
    target: Target
    selector: Selector
    stages: tuple[Stage, ...]
    on_failure: OnFailure
    rollback: Rollback
    history_limit: int


@dataclass(frozen=True, slots=True)
class RunStage:
    """A stage as it was resolved when the run began."""

    name: str
    clusters: tuple[str, ...]  # in order of dispatch
    max_concurrency: int
    max_failures: int
    progress_deadline: timedelta
    soak: timedelta


@dataclass(frozen=True, slots=True)
class Run:
    """The spec of a FleetRolloutRun: frozen, but for `state`."""

    commit: str
    branch: str  # display only
    target: Target
    stages: tuple[RunStage, ...]
    on_failure: OnFailure
    rollback: Rollback
    state: State

    @property
    def short(self) -> str:
        return short(self.commit)

    @property
    def clusters(self) -> tuple[str, ...]:
        """Return all clusters, in order of dispatch."""
        return tuple(name for stage in self.stages for name in stage.clusters)
