"""The API of an embedded cluster over HTTPS, on loopback, for kubectl and for controllers in other processes.

Everything needs the server's bearer token but health and version, which tell nothing. Watches go out as they happen,
a proxied service's bytes pass through both ways as they come, and whatever a client sends is bounded.

Source: kube-apiserver 1.36 for limits (3 MiB, gzip from 128 KiB), headers and the words of refusals.
"""

from __future__ import annotations

import asyncio
import gzip
import hmac
import ipaddress
import logging
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote

import aiohttp
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader

from volary.embedded.api.answers import Answer, Logs, Proxy, Watch
from volary.embedded.api.call import split_path
from volary.embedded.api.errors import Problem, bad_request, internal
from volary.embedded.api.identity import User
from volary.embedded.audit import Entry, Recorder
from volary.embedded.certificate import Certificate, self_signed
from volary.embedded.feed import Feed
from volary.embedded.outside import Nothing, Outside
from volary.embedded.relay import relay
from volary.embedded.transport import Api, refusal
from volary.kube.transport import Request, Response

MOST_BODY_BYTES = 3 << 20
GZIP_FROM_BYTES = 128 << 10
STOP_SECONDS = 1.0  # for answers that are still going out when the server stops
OPEN_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/version", "/livez/ping", "/readyz/ping", "/healthz/ping"})
UNAUTHORIZED = Problem(401, "Unauthorized", "Unauthorized")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the holder of the token is."""

    token: str
    user: str = "admin"
    groups: tuple[str, ...] = ("system:masters", "system:authenticated")


class Server:
    """One API server on a port of its own."""

    def __init__(
        self,
        api: Api,
        identity: Identity,
        outside: Outside | None = None,
        audit: Recorder | None = None,
    ) -> None:
        self.api = api
        self.identity = identity
        self.user = User(identity.user, identity.groups)
        self.outside: Outside = outside or Nothing()
        self.audit = audit
        self.host, self.port = "127.0.0.1", 0
        self.certificate: Certificate | None = None  # from `start` on
        self._runner: web.ServerRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        self._open: set[Feed] = set()

    @property
    def url(self) -> str:
        return f"https://{self.host}:{self.port}"

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Listen. Port 0: the system picks one. Raises: ValueError for an address that others could reach, OSError."""
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"the embedded API server listens on loopback only, not on {host}")
        self._client = aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=0))
        server = web.Server(
            self._answer, request_factory=self._request, access_log=None, keepalive_timeout=90, auto_decompress=False
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=STOP_SECONDS)
        await self._runner.setup()
        self.certificate = self_signed(host)
        site = web.TCPSite(self._runner, host, port, backlog=512, ssl_context=self.certificate.context())
        try:
            await site.start()
        except OSError:
            await self.close()
            raise
        self.host, self.port = self._runner.addresses[0][:2]

    async def close(self) -> None:
        """End all watches and stop listening."""
        for feed in tuple(self._open):
            feed.end()
        if self._runner:
            await self._runner.cleanup()
        if self._client:
            await self._client.close()

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, asyncio.get_running_loop())

    async def _answer(self, http: web.BaseRequest) -> web.StreamResponse:
        request = request_from(http)
        if not self._known(request):
            return self._whole(http, refusal(UNAUTHORIZED), None)
        entry = self._note(request, http)
        if http.headers.get("expect", "").lower() == "100-continue":
            await http.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        path = split_path(request.path)
        try:
            if path is None or path.subresource != "proxy":  # of a proxied request the body passes through
                body = await read_body(http)
                request = Request(request.method, request.path, request.query, request.headers, body)
            answer = self.api.handle(as_get(request), self.user)
        except Problem as problem:
            return self._whole(http, refusal(problem), entry)
        except Exception:
            log.exception("a request ended in a bug", extra={"method": request.method, "path": request.path})
            return self._whole(http, refusal(internal("the server failed to answer; its log says why")), entry)
        return await self._carry(http, request, answer, entry)

    async def _carry(
        self, http: web.BaseRequest, request: Request, answer: Answer, entry: Entry | None
    ) -> web.StreamResponse:
        """Send an answer of whatever form."""
        if isinstance(answer, Response):
            return self._whole(http, answer, entry)
        try:
            if isinstance(answer, Proxy):
                assert self._client, "requests come after start"
                address = self.outside.address(answer)
                sent = await relay(self._client, http, answer, address)
            elif isinstance(answer, Logs):
                sent = await self._send_logs(http, answer)
            else:
                sent = await self._send_watch(http, answer, entry)
        except Problem as problem:
            return self._whole(http, refusal(problem), entry)
        if entry:
            entry.complete(sent.status)
        return sent

    async def _send_watch(self, http: web.BaseRequest, watch: Watch, entry: Entry | None) -> web.StreamResponse:
        response = web.StreamResponse(
            headers={"date": self.api.date(), **watch.headers, "cache-control": "no-cache, private"}
        )
        response.enable_chunked_encoding()
        await response.prepare(http)
        if entry:
            entry.started(200)
        transport = http.transport
        # A reader that does not read blocks our writing; only breaking the line frees it.
        with Feed(watch, on_dropped=transport.abort if transport else None) as feed:
            self._open.add(feed)
            try:
                with suppress(ConnectionError):
                    async for chunk in feed.chunks():
                        await response.write(chunk)
                    await response.write_eof()
            finally:
                self._open.discard(feed)
        return response

    async def _send_logs(self, http: web.BaseRequest, logs: Logs) -> web.StreamResponse:
        chunks = await self.outside.logs(logs)
        response = web.StreamResponse(headers={"content-type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(http)
        with suppress(ConnectionError):
            async for chunk in chunks:
                await response.write(chunk)
            await response.write_eof()
        return response

    def _whole(self, http: web.BaseRequest, response: Response, entry: Entry | None) -> web.Response:
        if entry:
            entry.complete(response.status)
        return whole(http, response, self.api.date())

    def _known(self, request: Request) -> bool:
        """May this request be answered? The comparison takes as long for a wrong token as for the right one."""
        if request.path in OPEN_PATHS:
            return True
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self.identity.token.encode())

    def _note(self, request: Request, http: web.BaseRequest) -> Entry | None:
        if self.audit is None:
            return None
        return self.audit.begin(request, self.user, http.remote or "127.0.0.1")


def request_from(http: web.BaseRequest) -> Request:
    """Return the request without its body."""
    path, _, query = http.raw_path.partition("?")
    first: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        first.setdefault(key, value)
    headers: dict[str, str] = {}
    for name, value in http.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]},{value}" if key in headers else value
    return Request(http.method, unquote(path), first, headers)


