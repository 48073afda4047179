"""One request as it came: its line, its headers, and its body once that is whole."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from volary.embedded.api.errors import Problem, bad_request
from volary.embedded.front.limits import MOST_BODY_BYTES
from volary.embedded.front.target import Target
from volary.embedded.front.upload import Upload
from volary.kube.transport import Request

Fields = list[tuple[bytes, bytes]]  # headers as they came: order, case and repetitions kept


class Incoming:
    """A request; `body` is complete when the connection hands it on, unless its target is proxied."""

    __slots__ = (
        "body", "fields", "headers", "keep_alive", "length", "method", "modern", "remote", "size", "target",
        "too_large", "upload",
    )  # fmt: skip

    def __init__(self, method: str, target: Target, fields: Fields, headers: Mapping[str, str], modern: bool) -> None:
        self.method = method
        self.target = target
        self.fields = fields
        self.headers = headers  # names in small letters
        self.modern = modern  # HTTP/1.1: the client knows chunks, and stays
        self.keep_alive = modern
        self.length = content_length(headers)
        self.remote = ""  # the client's address
        self.body: list[bytes] = []
        self.size = 0
        self.too_large = False
        self.upload: Upload | None = None  # of a proxied request: the body passes through

    @property
    def has_body(self) -> bool:
        return bool(self.length) or "transfer-encoding" in self.headers

    def request(self) -> Request:
        """Return the request as an API takes it. Raises: Problem for a body that is too large or damaged."""
        if self.too_large:
            raise too_large()
        body = b"".join(self.body)
        if body and self.headers.get("content-encoding", "").lower() == "gzip":
            body = unpacked(body)
        target = self.target
        return Request(self.method, target.path, target.query, self.headers, body)


def content_length(headers: Mapping[str, str]) -> int | None:
    """Return how long the body will be, None if its head does not say; the parser has refused what is no number."""
    text = headers.get("content-length")
    return int(text) if text is not None else None


def unpacked(body: bytes, limit: int = MOST_BODY_BYTES) -> bytes:
    """Return what a gzip body holds, never much more than the API takes. Raises: Problem."""
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        found = reader.decompress(body, limit + 1)
    except zlib.error as why:
        raise bad_request(f"the body is not gzip: {why}") from why
    if len(found) > limit:
        raise too_large()
    if not reader.eof:
        raise bad_request("the body is not gzip: it ends too soon")
    return found


def too_large() -> Problem:
    return Problem(413, "RequestEntityTooLarge", f"Request entity too large: limit is {MOST_BODY_BYTES}")
