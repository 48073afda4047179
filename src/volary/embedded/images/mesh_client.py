"""The HTTP client of the stand-ins. Services are reached through the cluster's gateway, by their name as the host.

There is no DNS between pods here: a request for `http://podinfo-canary.test:9898/` goes to `VOLARY_GATEWAY` and says
so in its Host header, which is what the gateway routes by. Nothing else can be reached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

LARGEST_ANSWER = 1 << 24
LOCAL_HOSTS = ("localhost", "127.0.0.1")


class Unreachable(OSError):
    """The URL is none that this client may ask, or nobody answers. The text is for people."""


class Request(NamedTuple):
    url: str
    method: str = "GET"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    host: str = ""  # in place of the URL's


class Response(NamedTuple):
    code: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Connection:
    """One kept connection for requests to one place, opened when first needed."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self._to: tuple[str, int] | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: Request, keep: bool = True) -> Response:
        """Return the answer. Raises: OSError."""
        place, head = read_url(request, self.env)
        if self._streams is None or place != self._to:
            self.close()
            self._streams, self._to = await asyncio.open_connection(*place, limit=LARGEST_ANSWER), place
        reader, writer = self._streams
        try:
            writer.write(head + request.body)
            response = await read_response(reader, request.method)
        except (OSError, ValueError, asyncio.IncompleteReadError) as problem:
            self.close()
            raise Unreachable(f"no whole answer from {request.url}: {problem}") from problem
        if not keep or response.headers.get("connection", "").lower() == "close":
            self.close()
        return response

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def read_url(request: Request, env: Mapping[str, str]) -> tuple[tuple[str, int], bytes]:
    """Return where to connect, and the head to send there. Raises: Unreachable."""
    url = request.url if "://" in request.url else f"http://{request.url}"
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise Unreachable(f"only http URLs can be asked here, not {request.url}")
    name = parts.hostname
    if name in LOCAL_HOSTS:
        place = (name, parts.port or 80)
    else:
        gateway, _, port = env.get("VOLARY_GATEWAY", "").rpartition(":")
        if not port.isdigit():
            raise Unreachable(f"could not resolve host {name}: this cluster has no gateway")
        place = (gateway, int(port))
        if "." not in name:
            name = f"{name}.{env.get('VOLARY_NAMESPACE', 'default')}"  # as the search list of a pod does
    host = request.host or (f"{name}:{parts.port}" if parts.port not in (None, 80) else name)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    fields = {"host": host, "user-agent": "volary-stand-in", "accept": "*/*"}
    fields |= {key.lower(): value for key, value in request.headers}
    if request.body or request.method in ("POST", "PUT", "PATCH"):
        fields["content-length"] = str(len(request.body))
    lines = [f"{request.method} {path} HTTP/1.1", *(f"{key}: {value}" for key, value in fields.items())]
    if any("\n" in line or "\r" in line for line in lines):
        raise Unreachable("a header or URL holds a line break")
    return place, ("\r\n".join(lines) + "\r\n\r\n").encode()


async def read_response(reader: asyncio.StreamReader, method: str) -> Response:
    """Return one whole answer. Raises: ValueError, OSError, asyncio.IncompleteReadError."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    code = int(first.split(" ")[1])
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if method == "HEAD" or code in (204, 304):
        return Response(code, headers, b"")
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return Response(code, headers, await _chunks(reader))
    if "content-length" in headers:
        return Response(code, headers, await reader.readexactly(int(headers["content-length"])))
    return Response(code, headers | {"connection": "close"}, await reader.read())


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        chunk = await reader.readexactly(size + 2)
        if size == 0:
            return body
        body += chunk[:-2]
