"""What the live view shows, worked out from observations: phases, weights, traffic of each cluster; the last lines."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from volary.demo.story import Observation
from volary.demo.world import HUB, MEMBERS

LINES_KEPT = 200
RATE_SECONDS = 2.0  # requests per second are an average over this long


@dataclass
class Side:
    """The traffic of the primary or of the canary in one cluster, over the last `RATE_SECONDS`."""

    reports: deque[tuple[float, int, int]] = field(default_factory=deque)  # (t, answered, failed)

    def add(self, t: float, answered: int, failed: int) -> None:
        self.reports.append((t, answered, failed))
        while self.reports and self.reports[0][0] <= t - RATE_SECONDS:
            self.reports.popleft()

    @property
    def per_second(self) -> float:
        return sum(answered for _, answered, _ in self.reports) / RATE_SECONDS

    @property
    def failed_percent(self) -> float:
        answered = sum(answered for _, answered, _ in self.reports)
        return 100.0 * sum(failed for _, _, failed in self.reports) / answered if answered else 0.0


@dataclass
class Panel:
    """One member."""

    phase: str = ""
    weight: int = 0  # percent of the traffic that the router sends to the canary
    primary: Side = field(default_factory=Side)
    canary: Side = field(default_factory=Side)
    lost: int = 0


@dataclass
class Board:
    """Everything on the screen."""

    panels: dict[str, Panel] = field(default_factory=lambda: {name: Panel() for name in MEMBERS})
    act: str = ""
    run: str = ""
    hold: str = ""
    lines: deque[Observation] = field(default_factory=lambda: deque(maxlen=LINES_KEPT))

    def take(self, seen: Observation) -> None:
        """Note one observation."""
        details = seen.details
        match seen.type:
            case "act":
                self.act = f"Act {details['n']}: {details['title']}"
                self.lines.append(seen)
            case "event":
                self.lines.append(seen)
            case "phase":
                self.panels[seen.cluster].phase = str(details["phase"])
            case "weight":
                self.panels[seen.cluster].weight = int(details["canary"])
            case "traffic":
                self._traffic(seen)
            case "verdict":
                self.run, self.hold = f"{details['run']} {details['phase']}", ""
            case "hold":
                self.hold = f"{details['reason']}: {details['message']}"
                self.lines.append(seen)

    def _traffic(self, seen: Observation) -> None:
        panel, details = self.panels[seen.cluster], seen.details
        panel.primary.add(seen.t, int(details["primary"]), int(details["primary_failed"]))
        panel.canary.add(seen.t, int(details["canary"]), int(details["canary_failed"]))
        panel.lost += int(details["lost"])


def text_of(seen: Observation) -> tuple[str, str, str]:
    """Return (cluster, text, style) of an observation as one log line; style is "", "warning" or "title"."""
    details = seen.details
    if seen.type == "act":
        return "", f"Act {details['n']}: {details['title']}", "title"
    if seen.type == "hold":
        return HUB, f"holding, {details['reason']}: {details['message']}", "warning"
    return seen.cluster, str(details["message"]), "warning" if details.get("kind") == "Warning" else ""
