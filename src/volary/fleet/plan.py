"""What the fleet controllers can ask for. An action names the wanted end, so doing one twice equals doing it once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from volary.fleet.progress import RolloutStatus, RunStatus
from volary.fleet.spec import Run


@dataclass(frozen=True, slots=True)
class Pin:
    """Pin one member's GitRepository, on the look that this was decided on."""

    cluster: str
    commit: str
    previous: str  # for the reader of the member alone; "" when none is known
    version: str  # resourceVersion of the look
    force: bool = False  # only where a person said `--take-pin`


@dataclass(frozen=True, slots=True)
class Release:
    """Give the fields in one member up: it follows its own branch again."""

    cluster: str
    version: str


@dataclass(frozen=True, slots=True)
class CreateRun:
    """Make a run."""

    name: str
    number: int
    run: Run
    decided_at: str = ""


@dataclass(frozen=True, slots=True)
class DeleteRun:
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class RemoveAnnotations:
    """Take away commands that have been written down."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suspend:
    """Set `spec.suspend` of the FleetRollout, so that nothing starts by itself."""


@dataclass(frozen=True, slots=True)
class AddFinalizer: ...


@dataclass(frozen=True, slots=True)
class RemoveFinalizer: ...


Action = Pin | Release | CreateRun | DeleteRun | RemoveAnnotations | Suspend | AddFinalizer | RemoveFinalizer


@dataclass(frozen=True, slots=True)
class Announcement:
    """One Event on the object that is decided on."""

    message: str
    warning: bool = False
    reason: str = "Synced"
    step: str = ""  # names the moment: the same text in another step is another Event


@dataclass(frozen=True, slots=True)
class Plan:
    """The next move: actions in the world, or progress written down, or a closer look; never two of them."""

    because: str
    announce: tuple[Announcement, ...] = ()
    actions: tuple[Action, ...] = ()
    run: RunStatus | None = None
    rollout: RolloutStatus | None = None
    look_closer: tuple[str, ...] = ()  # members to be read themselves before anything is believed
    look_again_at: datetime | None = None

    def __post_init__(self) -> None:
        asked = [bool(self.actions), self.run is not None, self.rollout is not None, bool(self.look_closer)]
        assert sum(asked) <= 1, "one plan moves the world or our progress"
