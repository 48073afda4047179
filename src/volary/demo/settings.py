"""What `volary demo` was asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

INTERVAL = re.compile(r"^([0-9]+)(s|m)$")  # the Canary CRD's pattern


@dataclass(frozen=True, slots=True)
class Settings:
    """The demo's options."""

    acts: tuple[int, ...] = ()  # which to show; none: all
    interval: str = "1s"  # analysis interval of the canary
    trace: Path | None = None  # JSON lines, one an observation
    keep: bool = False  # stay up until Ctrl-C
    folder: Path | None = None  # where everything is kept; None: a new temporary folder
    names: tuple[str, ...] = field(default=("hub", "west", "east"))

    @property
    def interval_seconds(self) -> float:
        """Return the interval in seconds. Raises: ValueError for a text that the Canary CRD would refuse."""
        match = INTERVAL.match(self.interval)
        if match is None or int(match[1]) == 0:
            raise ValueError(f'--interval "{self.interval}": write whole seconds or minutes, such as 1s or 1m')
        return int(match[1]) * (60.0 if match[2] == "m" else 1.0)
