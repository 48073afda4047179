"""A watch on its way to one reader: events in order, bookmarks while nothing happens, an end.

Events come from inside the API's writes, which must not wait; so they queue here, up to a limit. A reader that falls
behind by more loses its watch and, as with every API server, has to list again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self

from volary.embedded.api.answers import Watch

BOOKMARK_SECONDS = 15.0  # often enough that a silent line is noticed soon, rare enough to cost nothing
LONGEST_SECONDS = 1800.0  # an API server ends every watch after half an hour or so
MOST_BYTES = 16 << 20  # a reader this far behind will not catch up


class Feed:
    """An open watch; leave the `with` block and it is closed. All times are the event loop's."""

    def __init__(self, watch: Watch, on_dropped: Callable[[], None] | None = None) -> None:
        self._watch = watch
        self._on_dropped = on_dropped
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._ended = False
        self._timers: list[asyncio.TimerHandle] = []
        self.dropped = False

    def __enter__(self) -> Self:
        seconds = self._watch.timeout_seconds
        self._timers.append(self._loop.call_later(min(seconds or LONGEST_SECONDS, LONGEST_SECONDS), self.end))
        self._watch.open(self._deliver)
        if self._watch.bookmark() is not None:
            self._timers.append(self._loop.call_later(BOOKMARK_SECONDS, self._bookmark))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Close the watch; what is queued is still read."""
        self._ended = True
        self._watch.close()
        for timer in self._timers:
            timer.cancel()
        self._wake.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield all that is queued, each time there is something, until the watch ends."""
        while True:
            while self._waiting:
                chunk = b"".join(self._waiting)
                self._waiting.clear()
                self._bytes = 0
                yield chunk
            if self._ended:
                return
            self._wake.clear()
            await self._wake.wait()

    def _deliver(self, event: bytes) -> None:
        if self._ended:
            return
        self._waiting.append(event)
        self._bytes += len(event)
        if self._bytes > MOST_BYTES:
            self.dropped = True
            self._waiting.clear()
            self.end()
            if self._on_dropped:
                self._on_dropped()
        self._wake.set()

    def _bookmark(self) -> None:
        if (line := self._watch.bookmark()) is not None:
            self._deliver(line)
        self._timers = [timer for timer in self._timers if timer.when() > self._loop.time()]
        if not self._ended:
            self._timers.append(self._loop.call_later(BOOKMARK_SECONDS, self._bookmark))
