"""An API server's clock, as far as its answers tell it: deadlines go by the hub's, not by this computer's.

The `Date` of an answer has whole seconds and is as old as the answer, so we count on from it with the event loop's
time. What comes out never runs ahead of the server and never goes back.
Source: RFC 9110, `Date`.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from volary.kube.client import Client
from volary.runtime.clock import Clock


class ServerClock:
    """The time by the server that some clients talk to; this computer's own while none has answered yet."""

    def __init__(self, clock: Clock, *clients: Client) -> None:
        self.clock = clock
        self.clients = clients
        self._last: datetime | None = None

    def now(self) -> datetime:
        """Return the server's time, in whole seconds."""
        found = max((time for time in map(reckoned, self.clients) if time is not None), default=None)
        if found is None:
            return self.clock.now().replace(microsecond=0)
        if self._last is None or found > self._last:
            self._last = found
        return self._last.replace(microsecond=0)


def reckoned(client: Client) -> datetime | None:
    """Return the time of a client's last answer plus what has passed since."""
    if client.server_time is None:
        return None
    passed = asyncio.get_running_loop().time() - client.server_time_at
    return client.server_time + timedelta(seconds=passed)
