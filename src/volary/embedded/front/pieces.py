"""An answer that comes in pieces from elsewhere, a log or a service: a task writes them as fast as the client reads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from volary.embedded.front.head import CHUNKED, CLOSE, LAST_CHUNK, header_lines, status_line
from volary.embedded.front.line import Line

BODILESS = frozenset({204, 304})


class Pieces:
    """One such answer; `start`, then `write`, then `end`."""

    def __init__(self, line: Line, modern: bool, bodiless: bool) -> None:
        """`modern`: the client knows chunks. `bodiless`: of a HEAD only the head goes out."""
        self._line = line
        self._modern = modern
        self._bodiless = bodiless
        self._chunked = False
        self._gone = False
        self._wake = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self.status = 0  # from `start` on
        self.keeps_line = True

    def start(
        self, status: int, headers: Iterable[tuple[str, str]], length: int | None = None, reason: str = ""
    ) -> None:
        """Write the head. Without a length the body goes out in chunks."""
        self.status = status
        if status in BODILESS or 100 <= status < 200:
            self._bodiless = True
        told = b""
        if length is not None:
            told = b"content-length: %d\r\n" % length
        elif not self._bodiless:
            self._chunked = self._modern
            self.keeps_line = self._modern
            told = CHUNKED if self._modern else CLOSE
        self._line.write(status_line(status, reason) + header_lines(headers) + told + b"\r\n")

    async def write(self, piece: bytes) -> None:
        """Write a piece, once the client has read enough of those before. Raises: ConnectionResetError."""
        while self._line.paused and not self._gone:
            self._wake.clear()
            await self._wake.wait()
        if self._gone:
            raise ConnectionResetError("the client went away")
        if piece and not self._bodiless:
            self._line.write(b"%x\r\n%b\r\n" % (len(piece), piece) if self._chunked else piece)

    def finish(self) -> None:
        """Say that this was all."""
        if self._gone:
            return
        if self._chunked:
            self._line.write(LAST_CHUNK)
        self._line.ended()

    # What the connection calls.

    def flush(self) -> None:
        self._wake.set()

    def end(self) -> None:
        """The server stops: give up what is still to come."""
        if self.task:
            self.task.cancel()

    def drop(self) -> None:
        """The client has gone."""
        self._gone = True
        self._wake.set()
        if self.task:
            self.task.cancel()
