"""Proxies: the way through one, plain or itself over TLS, to a server over TLS."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import pytest
import uvloop
from aiohttp import web

from volary.embedded.certificate import Authority
from volary.kube.http import HttpTransport
from volary.kube.kubeconfig import Access
from volary.kube.transport import Request


class Proxy:
    """Opens tunnels, and remembers whereto."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    @contextlib.asynccontextmanager
    async def serving(self, secure: ssl.SSLContext | None) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._tunnel, "127.0.0.1", 0, ssl=secure)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target = head.decode().split()[:2]
        self.asked.append(f"{method} {target}")
        onward = await asyncio.open_connection(*target.split(":"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(carried(reader, onward[1]), carried(onward[0], writer))


async def carried(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
    writer.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_a_server_is_reached_through_a_proxy(scheme: str, run: object) -> None:
    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def main() -> None:
        authority, proxy, app = Authority(), Proxy(), web.Application()
        app.router.add_get("/version", hello)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        secure = authority.server("127.0.0.1").context()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=secure).start()
        server = f"127.0.0.1:{runner.addresses[0][1]}"
        async with proxy.serving(secure if scheme == "https" else None) as port:
            way = f"{scheme}://127.0.0.1:{port}"
            made = HttpTransport(Access(f"https://{server}", authority=authority.certificate, proxy=way))
            assert (await made.request(Request("GET", "/version"))).body == b"hello"
            assert proxy.asked == [f"CONNECT {server}"]
            await made.close()
        await runner.cleanup()

    assert callable(run)
    run(main())
