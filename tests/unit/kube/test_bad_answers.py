"""What stands between us and an API server can answer anything: it becomes `Unreachable` or a Status, in time, and no
word of it is a credential of ours.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from volary.embedded.certificate import Authority
from volary.kube.client import Client
from volary.kube.credentials import Credential, Fixed
from volary.kube.errors import ApiError, KubeError, Unreachable
from volary.kube.http import HttpTransport
from volary.kube.kubeconfig import Access
from volary.kube.listwatch import ListWatch
from volary.kube.pace import Pace
from volary.kube.resources import CONFIG_MAPS
from volary.kube.tls import context_for
from volary.kube.transport import Request

CANARY = "c4nary-s3cret"
Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LIST = b'{"metadata": {"resourceVersion": "5"}, "items": []}'


@contextlib.asynccontextmanager
async def speaking(raw: Raw) -> AsyncIterator[int]:
    """Run a server of bytes on loopback; give its port."""

    speakers = set[asyncio.Task[None] | None]()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        speakers.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await raw(reader, writer)
        with contextlib.suppress(OSError):
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(one, "127.0.0.1", 0, limit=1 << 24)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*filter(None, speakers))


def client_of(port: int, seconds: float = 5.0, proxy: str = "") -> Client:
    access = Access(f"http://127.0.0.1:{port}", Fixed(Credential(CANARY)), proxy=proxy)
    return Client(HttpTransport(access), "test", seconds)


def saying(data: bytes) -> Raw:
    """Return a server that says this, and repeats what it was sent where `%s` stands."""

    async def raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        [secret] = [line for line in head.split(b"\r\n") if line.lower().startswith((b"authorization", b"proxy-auth"))]
        writer.write(data.replace(b"%s", secret))
        await writer.drain()

    return raw


def http(status: str, body: bytes, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nconnection: close\r\n{headers}\r\n".encode() + body


async def watched(source: ListWatch) -> None:
    async with source.watch("5") as events:
        assert [event async for event in events] == []
    raise Unreachable("Reset", "it ended")


@pytest.mark.parametrize(
    ("said", "error", "text"),
    [
        (http("200 OK", b"<html>log in: %s</html>"), Unreachable, "the answer is not a list; is this an API server?"),
        (http("200 OK", b"{}"), Unreachable, "the answer is not a list"),
        (http("200 OK", LIST[:20]), Unreachable, "the answer is not a list"),
        (http("200 OK", LIST, "content-length: 999\r\n"), Unreachable, "the connection broke"),
        (http("200 OK", b"\x1f\x8bno", "content-encoding: gzip\r\n"), Unreachable, "127.0.0.1"),
        (http("502 Bad Gateway", b"<pre>%s</pre>"), ApiError, "Bearer [hidden]"),
        (http("407 Proxy", b"you sent: %s"), ApiError, "Bearer [hidden]"),
        (http("302 Found", b"", "location: http://elsewhere/\r\n"), ApiError, "HTTP 302"),
        (http("410 Gone", b"gone"), ApiError, "gone"),
        (http("429 Slow", b"slow", f"retry-after: {'9' * 5000}\r\n"), ApiError, "slow"),
        (http("200 OK", LIST, "x: " + "y" * 100_000 + "\r\n"), Unreachable, "does not speak HTTP/1.1"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Unreachable, "does not speak HTTP/1.1"),
        (b"", Unreachable, "the connection broke"),
    ],
)
@pytest.mark.parametrize("how", ["list", "watch"])
def test_what_is_no_api_server_is_said_so(said: bytes, error: type[KubeError], text: str, how: str) -> None:
    async def main() -> None:
        async with speaking(saying(said)) as port:
            client = client_of(port)
            source = ListWatch(client, CONFIG_MAPS)
            with pytest.raises(KubeError) as caught:
                await (source.list() if how == "list" else watched(source))
            await client.close()
        assert CANARY not in str(caught.value) + repr(caught.value)
        if how == "list" or error is ApiError:
            assert isinstance(caught.value, error)
            assert text in str(caught.value)

    asyncio.run(main())


def test_an_answer_that_was_packed_unasked_is_read() -> None:
    async def main() -> None:
        said = http("200 OK", gzip.compress(LIST), "content-encoding: gzip\r\n")
        async with speaking(saying(said)) as port:
            client = client_of(port)
            assert await ListWatch(client, CONFIG_MAPS).list() == ([], "5")
            await client.close()

    asyncio.run(main())


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 503 No\r\nconnection: close\r\n\r\n"])
def test_a_server_that_lets_fall_bytes_is_left_in_time(begin: bytes) -> None:
    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begin)
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async def main() -> None:
        async with speaking(dripping) as port:
            made = HttpTransport(Access(f"http://127.0.0.1:{port}"))
            with pytest.raises(Unreachable):
                await made.request(Request("GET", "/x", timeout_seconds=0.1))
            with pytest.raises(Unreachable):
                async with made.stream(Request("GET", "/x", timeout_seconds=0.1)):
                    pass
            await made.close()

    asyncio.run(main())


def test_a_line_of_ten_megabytes_is_an_event_and_one_without_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("volary.kube.client.LONGEST_LINE", 12 << 20)
    value = b"x" * (10 << 20)
    long = b'{"type": "ADDED", "object": {"metadata": {"name": "a", "resourceVersion": "6"}, "data": {"v": "%b"}}}\n'

    async def main() -> None:
        async with speaking(saying(http("200 OK", long % value + b"y" * (13 << 20)))) as port:
            client = client_of(port)
            async with ListWatch(client, CONFIG_MAPS).watch("5") as events:
                first = await anext(events)
                assert len(first.item.held["data"]["v"]) == 10 << 20
                with pytest.raises(Unreachable, match="lines of at most 12 MiB"):
                    await anext(events)
            await client.close()

    asyncio.run(main())


@pytest.mark.parametrize("said", [http("407 No", b"%s"), b"", b"SSH-2.0-x\r\n", http("200 OK", b"<html>")])
@pytest.mark.parametrize("server", ["http://w.example", "https://w.example"])
def test_a_proxy_s_password_is_in_no_error(said: bytes, server: str) -> None:
    async def main() -> None:
        async with speaking(saying(said)) as port:
            way = f"http://me:{CANARY}@127.0.0.1:{port}"
            client = Client(HttpTransport(Access(server, proxy=way)), "test", 5.0)
            with pytest.raises(KubeError) as caught:
                await ListWatch(client, CONFIG_MAPS).list()
            assert CANARY not in str(caught.value) + repr(client.transport)
            await client.close()
        client = Client(HttpTransport(Access(server, proxy=way)), "test", 5.0)
        with pytest.raises(KubeError, match=f"by the proxy 127.0.0.1:{port}.: connection refused"):
            await ListWatch(client, CONFIG_MAPS).list()
        await client.close()

    asyncio.run(main())


def test_an_encrypted_key_is_refused_and_nobody_is_asked_for_its_password() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    secret = serialization.BestAvailableEncryption(CANARY.encode())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    certificate = Authority().certificate
    with pytest.raises(Unreachable, match="damaged, encrypted, or of another pair"):
        context_for(b"", True, certificate, key.private_bytes(*form, secret))


def test_a_renewed_authority_is_taken_up_and_a_missing_file_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def main() -> None:
        file, (old, new) = tmp_path / "ca.crt", (Authority(), Authority())
        file.write_bytes(old.certificate)
        app = web.Application()
        app.router.add_get("/version", hello)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=new.server("127.0.0.1").context()).start()
        made = HttpTransport(Access(f"https://127.0.0.1:{runner.addresses[0][1]}", authority=file))
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            await made.request(Request("GET", "/version"))
        file.write_bytes(new.certificate)
        made._read_again_at = 0.0  # ten seconds later
        assert (await made.request(Request("GET", "/version"))).body == b"hello"
        file.unlink()
        made._read_again_at = 0.0
        assert (await made.request(Request("GET", "/version"))).body == b"hello"
        await made.close()
        await runner.cleanup()

    asyncio.run(main())


def test_new_connections_take_their_turn_and_kept_ones_need_none() -> None:
    class Counted(Pace):
        turns = 0

        async def turn(self) -> None:
            self.turns += 1

    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def main() -> None:
        pace, app = Counted(), web.Application()
        app.router.add_get("/version", hello)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made = HttpTransport(Access(f"http://127.0.0.1:{runner.addresses[0][1]}"), pace)
        for _ in range(5):
            await made.request(Request("GET", "/version"))
        assert pace.turns == 1
        await made.close()
        await runner.cleanup()

    asyncio.run(main())
