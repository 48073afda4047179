"""What the tests of the HTTP front need: an API that answers by path, a service behind a proxy, a client."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from volary.embedded.api.answers import Answer, Logs, Proxy
from volary.embedded.api.auth.identity import User
from volary.embedded.api.errors import Problem
from volary.embedded.audit import Recorder
from volary.embedded.outside import Address, Nothing
from volary.embedded.server import Identity, Server
from volary.kube.transport import Request, Response

DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
TOKEN = "correct-horse"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SERVICE = "/api/v1/namespaces/test/services/web:http/proxy"


@dataclass
class FakeWatch:
    """A watch that the test feeds."""

    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "application/json"})
    timeout_seconds: float = 0
    bookmarks: bool = True
    ended: bool = False
    first: tuple[bytes, ...] = (b"first\n",)
    deliver: Callable[[bytes], None] | None = None
    closed: int = 0

    def open(self, deliver: Callable[[bytes], None]) -> None:
        self.deliver = deliver
        for event in self.first:
            deliver(event)

    def bookmark(self) -> bytes | None:
        return b"bookmark\n" if self.bookmarks else None

    def close(self) -> None:
        self.deliver = None
        self.closed += 1


@dataclass
class FakeApi:
    """Answers by path; what it was asked is kept."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[Request] = field(default_factory=list)
    users: list[User] = field(default_factory=list)

    def date(self) -> str:
        return DATE

    def handle(self, request: Request, user: User) -> Answer:
        self.asked.append(request)
        self.users.append(user)
        if request.path.startswith(SERVICE):
            return Proxy("test", "web", "http", "http", request.path.removeprefix(SERVICE))
        return self.answers.get(request.path) or Response(404, {"content-type": "application/json"}, b"{}")


@dataclass
class FakeOutside(Nothing):
    """One service at an address, and the log of one pod."""

    at: Address | None = None

    def address(self, target: Proxy) -> Address:
        if self.at is None:
            raise Problem(503, "ServiceUnavailable", f'no endpoints available for service "{target.service}"')
        return self.at

    async def logs(self, target: Logs) -> AsyncIterator[bytes]:
        async def lines() -> AsyncIterator[bytes]:
            yield f"{target.pod}/{target.container} ".encode()
            yield b"says hello\n"

        return lines()


def session(server: Server, headers: Mapping[str, str] = BEARER, unpack: bool = True) -> aiohttp.ClientSession:
    """Return a client that trusts the server's certificate."""
    assert server.authority
    trust = ssl.create_default_context(cadata=server.authority.certificate.decode())
    connector = aiohttp.TCPConnector(ssl=trust)
    return aiohttp.ClientSession(server.url, headers=headers, connector=connector, auto_decompress=unpack)


@asynccontextmanager
async def serving(
    api: FakeApi, outside: FakeOutside | None = None, audit: Recorder | None = None
) -> AsyncIterator[tuple[Server, aiohttp.ClientSession]]:
    """Run the server and a client that knows the token."""
    server = Server(api, Identity(TOKEN), outside, audit)
    await server.start()
    try:
        async with session(server) as client:
            yield server, client
    finally:
        await server.close()


@asynccontextmanager
async def backend(handler: Callable[[web.BaseRequest], object]) -> AsyncIterator[Address]:
    """Run a service that a proxied request can reach."""
    runner = web.ServerRunner(web.Server(handler))  # type: ignore[arg-type]
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield host, port
    finally:
        await runner.cleanup()
