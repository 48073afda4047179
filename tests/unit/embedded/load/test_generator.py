from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from volary.embedded.load import generator as module
from volary.embedded.load.counts import Counts, Paths
from volary.embedded.load.generator import Generator, Target

Answer = Callable[[bytes], bytes | None]  # request head -> answer; None: hang up; b"": say nothing
SIGNED = b"HTTP/1.1 200 OK\r\nx-volary-pod: a\r\ncontent-length: 0\r\n\r\n"


class Server(asyncio.Protocol):
    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        said = self.answer(data)
        if said is None:
            self.transport.abort()
        else:
            self.transport.write(said)


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[tuple[str, int]]:
    server = await asyncio.get_running_loop().create_server(lambda: Server(answer), "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[:2]


def noted(heads: list[bytes], said: bytes) -> Answer:
    def answer(head: bytes) -> bytes:
        heads.append(head)
        return said

    return answer


def load(answer: Answer, most: int, paths: Paths | None = None) -> Counts:
    counts = Counts()

    async def run() -> None:
        async with serving(answer) as address:
            await Generator(Target(address, "app.example.com"), paths or Paths([("/", 1)]), 5000, counts).run(most)

    asyncio.run(run())
    counts.take(0)
    return counts


def test_every_request_is_sent_and_counted_under_its_pod() -> None:
    heads: list[bytes] = []
    counts = load(noted(heads, SIGNED), 100, Paths([("/", 3), ("/beta", 1)]))
    assert (counts.total.sent, counts.total.ok, counts.total.lost) == (100, 100, 0)
    assert sum(head.startswith(b"GET /beta HTTP/1.1\r\nhost: app.example.com\r\n") for head in heads) == 25


def test_a_failing_pod_is_not_a_lost_request() -> None:
    counts = load(lambda head: SIGNED.replace(b"200", b"500"), 20)
    assert (counts.total.failed, counts.total.lost, counts.total.line()["codes"]) == (20, 0, {"500": 20})


def test_hanging_up_and_unsigned_answers_are_lost_requests() -> None:
    turns = iter(range(1000))
    counts = load(lambda head: None if next(turns) % 2 else b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n", 20)
    assert counts.total.lost == 20
    assert counts.total.line()["lost_why"] == {"reset": 10, "unsigned 503": 10}


def test_a_refused_connection_is_a_lost_request() -> None:
    counts = Counts()

    async def run() -> None:
        async with serving(lambda head: SIGNED) as address:
            pass  # closed again: nobody listens there now
        await Generator(Target(address, "x"), Paths([("/", 1)]), 5000, counts).run(5)

    asyncio.run(run())
    assert dict(counts.now.why) == {"refused": 5}


def test_a_silent_server_slows_nothing_and_every_request_is_lost_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.05)
    heads: list[bytes] = []
    counts = load(noted(heads, b""), 50)
    assert len(heads) == 50, "requests waited for answers"
    assert dict(counts.total.why) == {"timeout": 50}


def test_the_program_prints_lines_and_ends_on_sigterm_with_all_requests_answered() -> None:
    async def run() -> tuple[int | None, list[str]]:
        async with serving(lambda head: SIGNED) as (host, port):
            command = [
                "-m",
                "volary.embedded.load",
                f"--target={host}:{port}",
                "--host=x",
                "--rate=400",
                "--report=0.05",
            ]
            process = await asyncio.create_subprocess_exec(sys.executable, *command, stdout=asyncio.subprocess.PIPE)
            assert process.stdout is not None
            first = await process.stdout.readline()
            process.send_signal(signal.SIGTERM)
            rest, _ = await process.communicate()
            return process.returncode, [first.decode(), *rest.decode().splitlines()]

    status, lines = asyncio.run(asyncio.wait_for(run(), 20))
    last = json.loads(lines[-1])
    assert (status, last["end"], last["total"]["lost"]) == (0, True, 0)
    assert last["total"]["sent"] == last["total"]["ok"] == sum(json.loads(line)["sent"] for line in lines) > 0
