"""The `Http` of the open network: aiohttp, with an end to every wait and to every answer's size.

No proxy of the environment is used (services are named as Pods name them), no cookie is kept, and credentials in a
header do not follow a redirect to another host.
"""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from volary.runtime.http import HttpRequest, HttpResponse, NoAnswer

LARGEST_ANSWER = 8 << 20  # bytes; a metric query answers with kilobytes
MOST_REDIRECTS = 5
CONNECTIONS = 64  # at once, to all hosts of one cluster
REDIRECTS = frozenset({301, 302, 303, 307, 308})
SECRETS = frozenset({"authorization", "cookie", "proxy-authorization"})


class DirectHttp:
    """Sends requests straight to the host that a URL names."""

    def __init__(self, user_agent: str = "volary") -> None:
        self.user_agent = user_agent
        self._session: aiohttp.ClientSession | None = None

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Return the answer, after redirects. Raises: NoAnswer."""
        where = shown(request.url)
        try:
            async with asyncio.timeout(request.timeout_seconds):
                return await self._follow(request, where)
        except TimeoutError:
            raise NoAnswer(f"{where}: no answer within {request.timeout_seconds:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoAnswer(f"{where}: {reason(error)}") from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _follow(self, request: HttpRequest, where: str) -> HttpResponse:
        url, method, body = URL(request.url, encoded=True), request.method, request.body
        headers = {"user-agent": self.user_agent, **request.headers}
        for _ in range(MOST_REDIRECTS + 1):
            status, answered, content = await self._once(method, url, headers, body)
            location = answered.get("location")
            if status not in REDIRECTS or not location:
                return HttpResponse(status, answered, content)
            following = url.join(URL(location))
            if following.scheme not in ("http", "https"):
                raise NoAnswer(f"{where}: redirected to something that is not http")
            if following.origin() != url.origin():
                headers = {name: value for name, value in headers.items() if name not in SECRETS}
            if status == 303 or (status in (301, 302) and method == "POST"):
                method, body = "GET", b""
            url = following
        raise NoAnswer(f"{where}: redirected more than {MOST_REDIRECTS} times")

    async def _once(
        self, method: str, url: URL, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
            )
        sending = self._session.request(method, url, headers=headers, data=body or None, allow_redirects=False)
        async with sending as answer:
            content = bytearray()
            async for chunk in answer.content.iter_any():
                content += chunk
                if len(content) > LARGEST_ANSWER:
                    raise NoAnswer(f"{shown(str(url))}: the answer is larger than {LARGEST_ANSWER >> 20} MiB")
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, bytes(content)


def shown(url: str) -> str:
    """Return what may be shown of a URL: no user name, no password, no query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def reason(error: Exception) -> str:
    """Return why there was no answer, in a few words."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "there is no such host"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "its certificate is not trusted, or TLS failed"
        case aiohttp.ClientConnectorError() if isinstance(error.os_error, ConnectionRefusedError):
            return "connection refused"
        case aiohttp.ClientConnectorError():
            return f"cannot connect: {error.os_error.strerror or 'no reason given'}"
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError() | ValueError():
            return "this is not a URL that can be asked"
        case _:
            return "the connection broke"
