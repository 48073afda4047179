"""A client that costs little: requests made beforehand, one at a time on each connection, answers counted by length."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.http_server import TOKEN

HEADERS = f"Host: 127.0.0.1\r\nUser-Agent: bench/1\r\nAccept: application/json\r\nAuthorization: Bearer {TOKEN}\r\n"
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def request(method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> bytes:
    """Return a request as bytes."""
    head = f"{method} {path} HTTP/1.1\r\n{HEADERS}"
    if body:
        head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used."""
    words = (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@dataclass
class Load:
    """One run: what is sent, until when, and what came back."""

    requests: Iterator[bytes]
    until: float
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    open: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def good(self) -> int:
        return sum(number for status, number in self.statuses.items() if status < 300)


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.wanted = 0
        self.buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.load.open += 1
        self.send()

    def send(self) -> None:
        self.began = time.perf_counter()
        following = next(self.load.requests, None) if self.began < self.load.until else None
        if following is None:
            self.transport.close()
        else:
            self.transport.write(following)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.wanted:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            found = LENGTH.search(self.buffer)
            self.wanted = end + 4 + (int(found[1]) if found else 0)
        if len(self.buffer) >= self.wanted:
            self.load.statuses[int(self.buffer[9:12])] += 1
            self.load.latencies.append(time.perf_counter() - self.began)
            del self.buffer[: self.wanted]
            self.wanted = 0
            self.send()

    def connection_lost(self, error: Exception | None) -> None:
        self.load.open -= 1
        if not self.load.open:
            self.load.done.set()


class Watching(asyncio.Protocol):
    """A connection that watches and counts events; `begun` is set once the server has begun to answer."""

    def __init__(self, path: str, seen: list[int]) -> None:
        self.path = path
        self.seen = seen  # one number, which all of them add to
        self.begun = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        transport.write(request("GET", self.path))

    def data_received(self, data: bytes) -> None:
        self.seen[0] += data.count(EVENT)
        if not self.begun.done():
            self.begun.set_result(None)


EVENT = b'{"type":"'


async def watched(port: int, path: str, watchers: int, requests: Iterator[bytes], seconds: float) -> tuple[int, Load]:
    """Write for a while under the eyes of some watchers; return how many events they saw."""
    loop = asyncio.get_running_loop()
    seen = [0]
    lines = [await loop.create_connection(lambda: Watching(path, seen), "127.0.0.1", port) for _ in range(watchers)]
    for _, watching in lines:
        await watching.begun
    load = await run(port, requests, seconds, WRITERS, False)
    for _ in range(200):
        if seen[0] >= load.good * watchers:
            break
        await asyncio.sleep(0.01)
    for transport, _ in lines:
        transport.close()
    return seen[0], load


WRITERS = 8  # enough that the server always has something to do


async def run(port: int, requests: Iterator[bytes], seconds: float, connections: int, tls: bool) -> Load:
    """Send as fast as answers come, on some connections."""
    load = Load(requests, time.perf_counter() + seconds)
    loop = asyncio.get_running_loop()
    context = None
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    for _ in range(connections):
        await loop.create_connection(lambda: Client(load), "127.0.0.1", port, ssl=context)
    await load.done.wait()
    return load
