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


class Pulse:
    """The times of one watch, by the event loop's clock: bookmarks while it is open, and its end."""

    def __init__(self, watch: Watch, deliver: Callable[[bytes], None], end: Callable[[], None]) -> None:
        self._watch = watch
        self._deliver = deliver
        self._end = end
        self._timers: list[asyncio.TimerHandle] = []

    def start(self) -> None:
        seconds = self._watch.timeout_seconds
        loop = asyncio.get_running_loop()
        self._timers = [loop.call_later(min(seconds or LONGEST_SECONDS, LONGEST_SECONDS), self._end)]
        if self._watch.bookmark() is not None:
            self._timers.append(loop.call_later(BOOKMARK_SECONDS, self._beat))

    def stop(self) -> None:
        """Let nothing more happen; safe to repeat."""
        for timer in self._timers:
            timer.cancel()
        self._timers = []

    def _beat(self) -> None:
        if (line := self._watch.bookmark()) is not None:
            self._deliver(line)
        if self._timers:
            self._timers[1] = asyncio.get_running_loop().call_later(BOOKMARK_SECONDS, self._beat)


class Feed:
    """An open watch; leave the `with` block and it is closed."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._pulse = Pulse(watch, self._deliver, self.end)
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._ended = False
        self._initial = True
        self.dropped = False

    def __enter__(self) -> Self:
        self._watch.open(self._deliver)
        # What was asked for as a beginning is as large as it is; only what comes later can be too much.
        self._initial, self._bytes = False, 0
        if self._watch.ended:
            self.end()
        else:
            self._pulse.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Close the watch; what is queued is still read."""
        self._ended = True
        self._watch.close()
        self._pulse.stop()
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
        if self._bytes > MOST_BYTES and not self._initial:
            self.dropped = True
            self._waiting.clear()
            self.end()
        self._wake.set()
