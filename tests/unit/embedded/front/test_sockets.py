"""Over real sockets, with TLS and without: who is known by a certificate, what hostile clients leave behind."""

from __future__ import annotations

import asyncio
import gc
import ssl
import tempfile
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import uvloop

from tests.unit.embedded.front.wire import get, post
from tests.unit.embedded.server.parts import TOKEN, FakeApi, FakeOutside, FakeWatch, serving
from volary.embedded.certificate import Authority, Certificate
from volary.embedded.front.limits import MOST_BODY_BYTES
from volary.embedded.server import Identity, Server
from volary.kube.transport import Response

JSON = {"content-type": "application/json"}
PODS = "/api/v1/pods"
PATIENCE_SECONDS = 30.0

LOOPS = pytest.mark.parametrize("fast", [False, True], ids=["asyncio", "uvloop"])


def run(test: Coroutine[Any, Any, None], fast: bool = False) -> None:
    factory = uvloop.new_event_loop if fast else None
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(asyncio.wait_for(test, PATIENCE_SECONDS))


@asynccontextmanager
async def plain(api: FakeApi) -> AsyncIterator[Server]:
    server = Server(api, Identity(TOKEN), FakeOutside())
    await server.start(tls=False)
    try:
        yield server
    finally:
        await server.close()


def trusting(server: Server, shown: Certificate | None = None) -> ssl.SSLContext:
    """Return the TLS of a client that trusts the server and shows a certificate."""
    assert server.authority
    context = ssl.create_default_context(cadata=server.authority.certificate.decode())
    if shown:
        with tempfile.NamedTemporaryFile() as file:
            file.write(shown.certificate + shown.key)
            file.flush()
            context.load_cert_chain(file.name)
    return context


@LOOPS
def test_a_client_s_certificate_says_who_asks(fast: bool) -> None:
    async def test() -> None:
        api = FakeApi({PODS: Response(200, JSON, b"{}")})
        async with serving(api) as (server, _):
            assert server.authority
            jane = trusting(server, server.authority.client("jane", ("devs",)))
            async with aiohttp.ClientSession(server.url, connector=aiohttp.TCPConnector(ssl=jane)) as client:
                assert (await client.get(PODS)).status == 200
        (user,) = api.users
        assert (user.name, user.groups) == ("jane", ("devs", "system:authenticated"))
        assert user.extra[0][1][0].startswith("X509SHA256=")

    run(test(), fast)


@LOOPS
def test_a_certificate_that_somebody_else_signed_opens_nothing(fast: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        api = FakeApi()
        async with serving(api) as (server, _):
            stranger = trusting(server, Authority().client("admin", ("system:masters",)))
            async with aiohttp.ClientSession(server.url, connector=aiohttp.TCPConnector(ssl=stranger)) as client:
                with pytest.raises(aiohttp.ClientError):
                    await client.get(PODS)
        assert not api.asked

    run(test(), fast)
    assert not caplog.records


@LOOPS
def test_without_tls_the_token_counts_as_well(fast: bool) -> None:
    async def test() -> None:
        async with plain(FakeApi({PODS: Response(200, JSON, b"{}")})) as server:
            assert server.url.startswith("http://127.0.0.1:")
            async with aiohttp.ClientSession(server.url, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
                assert (await client.get(PODS)).status == 200

    run(test(), fast)


@LOOPS
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_garbage_leaves_nothing_behind(fast: bool, tls: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        server = Server(FakeApi(), Identity(TOKEN))
        await server.start(tls=tls)
        for garbage in (b"", b"\x16\x03\x01", b"\0" * 5000, b"GET / HTTP/1.1\r\n\r\n", b"GET / HT"):
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(garbage)
            if tls:
                writer.write_eof()
                await reader.read()
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        await server.close()
        assert not server._front._connections

    run(test(), fast)
    gc.collect()  # a socket that nobody closed would warn now, and a warning is an error
    assert not caplog.records


@LOOPS
def test_a_client_that_never_shakes_hands_does_not_hold_the_server(
    fast: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        server = Server(FakeApi(), Identity(TOKEN))
        await server.start()
        reader, writer = await asyncio.open_connection(server.host, server.port)
        await server.close()
        writer.close()
        del reader

    run(test(), fast)
    gc.collect()
    assert not caplog.records


@LOOPS
def test_who_sends_too_much_hears_why(fast: bool) -> None:
    async def test() -> None:
        async with plain(FakeApi({PODS: Response(201, JSON, b"{}")})) as server:
            reader, writer = await asyncio.open_connection(server.host, server.port)
            writer.write(post(PODS, b"x" * (MOST_BODY_BYTES + 100_000)))
            answer = await reader.read()
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b"limit is 3145728" in answer
            writer.close()

    run(test(), fast)


@LOOPS
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_server_stops_with_all_that_is_open(fast: bool, tls: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        watches = [FakeWatch() for _ in range(3)]
        api = FakeApi({f"{PODS}/{number}": watch for number, watch in enumerate(watches)})
        server = Server(api, Identity(TOKEN))
        await server.start(tls=tls)
        context = trusting(server) if tls else None
        lines = [await asyncio.open_connection(server.host, server.port, ssl=context) for _ in range(5)]
        for number, (reader, writer) in enumerate(lines[:3]):
            writer.write(get(f"{PODS}/{number}"))
            await reader.readuntil(b"first\n\r\n")
        lines[3][1].write(b"GET / HT")
        await server.close()
        assert [watch.closed > 0 for watch in watches] == [True] * 3
        assert [await reader.read() for reader, _ in lines[:3]] == [b"0\r\n\r\n"] * 3
        for _, writer in lines:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    run(test(), fast)
    gc.collect()
    assert not caplog.records


@LOOPS
def test_a_reader_that_stops_reading_is_let_go_without_harm(fast: bool) -> None:
    async def test() -> None:
        watch = FakeWatch(first=())
        async with plain(FakeApi({PODS: watch})) as server:
            reader, writer = await asyncio.open_connection(server.host, server.port, limit=1)
            writer.write(get(PODS))
            event = b"z" * 100_000
            sent = 0
            while watch.deliver or not sent:
                if watch.deliver:
                    watch.deliver(event)
                    sent += 1
                await asyncio.sleep(0)
            assert 16 << 20 < sent * len(event) < 64 << 20
            writer.transport.abort()
            del reader

    run(test(), fast)


def test_two_clusters_do_not_take_each_other_s_certificates() -> None:
    async def test() -> None:
        api = FakeApi({PODS: Response(200, JSON, b"{}")})
        async with serving(api) as (server, _):
            assert server.authority
            jane = trusting(server, server.authority.client("jane"))
            server.site.authority = "another"
            async with aiohttp.ClientSession(server.url, connector=aiohttp.TCPConnector(ssl=jane)) as client:
                assert (await client.get(PODS)).status == 200
        assert [it.name for it in api.users] == ["system:anonymous"]

    run(test())
