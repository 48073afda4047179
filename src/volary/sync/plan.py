"""What a Kustomization's pass can ask for. Pure. Each action is safe to repeat: it says what should be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from volary.kube.objects import Object
from volary.runtime.events import Line
from volary.sync.spec import KustomizationStatus, ObjectId


@dataclass(frozen=True, slots=True)
class Build:
    """Bring the revision here and render it."""


@dataclass(frozen=True, slots=True)
class Write:
    """Make the objects say what Git says; with `rehearse` none is written unless all would be accepted."""

    objects: tuple[Object, ...]
    rehearse: bool


@dataclass(frozen=True, slots=True)
class Prune:
    """Delete, in this order, what is still ours."""

    entries: tuple[ObjectId, ...]


@dataclass(frozen=True, slots=True)
class SetFinalizer:
    """Hold the Kustomization until its objects are gone, or let it go."""

    present: bool


Action = Build | Write | Prune | SetFinalizer


@dataclass(frozen=True, slots=True)
class Plan:
    because: str  # one sentence for people
    action: Action | None = None
    status: KustomizationStatus | None = None
    announce: tuple[Line, ...] = ()
    look_again_at: datetime | None = None

    def __post_init__(self) -> None:
        assert not (self.action and self.status), "one plan moves the world or our progress"
