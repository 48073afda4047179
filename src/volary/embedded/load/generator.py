"""Sends requests when they are due, each on an idle connection or on a new one, and never waits for an answer.

Latency counts from the moment a request was due, so that our own lateness is not hidden.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from volary.embedded.load.answers import Garbled, Reader
from volary.embedded.load.counts import LOAD, Counts, Paths

ANSWER_SECONDS = 5.0
IDLE_SECONDS = 20.0  # the gateway closes idle connections after 60 s: never race with that
SHORTEST_TICK_SECONDS = 0.002
SWEEP_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Target:
    """Whom to ask."""

    address: tuple[str, int]
    host: str  # the Host header
    load: str = "load"  # who asks: pods count the requests of each

    def request(self, path: str) -> bytes:
        who = f"user-agent: volary-load\r\n{LOAD}: {self.load}"
        return f"GET {path} HTTP/1.1\r\nhost: {self.host}\r\n{who}\r\n\r\n".encode()


class Connection(asyncio.Protocol):
    """One connection to the gateway, with at most one request out."""

    def __init__(self, counts: Counts, idle: deque[Connection], now: Callable[[], float]) -> None:
        self._counts, self._idle, self._now = counts, idle, now
        self._reader = Reader()
        self._transport: asyncio.Transport | None = None
        self.due: float | None = None  # of the request that is out
        self.since = 0.0  # idle since, or sent at
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def send(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self.due, self.since = due, self._now()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self.due is None:
            self.close()  # an answer to nothing
            return
        try:
            answer = self._reader.feed(data)
        except Garbled:
            self.give_up("garbled answer")
            return
        if answer is None:
            return
        self._counts.now.answered(answer.status, answer.pod, self._now() - self.due)
        self._counts.told(answer.pod, answer.served)
        self.due, self.since = None, self._now()
        if answer.last:
            self.close()
        else:
            self._idle.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self.due is not None:
            self.due = None
            self._counts.now.gone("reset")
        if self in self._idle:
            self._idle.remove(self)

    def give_up(self, why: str) -> None:
        """Count the request that is out as lost, and drop the connection."""
        self.due = None
        self._counts.now.gone(why)
        self.close()

    def close(self) -> None:
        self.closed = True
        if self in self._idle:
            self._idle.remove(self)
        assert self._transport is not None
        self._transport.close()


class Generator:
    """One stream of requests at a constant rate."""

    def __init__(self, target: Target, paths: Paths, rate: float, counts: Counts) -> None:
        self._target, self._paths, self._rate, self._counts = target, paths, rate, counts
        self._requests: dict[str, bytes] = {}
        self._idle: deque[Connection] = deque()  # the last used is used first, so that the surplus grows old
        self._all: set[Connection] = set()
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Send no more; `run` returns once all requests that are out have ended."""
        self._stopped.set()

    async def run(self, most: int | None = None) -> None:
        """Send until `stop`, or until `most` requests are sent."""
        async with asyncio.TaskGroup() as tasks:
            sweeper = tasks.create_task(self._sweep())
            await self._send_all(tasks, most)
            while self._counts.unfinished:  # noqa: ASYNC110 (counts are plain numbers)
                await asyncio.sleep(SHORTEST_TICK_SECONDS)
            sweeper.cancel()
        for connection in list(self._all):
            connection.close()

    async def _send_all(self, tasks: asyncio.TaskGroup, most: int | None) -> None:
        now = asyncio.get_running_loop().time
        began, sent = now(), 0
        while not self._stopped.is_set() and (most is None or sent < most):
            due = int((now() - began) * self._rate) + 1
            for number in range(sent, due if most is None else min(due, most)):
                self._send(tasks, began + number / self._rate)
                sent += 1
            until_due = began + sent / self._rate - now()
            await asyncio.sleep(min(max(until_due, SHORTEST_TICK_SECONDS), SWEEP_SECONDS))

    def _send(self, tasks: asyncio.TaskGroup, due: float) -> None:
        path = self._paths.next()
        request = self._requests.get(path) or self._requests.setdefault(path, self._target.request(path))
        self._counts.now.sent += 1
        if self._idle:
            self._idle.pop().send(request, due)
        else:
            tasks.create_task(self._send_on_new(request, due))

    async def _send_on_new(self, request: bytes, due: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._counts, self._idle, loop.time), *self._target.address
                )
        except TimeoutError:
            self._counts.now.gone("timeout")
        except OSError:
            self._counts.now.gone("refused")
        else:
            self._all.add(connection)
            connection.send(request, due)

    async def _sweep(self) -> None:
        """Give up on requests without an answer, and close what has been idle for long."""
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            for connection in list(self._all):
                if connection.due is not None and now() - connection.since > ANSWER_SECONDS:
                    connection.give_up("timeout")
                elif connection.due is None and now() - connection.since > IDLE_SECONDS:
                    connection.close()
                if connection.closed:
                    self._all.discard(connection)
