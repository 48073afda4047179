"""The way to a real API server: HTTP/1.1 over TLS, with the credentials of a kubeconfig.

One pool of connections for each cluster, and a new one for each new client certificate or authority; what is under way
ends on the old one. Every wait has an end: the whole answer for a request, the longest silence for a stream. How many
requests go at once, and which are sent again, is `kube.guarded`'s to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from volary.kube.credentials import REREAD, Credential, NoCredentials, read
from volary.kube.errors import Unreachable
from volary.kube.guarded import Guarded
from volary.kube.kubeconfig import Access
from volary.kube.pace import Pace
from volary.kube.tls import context_for
from volary.kube.transport import Request, Response, Stream

CONNECT_SECONDS = 10.0  # name, TCP and TLS; a healthy server needs well under one
IDLE_SECONDS = 30.0  # shorter than any server's own limit, so that we do not send into a connection just closed
PATH_SAFE = "/:@!$&'()*+,;=~"
LARGEST_ANSWER = 1 << 30  # bytes; a list in one piece may be of hundreds of megabytes
LARGEST_REFUSAL = 1 << 20
HIDDEN = b"[hidden]"


def connect(access: Access, rng: random.Random, pace: Pace | None = None) -> Guarded:
    """Return the way to one cluster as everybody uses it."""
    return Guarded(HttpTransport(access, pace), rng)


class HttpTransport:
    """A `Transport` over HTTPS. Made anywhere, used in one event loop."""

    def __init__(self, access: Access, pace: Pace | None = None) -> None:
        self.access = access
        self.pace = pace or Pace()
        self.host = urlsplit(access.server).netloc
        self._authority = access.authority if isinstance(access.authority, bytes) else b""
        self._read_again_at = 0.0  # loop time, of the authority's file
        self._pool: Pool | None = None
        self._retired: set[Pool] = set()  # of older certificates, with requests under way
        self._closed = False

    async def request(self, request: Request) -> Response:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        try:
            async with asyncio.timeout(request.timeout_seconds):
                opened = await self._open(request, timeout)
                try:
                    body = await self._body(opened, request.buffer)
                    return Response(opened.answer.status, lower(opened.answer.headers), body)
                finally:
                    await self._let_go(opened)
        except Exception as error:
            raise unreachable(error, self._way, request.timeout_seconds) from None

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        silence = request.timeout_seconds
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=silence)
        async with contextlib.AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(silence):  # also of names, proxies and headers that come byte by byte
                    opened = await self._open(request, timeout)
                    stack.push_async_callback(self._let_go, opened)
                    refusal = await self._body(opened, None) if opened.answer.status >= 300 else None
            except Exception as error:
                raise unreachable(error, self._way, silence) from None
            yield HttpStream(opened.answer, self._way, silence, refusal)

    async def close(self) -> None:
        self._closed = True
        for pool in [*self._retired, *([self._pool] if self._pool else [])]:
            await pool.session.close()
        self._retired.clear()

    @staticmethod
    async def _body(opened: Opened, buffer: bytearray | None) -> bytes:
        """Return the body, in the memory of the last one where the caller has no more use for that.

        Not by `read`, whose own buffer fills, and stops and starts the socket all the time.
        """
        body, have = bytearray() if buffer is None else buffer, 0
        refused = opened.answer.status >= 300
        most = LARGEST_REFUSAL if refused else LARGEST_ANSWER
        async for chunk in opened.answer.content.iter_any():
            body[have : have + len(chunk)] = chunk
            have += len(chunk)
            if have > most:
                raise Unreachable("Failed", f"an answer is larger than {most >> 20} MiB")
        del body[have:]
        if refused and opened.token:  # some proxies show what they were sent, and the text goes to people
            return bytes(body).replace(opened.token.encode(), HIDDEN)
        # To a reader a bytearray is as good, and fresh pages of memory cost more than what is read into them.
        return bytes(body) if buffer is None else cast("bytes", body)

    async def _open(self, request: Request, timeout: aiohttp.ClientTimeout) -> Opened:
        """Send, and once more with fresh credentials if the server does not know the ones we have."""
        source = self.access.credentials
        credential = await source.current()
        opened = await self._sent(request, timeout, credential)
        if opened.answer.status != 401 or not source.rejected(credential):
            return opened
        try:
            fresh = await source.current()
        except BaseException:
            await self._let_go(opened)
            raise
        if fresh == credential:
            return opened
        await self._let_go(opened)
        return await self._sent(request, timeout, fresh)

    async def _sent(self, request: Request, timeout: aiohttp.ClientTimeout, credential: Credential) -> Opened:
        pool = await self._pool_for(credential)
        pool.users += 1
        try:
            return Opened(await self._send(pool, request, timeout, credential), pool, credential.token)
        except BaseException:
            await self._left(pool)
            raise

    async def _let_go(self, opened: Opened) -> None:
        opened.answer.close()  # a body that was not read to its end cannot be left in the pool
        await self._left(opened.pool)

    async def _left(self, pool: Pool) -> None:
        """Close an old certificate's connections when the last request on them has ended."""
        pool.users -= 1
        if pool in self._retired and not pool.users:
            self._retired.discard(pool)
            await pool.session.close()

    async def _send(
        self, pool: Pool, request: Request, timeout: aiohttp.ClientTimeout, credential: Credential
    ) -> aiohttp.ClientResponse:
        headers = CIMultiDict(request.headers)
        for name, value in self.access.impersonation:
            headers.add(name, value)
        if credential.token:
            headers["authorization"] = f"Bearer {credential.token}"
        return await pool.session.request(
            request.method,
            self._url(request),
            headers=headers,
            data=request.body or None,
            timeout=timeout,
            allow_redirects=False,  # a redirect would carry the token to whoever is named in it
            server_hostname=self.access.server_name or None,
            proxy=self.access.proxy or None,
        )

    def _url(self, request: Request) -> URL:
        url = self.access.server + quote(request.path, safe=PATH_SAFE)
        return URL(f"{url}?{urlencode(request.query)}" if request.query else url, encoded=True)

    async def _pool_for(self, credential: Credential) -> Pool:
        """Return the connections of this credential; a new client certificate needs new ones."""
        if self._closed:
            raise Unreachable("Failed", f"{self.host}: the connection was closed on our side")
        authority, old = self._authority_now(), self._pool
        if old is not None and (old.certificate, old.authority) == (credential.certificate, authority):
            return old
        self._pool = pool = Pool.open(self.access, authority, credential, self.pace)
        if old is not None:
            self._retired.add(old)
            old.users += 1
            await self._left(old)
        return pool

    def _authority_now(self) -> bytes:
        """Return the authority; a file may have been replaced, and is away for a moment while it is."""
        moment = asyncio.get_running_loop().time()
        if isinstance(self.access.authority, Path) and (not self._authority or moment >= self._read_again_at):
            try:
                self._authority = read(self.access.authority)
            except NoCredentials:
                if not self._authority:
                    raise
            self._read_again_at = moment + REREAD.total_seconds()
        return self._authority

    @property
    def _way(self) -> str:
        """Return whom an error is about, as it may be shown."""
        proxy = urlsplit(self.access.proxy)
        return f"{self.host} (by the proxy {proxy.hostname}:{proxy.port})" if proxy.hostname else self.host


