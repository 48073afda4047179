"""An open watch on a connection: events go out as lines in chunks, without a task and without waiting.

Events come from inside the API's writes. All that come in one turn of the event loop go out in one write; while the
client reads too slowly they wait here, up to a limit, and the bytes are shared by all who wait for the same event.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from volary.embedded.api.answers import Watch
from volary.embedded.feed import Pulse
from volary.embedded.front.head import LAST_CHUNK
from volary.embedded.front.limits import Limits
from volary.embedded.front.line import Line


class Chunks:
    """Puts events into chunks, each once for all watches that it goes to."""

    __slots__ = ("_event", "_piece")

    def __init__(self) -> None:
        self._event = b""
        self._piece = b""

    def of(self, event: bytes) -> bytes:
        if event is not self._event:
            self._event = event
            self._piece = b"%x\r\n%b\r\n" % (len(event), event)
        return self._piece


class Turn:
    """Calls whoever has something to write at the end of this turn of the loop; once, however much that is."""

    __slots__ = ("_loop", "_ready")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ready: list[Callable[[], None]] = []

    def add(self, flush: Callable[[], None]) -> None:
        if not self._ready:
            self._loop.call_soon(self._run)
        self._ready.append(flush)

    def _run(self) -> None:
        ready, self._ready = self._ready, []
        for flush in ready:
            flush()


class WatchStream:
    """One watch. `end` may be called at any time, also more than once."""

    __slots__ = (
        "_bytes", "_chunks", "_ended", "_initial", "_limits", "_line", "_pulse", "_told", "_turn", "_waiting", "_watch",
        "keeps_line", "status",
    )  # fmt: skip

    def __init__(self, line: Line, watch: Watch, chunks: Chunks | None, turn: Turn, limits: Limits) -> None:
        """`chunks` None: the client is too old for them, and the end of the line is the end of the watch."""
        self.status = 200
        self.keeps_line = chunks is not None
        self._line = line
        self._watch = watch
        self._chunks = chunks
        self._turn = turn
        self._limits = limits
        self._pulse = Pulse(watch, self._deliver, self.end)
        self._waiting: list[bytes] = []
        self._bytes = 0
        self._ended = False
        self._told = False  # that it is over
        self._initial = True

    def open(self) -> None:
        """Send what there is, then each event as it happens."""
        self._watch.open(self._deliver)
        # What the client asked for as a beginning is as large as it is; only what comes later can be too much.
        self._initial, self._bytes = False, 0
        if self._watch.ended:
            self.end()
        else:
            self._pulse.start()

    def end(self) -> None:
        """Close the watch; what waits is still sent."""
        if self._ended:
            return
        self._close()
        self.flush()

    def drop(self) -> None:
        """Close the watch and send nothing more."""
        if not self._ended:
            self._close()
        self._told = True
        self._waiting.clear()

    def flush(self) -> None:
        """Write what waits, unless the client must read first."""
        if self._line.paused:
            return
        if self._waiting:
            waiting, self._waiting, self._bytes = self._waiting, [], 0
            self._line.write(waiting[0] if len(waiting) == 1 else b"".join(waiting))
        if self._ended and not self._told:
            self._told = True
            if self._chunks:
                self._line.write(LAST_CHUNK)
            self._line.ended()

    def _close(self) -> None:
        self._ended = True
        self._pulse.stop()
        self._watch.close()

    def _deliver(self, event: bytes) -> None:
        if self._ended:
            return
        waiting = self._waiting
        if not waiting:
            self._turn.add(self.flush)
        waiting.append(self._chunks.of(event) if self._chunks else event)
        self._bytes += len(event)
        if self._bytes > self._limits.behind and not self._initial:
            self.drop()
            self._line.hang_up()
