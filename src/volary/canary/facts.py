"""What one look at the cluster showed. Read in one pass, never changed; all that `decide` may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from volary.canary.hashes import is_ours, trial_of
from volary.canary.plan import Part, Question
from volary.canary.spec import Progress, Spec
from volary.runtime.events import Line

Tracked = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Names:
    """What messages call things: NAME.NAMESPACE."""

    canary: str
    target: str
    primary: str


@dataclass(frozen=True, slots=True)
class Workload:
    """One side of the split."""

    replicas: int  # asked for
    ready: bool = False  # the rollout of its present template is done
    serving: bool = False  # at least one Pod can answer
    hopeless: bool = False  # the progress deadline has passed
    because: str = ""  # why it is not ready
    deadline: datetime | None = None  # when it will be hopeless, if nothing changes; None: somebody will tell us


class Outcome(StrEnum):
    """What came of a question."""

    YES = "yes"  # a hook agreed
    NO = "no"  # a hook refused, or could not be asked
    VALUE = "value"
    EMPTY = "empty"  # the metric has no value
    UNKNOWN = "unknown"  # measuring failed; nothing is known about the metric


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question, and when."""

    outcome: Outcome
    at: datetime
    value: float = 0.0
    text: str = ""  # why, for NO and UNKNOWN


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything `decide` may look at."""

    names: Names
    spec: Spec
    progress: Progress
    revision: str = ""  # of the target's pod template; "" while there is no target
    tracked: Tracked = ()  # checksums of the target's configuration now
    missing: tuple[Line, ...] = ()  # a line for each object that the target needs and that is not there
    target: Workload | None = None
    primary: Workload | None = None
    same: bool = False  # target and primary run the same, but for what differs by design
    primary_trial: str = ""  # what was last copied into the primary (`hashes.trial_of`), as the primary itself says
    pod_hash: str = ""  # the target's pod-template-hash, looked up only where a status of Flagger's must be understood
    scale_to: int = 1  # how many Pods the target gets when it is started
    weight: int | None = None  # percent that the router sends to the canary, read back; None: no route of ours there
    route_differs: bool = False  # in more than its weights from what the Canary asks for
    foreign: bool = False  # the route was changed or deleted by somebody else since it was last as it should be
    early: tuple[Part, ...] = ()  # parts to make before the primary is ready
    late: tuple[Part, ...] = ()  # parts to make after it
    autoscaler: Part | None = None  # the primary's autoscaler, where it differs from the target's
    answers: Mapping[Question, Answer] = field(default_factory=dict)
    asked: frozenset[Question] = frozenset()  # questions under way
    stalled: bool = False  # the status says that a person is needed; `observe` found nothing of the kind

    @property
    def canary_can_serve(self) -> bool:
        """Does the revision on trial, and no other, have Pods that can answer?"""
        return self.target is not None and self.target.serving and self.revision == self.progress.applied

    @property
    def primary_can_serve(self) -> bool:
        return self.primary is not None and self.primary.serving

    @property
    def on_trial(self) -> bool:
        """Is the target still what is on trial: template and configuration?"""
        return self.revision == self.progress.applied and self.tracked == self.progress.tracked

    @property
    def copied(self) -> bool:
        """Has what is on trial been copied into the primary, by us or by Flagger?"""
        at = self.progress
        if self.primary_trial and self.primary_trial == trial_of(at.applied, at.tracked):
            return True
        return self.same and (self.on_trial or not is_ours(at.applied))