class Paced(aiohttp.TCPConnector):
    """Opens connections in turn. Not by a TraceConfig, which costs each request a tenth of its time."""

    def __init__(self, pace: Pace, **options: Any) -> None:
        super().__init__(**options)
        self.pace = pace

    async def _create_connection(self, *args: Any) -> Any:
        await self.pace.turn()
        return await super()._create_connection(*args)


@dataclass(slots=True, eq=False)
class Pool:
    """Connections that were opened with one client certificate, and one authority."""

    certificate: bytes
    authority: bytes
    session: aiohttp.ClientSession
    users: int = 0

    @classmethod
    def open(cls, access: Access, authority: bytes, credential: Credential, pace: Pace) -> Pool:
        secure: ssl.SSLContext | bool = True
        if access.server.startswith("https://"):
            secure = context_for(authority, access.verify, credential.certificate, credential.key)
        connector = Paced(pace, limit=0, ssl=secure, keepalive_timeout=IDLE_SECONDS)
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # Lines of a watch may not wait for a compressor, and a list on the same network is faster plain.
            headers={"accept-encoding": "identity"},
        )
        return cls(credential.certificate, authority, session)


@dataclass(frozen=True, slots=True)
class Opened:
    """An answer that has begun, and whose connections it came on."""

    answer: aiohttp.ClientResponse
    pool: Pool
    token: str = field(repr=False)


class HttpStream:
    """An answer that is still coming; one that is no 2xx has come already."""

    def __init__(self, answer: aiohttp.ClientResponse, host: str, silence_seconds: float, whole: bytes | None) -> None:
        self.status = answer.status
        self.headers: Mapping[str, str] = lower(answer.headers)
        self._answer = answer
        self._host = host
        self._silence_seconds = silence_seconds
        self._whole = whole

    async def chunks(self) -> AsyncIterator[bytes]:
        if self._whole is not None:
            yield self._whole
            return
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except Exception as error:
            raise unreachable(error, self._host, self._silence_seconds) from None


def lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def unreachable(error: Exception, host: str, seconds: float) -> Exception:
    """Return what happened in our words: who, and what; never what was sent."""
    match error:
        case Unreachable():
            return error
        case aiohttp.ConnectionTimeoutError():
            return Unreachable("Timeout", f"{host}: no connection within {CONNECT_SECONDS:g} s")
        case aiohttp.ServerTimeoutError() | TimeoutError():
            return Unreachable("Timeout", f"{host}: no answer within {seconds:g} s")
        case aiohttp.ClientConnectorError() | aiohttp.ClientConnectorCertificateError():
            return not_connected(error, host)
        case aiohttp.ClientHttpProxyError():
            return Unreachable("Failed", f"{host}: the proxy refused (HTTP {error.status})")
        case aiohttp.ClientResponseError():
            return Unreachable("Failed", f"{host}: what answers does not speak HTTP/1.1")
        case aiohttp.ClientConnectionError() | aiohttp.ClientPayloadError() | OSError():
            return Unreachable("Reset", f"{host}: the connection broke")
        case aiohttp.ClientError() | ValueError():
            return Unreachable("Failed", f"{host}: {type(error).__name__}")
        case _:
            return error


def not_connected(
    error: aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError, host: str
) -> Exception:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return Unreachable("CertificateInvalid", f"{host}: {certificate_trouble(error.certificate_error)}")
        case aiohttp.ClientConnectorSSLError():
            return Unreachable("CertificateInvalid", f"{host}: TLS failed: {error.os_error}")
        case aiohttp.ClientConnectorDNSError():
            return Unreachable("Failed", f"{host}: there is no such host")
        case _ if isinstance(error.os_error, ConnectionRefusedError):
            return Unreachable("Refused", f"{host}: connection refused")
        case _:
            return Unreachable("Failed", f"{host}: cannot connect: {error.os_error.strerror or 'no reason given'}")


def certificate_trouble(error: Any) -> str:
    reason = getattr(error, "verify_message", "") or str(error)
    return f"its certificate is not trusted: {reason}"
