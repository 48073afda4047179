"""Reads HTTP/1.1 answers from bytes that arrive cut anywhere; as little of HTTP as a load generator needs. Pure.

Source: RFC 9112 sections 6 and 7.
"""

from __future__ import annotations

from dataclasses import dataclass

from volary.embedded.load.counts import SERVED, SIGNATURE

BODILESS = (204, 304)


class Garbled(Exception):
    """What arrived is no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer."""

    status: int
    pod: str  # who signed it, "" if nobody
    last: bool  # the connection ends after it
    served: int = 0  # how many of our requests that pod says it has answered, this one too; 0: it did not say


class Reader:
    """One connection's answers, one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, more: bytes) -> Answer | None:
        """Take bytes in; return the answer once it is whole. Raises: Garbled."""
        self._buffer += more
        head, blank, body = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return None
        try:
            status, headers = read_head(head)
            rest = after_body(status, headers, body)
        except (ValueError, IndexError) as error:
            raise Garbled(str(error)) from None
        if rest is None:
            return None
        self._buffer = rest
        last = headers.get("connection", "").lower() == "close"
        served = headers.get(SERVED, "")
        return Answer(status, headers.get(SIGNATURE, ""), last, int(served) if served.isdigit() else 0)


def read_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Return the status and the headers, names in lower case."""
    first, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return int(first.split(" ")[1]), {name.lower(): value.strip() for name, _, value in pairs}


def after_body(status: int, headers: dict[str, str], body: bytes) -> bytes | None:
    """Return what follows the body, None while it is not whole."""
    if status in BODILESS:
        return body
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return after_chunks(body)
    length = int(headers.get("content-length", "0"))
    return body[length:] if len(body) >= length else None


def after_chunks(body: bytes) -> bytes | None:
    while True:
        size_line, newline, rest = body.partition(b"\r\n")
        if not newline:
            return None
        size = int(size_line.split(b";")[0], 16)
        if len(rest) < size + 2:
            return None
        body = rest[size + 2 :]
        if size == 0:
            return body
