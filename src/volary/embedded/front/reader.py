"""Bytes in, requests out: httptools under our limits.

The parser calls back in the middle of `feed`; whoever is told must not feed it again from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import httptools

from volary.embedded.front.incoming import Fields, Incoming
from volary.embedded.front.limits import Limits
from volary.embedded.front.target import BadTarget, TooLong, read_target

MOST_NAMES, LONGEST_NAME = 1_024, 64  # header names that are kept in small letters; clients use a few dozen
MOST_KEPT_BYTES = 16 << 10  # of the headers that a connection remembers from one request to the next


class Refused(Exception):
    """A request that HTTP itself forbids, or that is beyond a limit; the line goes after the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Listener(Protocol):
    """Who is told of requests."""

    def begun(self, incoming: Incoming) -> None:
        """The head is there."""
        ...

    def more(self, incoming: Incoming, piece: bytes) -> None:
        """A piece of the body is there."""
        ...

    def arrived(self, incoming: Incoming) -> None:
        """The request is whole."""
        ...


class Reader:
    """Reads one connection."""

    __slots__ = (
        "_fields", "_incoming", "_last", "_limits", "_listener", "_parser", "_refused", "_unread", "_url", "partial",
    )  # fmt: skip

    def __init__(self, listener: Listener, limits: Limits) -> None:
        self._listener = listener
        self._limits = limits
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._fields: Fields = []
        self._last: tuple[Fields, Mapping[str, str]] = ([], {})
        self._incoming: Incoming | None = None
        self._refused: Refused | None = None
        self._unread = 0  # bytes since anything came of them: an endless header must not fill the memory
        self.partial = False  # in the middle of a request

    @property
    def in_body(self) -> bool:
        return self._incoming is not None

    @property
    def current(self) -> Incoming | None:
        """Return the request whose body is coming in."""
        return self._incoming

    def feed(self, data: bytes) -> None:
        """Read on. Raises: Refused."""
        self._unread += len(data)
        while data:
            try:
                self._parser.feed_data(data)
                break
            except httptools.HttpParserUpgrade as stop:
                # We upgrade to nothing, and the answer has said so: go on in HTTP/1.1.
                data = data[stop.args[0] :]
                self._parser = httptools.HttpRequestParser(self)
            except httptools.HttpParserError as why:
                raise self._refused or Refused(400, "400 Bad Request") from why
        if self._unread > self._limits.head:
            raise Refused(431, "431 Request Header Fields Too Large")

    def _refuse(self, status: int, text: str) -> None:
        self._refused = Refused(status, text)
        raise self._refused

    # What the parser calls.

    def on_message_begin(self) -> None:
        self.partial = True
        self._url = b""
        self._fields = []

    def on_url(self, piece: bytes) -> None:
        self._url += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._incoming is None:  # a trailer says nothing that we need
            if len(self._fields) >= self._limits.headers:
                self._refuse(431, "431 Request Header Fields Too Large")
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        self._unread = 0
        fields, (last, headers) = self._fields, self._last
        if fields != last:  # clients say the same with every request
            headers = in_small_letters(fields)
            if sum(len(name) + len(value) for name, value in fields) <= MOST_KEPT_BYTES:
                self._last = (fields, headers)
        modern = self._parser.get_http_version() == "1.1"
        if modern and "host" not in headers:
            self._refuse(400, "400 Bad Request: missing required Host header")
        try:
            target = read_target(self._url)
        except TooLong:
            self._refuse(414, "414 URI Too Long")
        except BadTarget:
            self._refuse(400, "400 Bad Request")
        self._incoming = Incoming(self._parser.get_method().decode(), target, fields, headers, modern)
        self._listener.begun(self._incoming)

    def on_body(self, piece: bytes) -> None:
        self._unread = 0
        assert self._incoming, "a body follows its head"
        self._listener.more(self._incoming, piece)

    def on_message_complete(self) -> None:
        self._unread = 0
        incoming, self._incoming = self._incoming, None
        assert incoming, "a request ends after it has begun"
        self.partial = False
        incoming.keep_alive = self._parser.should_keep_alive()
        self._listener.arrived(incoming)


_small: dict[bytes, str] = {}


def in_small_letters(fields: Fields) -> dict[str, str]:
    """Return the headers by name; of a header that comes several times the values in a row.

    A name that is impersonated may have commas in it, but no line feed, and may be of any script.
    """
    headers: dict[str, str] = {}
    for name, value in fields:
        key = _small.get(name)
        if key is None:
            key = name.decode("latin-1").lower()
            if len(_small) < MOST_NAMES and len(name) <= LONGEST_NAME:
                _small[name] = key
        named = key.startswith("impersonate-")
        text, between = (value.decode("utf-8", "replace"), "\n") if named else (value.decode("latin-1"), ",")
        headers[key] = f"{headers[key]}{between}{text}" if key in headers else text
    return headers
