"""A connection without sockets: bytes go in, bytes come out, seconds pass when the test says so."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.unit.embedded.server.parts import BEARER, FakeApi, FakeOutside
from volary.embedded.api.auth.authentication import Authentication, StaticTokens
from volary.embedded.api.auth.identity import User
from volary.embedded.front.connection import Connection
from volary.embedded.front.front import Front
from volary.embedded.front.limits import DEFAULT, Limits
from volary.embedded.front.site import Site
from volary.embedded.front.watching import Turn
from volary.sim.loop import VirtualLoop

TOKEN = BEARER["Authorization"].partition(" ")[2]
HOST = b"Host: x\r\n"
LOGGED_IN = HOST + b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"


def run(test: Coroutine[Any, Any, None]) -> None:
    """Run a test in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(test)


class FakeTransport(asyncio.Transport):
    """Keeps what is written; takes `room` bytes of it, the rest stays in the buffer as with a client that is slow."""

    def __init__(self, room: float = float("inf")) -> None:
        super().__init__()
        self.out = bytearray()
        self.room = room
        self.closed = self.aborted = self.eof = self.reading_paused = False
        self.protocol: Connection | None = None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("192.0.2.7", 1234) if name == "peername" else default

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.out += data
        if self.get_write_buffer_size() > 1 << 16 and self.protocol and not self.protocol.paused:
            self.protocol.pause_writing()

    def read(self, size: float = float("inf")) -> bytes:
        """Be the client who reads on, and return all it has read."""
        self.room += size
        if self.protocol and self.protocol.paused and self.get_write_buffer_size() <= 1 << 14:
            self.protocol.resume_writing()
        return bytes(self.out[: int(min(self.room, len(self.out)))])

    def get_write_buffer_size(self) -> int:
        return max(0, len(self.out) - int(min(self.room, len(self.out))))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.eof = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading_paused = True

    def resume_reading(self) -> None:
        self.reading_paused = False


@dataclass
class Wire:
    """One connection to a front with one cluster, `west`."""

    api: FakeApi = field(default_factory=FakeApi)
    limits: Limits = DEFAULT
    room: float = float("inf")
    others: Mapping[str, Site] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = Authentication([StaticTokens({TOKEN: User("admin")})])
        self.site = Site(self.api, known, FakeOutside())
        self.front = Front({"west": self.site, **self.others}, self.site, self.limits)
        loop = asyncio.get_running_loop()
        self.front._loop, self.front.turn, self.front._empty = loop, Turn(loop), asyncio.Event()
        self.connection = Connection(self.front)
        self.transport = FakeTransport(self.room)
        self.transport.protocol = self.connection
        self.connection.connection_made(self.transport)

    def send(self, *pieces: bytes) -> None:
        """Send as a client does: nothing more once the line is closed or the server does not read."""
        for piece in pieces:
            if not self.transport.closed:
                self.connection.data_received(piece)

    def get(self, path: str, more: bytes = b"") -> None:
        self.send(get(path, more))

    def lose(self) -> None:
        self.connection.connection_lost(None)

    def reads(self) -> bool:
        """Does the server read from this client?"""
        return not self.transport.reading_paused

    def said(self) -> bytes:
        return bytes(self.transport.out)

    def statuses(self) -> list[int]:
        """Return the status of each whole answer so far."""
        found, rest = [], self.said()
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            found.append(int(head[9:12]))
            length = [it for it in head.lower().split(b"\r\n") if it.startswith(b"content-length: ")]
            rest = rest[int(length[0][16:]) if length else 0 if found[-1] == 100 else len(rest) :]
        return found

    async def seconds(self, number: int) -> None:
        """Let seconds pass, and what belongs to them happen."""
        for _ in range(number):
            await asyncio.sleep(1)


def get(path: str, more: bytes = b"") -> bytes:
    return b"GET " + path.encode() + b" HTTP/1.1\r\n" + LOGGED_IN + more + b"\r\n"


def post(path: str, body: bytes, more: bytes = b"") -> bytes:
    length = f"Content-Length: {len(body)}\r\n".encode()
    return b"POST " + path.encode() + b" HTTP/1.1\r\n" + LOGGED_IN + length + more + b"\r\n" + body
