"""The HTTP/1.1 server that the stand-ins share: keep-alive, pipelining, chunked bodies, a polite end.

It listens on the sockets that the node bound and handed over (`VOLARY_LISTEN`), or on the given ports when started by
hand. Stopping means: accept no more, finish what is in flight, tell each client that its connection closes, go.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import NamedTuple, cast

LARGEST_BODY = 1 << 22
LARGEST_HEAD = 1 << 16
DRAIN_SECONDS = 10.0  # for requests in flight, after a stop was asked for
QUIET_LOOKS = 50  # at LOOK_SECONDS from each other, all without a request: nobody sends here any more
LOOK_SECONDS = 0.01
BACKLOG = 1024
JSON = "application/json; charset=utf-8"
TEXT = "text/plain; charset=utf-8"


class Ask(NamedTuple):
    """One request."""

    method: str
    path: str
    query: str
    headers: Mapping[str, list[str]]  # names in lower case
    body: bytes


class Answer(NamedTuple):
    code: int
    body: bytes
    type: str = JSON
    wait: float = 0.0  # seconds before it is sent


Reply = Answer | Awaitable[Answer]


class App:
    """What a program gives the server: a route for each request, and a count of each answer."""

    pod = ""

    def route(self, ask: Ask) -> tuple[str, Reply]:
        """Return the route's name in metrics, and the answer, or one that is still to be made."""
        raise NotImplementedError

    def count(self, method: str, route: str, code: int, seconds: float) -> None:
        """Take note of an answer."""

    def stop(self) -> None:
        """Take note that the end was asked for."""


class BadRequest(Exception):
    """What the client sent is no HTTP/1.1 that we speak."""


