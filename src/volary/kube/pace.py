"""How fast new connections begin: a thousand TLS handshakes at once hold up the event loop, and cost lasting memory.

A pace rather than places: a server that never answers uses up its turn of some milliseconds, and nobody else's.
"""

from __future__ import annotations

import asyncio

AT_ONCE = 50
A_SECOND = 400.0  # a handshake costs us one to two milliseconds


class Pace:
    """Shared by the connections of a whole program; used in one event loop."""

    def __init__(self, at_once: int = AT_ONCE, a_second: float = A_SECOND) -> None:
        self.at_once = at_once
        self.a_second = a_second
        self._next = 0.0  # loop time at which the next may begin, were none of `at_once` free

    async def turn(self) -> None:
        """Wait until a connection may begin; in the order of asking."""
        now = asyncio.get_running_loop().time()
        mine = max(self._next, now - (self.at_once - 1) / self.a_second)
        self._next = mine + 1 / self.a_second
        if mine > now:
            await asyncio.sleep(mine - now)
