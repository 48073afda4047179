"""The bytes in front of an answer's body. What comes often is put together once."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from functools import lru_cache
from http import HTTPStatus

from volary.kube.transport import Response

GZIP_FROM_BYTES = 128 << 10
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
CLOSE = b"connection: close\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
UNCACHED = b"cache-control: no-cache, private\r\n"
PLAIN = "text/plain; charset=utf-8"


@lru_cache(maxsize=128)
def status_line(status: int, reason: str = "") -> bytes:
    """Return the first line of an answer; a reason of a service's own may stand in it."""
    if not reason:
        reason = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Unknown"
    return f"HTTP/1.1 {status} {clean(reason)}\r\n".encode("latin-1", "replace")


def header_lines(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return headers as lines; a line break in a value, which would begin another header, becomes a space."""
    return "".join(f"{name}: {clean(value)}\r\n" for name, value in headers).encode("utf-8", "surrogateescape")


def clean(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ") if "\n" in text or "\r" in text else text


@lru_cache(maxsize=256)
def start_of(status: int, content_type: str) -> bytes:
    """Return status line and headers of an answer that says no more than its type."""
    return status_line(status) + UNCACHED + header_lines([("content-type", content_type)])


def whole(response: Response, date: bytes, takes_gzip: bool, ends: bool, bodiless: bool) -> list[bytes]:
    """Return an answer as pieces of bytes, packed where it is large and the client can read that.

    `ends`: the line is closed after it. `bodiless`: of a HEAD only the head goes out.
    """
    headers, body = response.headers, response.body
    if len(headers) == 1 and "content-type" in headers:
        start = start_of(response.status, headers["content-type"])
    else:
        start = status_line(response.status) + lines_of(headers)
    if "date" not in headers:  # a service behind a proxy has its own clock
        start += date
    if takes_gzip and len(body) >= GZIP_FROM_BYTES:
        body = gzip.compress(body, 1, mtime=0)
        start += b"content-encoding: gzip\r\nvary: Accept-Encoding\r\n"
    if ends:
        start += CLOSE
    head = b"%bcontent-length: %d\r\n\r\n" % (start, len(body))
    if bodiless:
        return [head]
    return [head + body] if len(body) < GZIP_FROM_BYTES else [head, body]


def lines_of(headers: Mapping[str, str]) -> bytes:
    """Return the headers of an API's answer and what all of them have."""
    fixed = b"" if "cache-control" in headers else UNCACHED
    return fixed + header_lines((name, text) for name, text in headers.items() if name != "content-length")


def refused(status: int, text: str) -> bytes:
    """Return the answer to what is no HTTP request, after which the line is closed.

    Source: Go net/http, server.go.
    """
    body = text.encode("latin-1", "replace")
    length = b"content-length: %d\r\n\r\n" % len(body)
    return status_line(status) + header_lines([("content-type", PLAIN)]) + CLOSE + length + body


def watch_head(headers: Mapping[str, str], date: bytes, modern: bool) -> bytes:
    """Return the head of a watch. A client too old for chunks sees the end of the line as its end."""
    return status_line(200) + lines_of(headers) + date + (CHUNKED if modern else CLOSE) + b"\r\n"