class Server:
    """All listeners and connections of one program."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.connections: set[Connection] = set()
        self.stopping = False
        self.asked = 0  # requests so far
        self._by_load: dict[str, int] = {}  # answers to each load generator
        self._listeners: list[asyncio.Server] = []
        self._ended = asyncio.Event()
        self.waiting: set[asyncio.Task[None]] = set()

    async def run(self, ports: list[int], host: str = "127.0.0.1") -> None:
        """Serve until SIGTERM or SIGINT, then drain."""
        loop = asyncio.get_running_loop()
        for listener in listeners(ports, host):
            self._listeners.append(await loop.create_server(lambda: Connection(self), sock=listener, backlog=BACKLOG))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._ended.set)
        watch_parent(loop)
        await self._ended.wait()
        await self._drain()

    def served(self, ask: Ask) -> str:
        """Return a header that tells a load generator how many of its requests this pod has answered, this one too."""
        load = ask.headers.get("x-volary-load", [""])[0]
        if not load:
            return ""
        self._by_load[load] = self._by_load.get(load, 0) + 1
        return f"x-volary-served: {self._by_load[load]}\r\n"

    async def _drain(self) -> None:
        """Serve on until nobody asks any more, then let go.

        Whoever routes here may learn late that we leave, and on a busy machine requests wait unread: to close at
        once would lose those. Looks are counted, not time, for a look comes after all that could be read by then.
        """
        self.stopping = True
        self.app.stop()
        loop = asyncio.get_running_loop()
        end, quiet, seen = loop.time() + DRAIN_SECONDS, 0, self.asked
        while quiet < QUIET_LOOKS and loop.time() < end:
            await asyncio.sleep(LOOK_SECONDS)
            busy = any(connection.busy for connection in self.connections)
            quiet = 0 if busy or self.asked != seen else quiet + 1
            seen = self.asked
        for listener in self._listeners:
            listener.close()
        while self.connections and loop.time() < end:
            for connection in list(self.connections):
                connection.close_if_idle()
            await asyncio.sleep(LOOK_SECONDS)


class Connection(asyncio.Protocol):
    """One client. Requests are answered in order; while one is being answered the others wait in the buffer."""

    __slots__ = ("asked_at", "buffer", "busy", "server", "transport")

    def __init__(self, server: Server) -> None:
        self.server = server
        self.buffer = b""
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.server.connections.add(self)

    def connection_lost(self, problem: Exception | None) -> None:
        self.server.connections.discard(self)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.busy:
            self._pump()

    def close_if_idle(self) -> None:
        if not self.busy and not self.buffer:
            self.transport.close()

    def _pump(self) -> None:
        try:
            while not self.busy and not self.transport.is_closing():
                ask = self._next()
                if ask is None:
                    return
                self._answer(ask)
        except BadRequest as problem:
            body = str(problem).encode()
            self.transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            self.transport.close()

    def _next(self) -> Ask | None:
        """Take one whole request out of the buffer, or return None. Raises: BadRequest."""
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > LARGEST_HEAD:
                raise BadRequest("the head of the request is too long")
            return None
        method, target, headers = read_head(self.buffer[:end])
        body = read_body(self.buffer, end + 4, headers)
        if body is None:
            return None
        content, self.buffer = body
        path, _, query = target.partition("?")
        return Ask(method, path, query, headers, content)

    def _answer(self, ask: Ask) -> None:
        start = time.perf_counter()
        self.server.asked += 1
        route, reply = self.server.app.route(ask)
        if isinstance(reply, Answer) and not reply.wait:
            self._send(ask, route, reply, start)
            return
        self.busy = True
        task = asyncio.get_running_loop().create_task(self._answer_later(ask, route, reply, start))
        self.server.waiting.add(task)
        task.add_done_callback(self.server.waiting.discard)

    async def _answer_later(self, ask: Ask, route: str, reply: Reply, start: float) -> None:
        try:
            answer = reply if isinstance(reply, Answer) else await reply
            await asyncio.sleep(answer.wait)
        except Exception as problem:
            print(f"error: {ask.method} {ask.path}: {problem!r}", flush=True)
            answer = Answer(500, b"internal error\n", TEXT)
        self.busy = False
        self._send(ask, route, answer, start)
        self._pump()

    def _send(self, ask: Ask, route: str, answer: Answer, start: float) -> None:
        self.server.app.count(ask.method, route, answer.code, time.perf_counter() - start)
        if self.transport.is_closing():
            return
        last = self.server.stopping or ask.headers.get("connection", [""])[0].lower() == "close"
        close = "connection: close\r\n" if last else ""
        head = (
            f"HTTP/1.1 {answer.code} {phrase(answer.code)}\r\ncontent-type: {answer.type}\r\n"
            f"x-volary-pod: {self.server.app.pod}\r\n{self.server.served(ask)}{close}"
        )
        self.transport.write(framed(ask, head.encode(), answer))
        if last:
            self.transport.close()


def framed(ask: Ask, head: bytes, answer: Answer) -> bytes:
    """Return the bytes of an answer; `/chunked` is sent in chunks, all else with its length."""
    body = b"" if answer.code == 204 or ask.method == "HEAD" else answer.body
    if ask.path.startswith("/chunked/"):
        return b"%stransfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (head, len(body), body)
    return b"%scontent-length: %d\r\n\r\n%s" % (head, len(answer.body) if answer.code != 204 else 0, body)


def read_head(head: bytes) -> tuple[str, str, dict[str, list[str]]]:
    """Return method, target and headers. Raises: BadRequest."""
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequest("the first line is not METHOD TARGET HTTP/1.1")
    headers: dict[str, list[str]] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers.setdefault(name.lower(), []).append(value.strip())
    return parts[0], parts[1], headers


def read_body(buffer: bytes, start: int, headers: Mapping[str, list[str]]) -> tuple[bytes, bytes] | None:
    """Return a body and what follows it, or None while it is incomplete. Raises: BadRequest."""
    if "chunked" in headers.get("transfer-encoding", [""])[0].lower():
        return read_chunks(buffer, start)
    text = headers.get("content-length", ["0"])[0]
    if not text.isdigit() or int(text) > LARGEST_BODY:
        raise BadRequest("content-length is not a number, or too much")
    end = start + int(text)
    return (buffer[start:end], buffer[end:]) if len(buffer) >= end else None


def read_chunks(buffer: bytes, start: int) -> tuple[bytes, bytes] | None:
    """Return a chunked body and what follows it, or None while it is incomplete. Raises: BadRequest."""
    body = b""
    while True:
        line = buffer.find(b"\r\n", start)
        if line < 0:
            return None
        try:
            size = int(buffer[start:line].split(b";")[0], 16)
        except ValueError:
            raise BadRequest("a chunk has no size") from None
        if len(body) + size > LARGEST_BODY:
            raise BadRequest("the body is too long")
        end = line + 2 + size
        if len(buffer) < end + 2:
            return None
        if size == 0:
            return body, buffer[end + 2 :]
        body += buffer[line + 2 : end]
        start = end + 2


def phrase(code: int) -> str:
    try:
        return HTTPStatus(code).phrase
    except ValueError:
        return "Unknown"


def listeners(ports: list[int], host: str) -> list[socket.socket]:
    """Return the sockets to listen on: handed over by the node, or bound here."""
    given = dict(pair.split("=") for pair in os.environ.get("VOLARY_LISTEN", "").split(",") if pair)
    if "VOLARY_LISTEN" in os.environ:
        return [socket.socket(fileno=int(given[str(port)])) for port in ports if str(port) in given]
    return [socket.create_server((host, port)) for port in ports]


def watch_parent(loop: asyncio.AbstractEventLoop) -> None:
    """Tell the node, at the other end of the standard input, that we listen; end when that end is gone."""
    if "VOLARY_LISTEN" not in os.environ:
        return
    line = socket.socket(fileno=os.dup(0))
    line.setblocking(False)
    line.send(b"listening\n")
    loop.add_reader(line, lambda: line.recv(64) or os._exit(0))


def serve(app: Callable[[], App], ports: list[int], host: str = "127.0.0.1") -> int:
    """Run a program to its end; return the exit code."""

    async def main() -> None:
        await Server(app()).run(ports, host)

    try:
        asyncio.run(main())
    except OSError as problem:
        print(f"error: {problem}", file=sys.stderr, flush=True)
        return 1
    return 0
