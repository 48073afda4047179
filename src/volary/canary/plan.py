"""What to do next: actions on the world, or the progress that we store; never both.

A crash between two writes then has nothing to lose: whatever was done is read back, the rest is decided again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from volary.canary.spec import Phase, Progress
from volary.runtime.events import Line

HOOK = "hook"
METRIC = "metric"


@dataclass(frozen=True, slots=True, order=True)
class Part:
    """One object that belongs to a canary."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """A webhook or a metric, about one step of one trial; an answer to another question counts as absent."""

    step: str
    kind: str  # HOOK | METRIC
    index: int  # its place in the Canary's list
    name: str


@dataclass(frozen=True, slots=True)
class Ensure:
    """Let a part be there, as the Canary asks for it."""

    part: Part


@dataclass(frozen=True, slots=True)
class MakePrimary:
    """Let the primary be there, as a copy of the target."""


@dataclass(frozen=True, slots=True)
class Copy:
    """Let the primary run what is on trial: its template and its configuration."""

    trial: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Let the target have so many Pods."""

    replicas: int


@dataclass(frozen=True, slots=True)
class SetWeight:
    """Let the route be as the Canary asks for it, with `percent` of traffic on the canary."""

    percent: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Start to ask, unless it is being asked already; the answer makes another pass."""

    question: Question
    phase: Phase  # what the hook is told


Action = Ensure | MakePrimary | Copy | Scale | SetWeight | Ask


@dataclass(frozen=True, slots=True)
class Plan:
    """The next move."""

    because: str  # one sentence for people: log line, golden file
    announce: tuple[Line, ...] = ()  # Events, each written once in a step, before anything else of the plan
    halted: tuple[Line, ...] = ()  # Events of which every repetition counts
    actions: tuple[Action, ...] = ()
    progress: Progress | None = None
    look_again_at: datetime | None = None  # None: when something changes

    def __post_init__(self) -> None:
        assert not (self.actions and self.progress), "one plan moves the world or our progress, not both"
