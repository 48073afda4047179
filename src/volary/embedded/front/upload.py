"""A request's body on its way through: read from the client only as fast as the service behind takes it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

MOST_WAITING_BYTES = 64 << 10


class Upload:
    """One body, in pieces. `full` tells the connection to stop reading; `relieved` is called when it may go on."""

    def __init__(self, relieved: Callable[[], None]) -> None:
        self._relieved = relieved
        self._pieces: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._broken = False
        self.whole = False

    @property
    def full(self) -> bool:
        return self._bytes > MOST_WAITING_BYTES

    def feed(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._bytes += len(piece)
        self._wake.set()

    def end(self) -> None:
        """The client has sent all of it."""
        self.whole = True
        self._wake.set()

    def fail(self) -> None:
        """The client has gone before the end."""
        self._broken = not self.whole
        self._wake.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what comes. Raises: ConnectionResetError when the client goes before the end."""
        while True:
            while self._pieces:
                piece = self._pieces.popleft()
                self._bytes -= len(piece)
                self._relieved()
                yield piece
            if self._broken:
                raise ConnectionResetError("the client went away in the middle of its request")
            if self.whole:
                return
            self._wake.clear()
            await self._wake.wait()
