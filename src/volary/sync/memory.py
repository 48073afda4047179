"""What one process remembers of a Kustomization between passes. Losing it costs a second look, nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from volary.sync.facts import About, Failure
from volary.sync.policy import Path
from volary.sync.render import Rendering
from volary.sync.spec import ObjectId


@dataclass(frozen=True, slots=True)
class Written:
    """One object as it was when it last said what Git says."""

    wish: str  # digest of what Git says
    version: str  # resourceVersion
    footprint: Any  # what it said at the fields that Git names
    given_up: tuple[Path, ...] = ()  # fields that are somebody else's
    left: str = ""  # why it is not written at all


MOST_CORRECTIONS = 5  # of drift, in one retry interval; beyond that two are fighting over an object


@dataclass(slots=True)
class Memory:
    """One Kustomization."""

    about: About | None = None
    began: datetime | None = None
    rendering: Rendering | None = None
    rendered: About | None = None  # what `rendering` is of
    rendered_spec: str = ""  # digest of the spec it was made with
    wishes: dict[ObjectId, str] = field(default_factory=dict)  # digests of the rendering's objects
    written: dict[ObjectId, Written] = field(default_factory=dict)
    gone: set[ObjectId] = field(default_factory=set)
    failure: Failure | None = None
    corrections: list[datetime] = field(default_factory=list)  # when drift was put back lately, newest last

    def corrected(self, now: datetime) -> bool:
        """Note that drift was put back; return whether that is now too often."""
        self.corrections = [*self.corrections, now][-MOST_CORRECTIONS:]
        return len(self.corrections) == MOST_CORRECTIONS

    def held_until(self, pause: timedelta) -> datetime | None:
        """Return when drift may be put back again, after too many corrections within `pause`."""
        if len(self.corrections) < MOST_CORRECTIONS or self.corrections[-1] - self.corrections[0] > pause:
            return None
        return self.corrections[-1] + pause

    def begin(self, about: About, now: datetime) -> None:
        """Start on something new. Who asks for it again wants every object looked at again."""
        if self.about is not None and self.about.token != about.token:
            self.written.clear()
        self.about, self.began, self.failure = about, now, None
        self.gone.clear()

    def keep(self, rendering: Rendering, about: About, spec: str) -> None:
        """Remember a rendering, and forget objects that are in it no longer."""
        self.rendering, self.rendered, self.rendered_spec = rendering, about, spec
        self.wishes = rendering.wishes()
        self.written = {entry: was for entry, was in self.written.items() if entry in self.wishes}
