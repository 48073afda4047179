"""What was seen, in the order it was seen: one observation a line, for the view, the trace and the judge.

Nothing here is made up by the demo: each observation was read from an API server, its audit log, or the load's report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that was seen. `type` is one of act, event, weight, phase, traffic, write, verdict, hold, end."""

    t: float  # seconds since the start of the demo
    cluster: str  # "hub", "west", "east", or "" where it concerns no one cluster
    type: str
    details: Mapping[str, Any]

    def line(self) -> bytes:
        """Return the observation as one JSON line."""
        return msgspec.json.encode({"t": round(self.t, 3), "cluster": self.cluster, "type": self.type, **self.details})


Listener = Callable[[Observation], None]


@dataclass
class Story:
    """All observations so far; listeners hear each one as it comes."""

    clock: Callable[[], float]  # seconds since the start of the demo
    observations: list[Observation] = field(default_factory=list)
    listeners: list[Listener] = field(default_factory=list)

    def tell(self, cluster: str, type_: str, *, ago: float = 0.0, **details: Any) -> Observation:
        """Note what was seen; `ago` seconds have passed since it happened, where that is known."""
        observation = Observation(self.clock() - ago, cluster, type_, details)
        self.observations.append(observation)
        for listener in tuple(self.listeners):
            listener(observation)
        return observation