def as_get(request: Request) -> Request:
    """Return the request with GET for HEAD: only the body is left out, on the way back."""
    if request.method != "HEAD":
        return request
    return Request("GET", request.path, request.query, request.headers, request.body)


async def read_body(http: web.BaseRequest) -> bytes:
    """Return the whole body, unpacked. Raises: Problem if it is larger than the API takes, or damaged."""
    if not http.can_read_body:
        return b""
    if (http.content_length or 0) > MOST_BODY_BYTES:
        raise too_large()
    found = bytearray()
    async for chunk in http.content.iter_any():
        found += chunk
        if len(found) > MOST_BODY_BYTES:
            raise too_large()
    packed = http.headers.get("content-encoding", "").lower() == "gzip"
    return unpacked(bytes(found)) if packed else bytes(found)


def unpacked(body: bytes) -> bytes:
    """Return what a gzip body holds, never much more than the API takes. Raises: Problem."""
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        found = reader.decompress(body, MOST_BODY_BYTES + 1)
    except zlib.error as why:
        raise bad_request(f"the body is not gzip: {why}") from why
    if len(found) > MOST_BODY_BYTES:
        raise too_large()
    return found


def too_large() -> Problem:
    return Problem(413, "RequestEntityTooLarge", f"Request entity too large: limit is {MOST_BODY_BYTES}")


def whole(http: web.BaseRequest, response: Response, date: str) -> web.Response:
    """Return the answer as HTTP, compressed where it is large and the client can read it."""
    headers: Mapping[str, str] = {"date": date, **response.headers}
    body = response.body
    if len(body) >= GZIP_FROM_BYTES and "gzip" in http.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 1)
        headers = {**headers, "content-encoding": "gzip", "vary": "Accept-Encoding"}
    return web.Response(status=response.status, headers=headers, body=body)
