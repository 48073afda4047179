"""Whether a server that has not answered lately is worth another request. Pure: a state, told what happened and when.

    Closed ──failures in a row──► Open ──its time is over──► one probe ──answer──► Closed
                                   ▲                             │
                                   └───────── no answer ─────────┘  longer each time

An answer of any status closes it: a server that refuses is there. While open, requests fail at once with the reason of
the last failure, so a dead cluster costs neither waiting tasks nor connections.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from volary.kube.errors import Unreachable

FAILURES = 3  # in a row, before the first pause; one lost packet is no outage
SHORTEST_SECONDS = 1.0
LONGEST_SECONDS = 15.0  # a server that is back is found within this and a request's time
JITTER = 0.25


@dataclass(slots=True)
class Breaker:
    """The state for one server; times are the event loop's."""

    rng: random.Random
    failures: int = 0  # in a row
    opened: int = 0  # times in a row without an answer between
    until: float = 0.0  # open before this moment
    last: Unreachable | None = field(default=None)
    probing: bool = False

    @property
    def is_closed(self) -> bool:
        return self.last is None

    def refusal(self, now: float) -> Unreachable | None:
        """Return why a request may not go now, None if it may; to look changes nothing."""
        if self.last is None or (now >= self.until and not self.probing):
            return None
        wait = max(self.until - now, 0.0)
        when = f"not asked again for {wait:.0f} s" if wait else "being asked whether it is back"
        return Unreachable(self.last.reason, f"{self.last} ({when})")

    def began(self) -> None:
        """Hear that a request goes, which `refusal` let go; one of the below follows. After a pause it is the probe."""
        self.probing = self.last is not None

    def answered(self) -> None:
        self.failures = self.opened = 0
        self.last, self.probing = None, False

    def failed(self, error: Unreachable, now: float) -> None:
        self.failures += 1
        if self.failures >= FAILURES and (self.probing or self.last is None):
            wait = min(SHORTEST_SECONDS * 2 ** min(self.opened, 10), LONGEST_SECONDS)
            self.until = now + wait * (1 + JITTER * self.rng.random())
            self.opened += 1
            self.last = error
        self.probing = False

    def given_up(self) -> None:
        """Hear that a request was cancelled: nothing is known."""
        self.probing = False
