"""The seam to an API server: a request goes in, an answer or a stream of bytes comes out.

Two ends exist: HTTPS (`kube.http`) and the embedded API in this process (`embedded.transport`). Everything above
speaks only this protocol, so no caller can tell which one it has.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to an API server. `path` starts with "/" and is not percent-encoded; nor is `query`."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    timeout_seconds: float = 30.0  # the whole answer; for a stream: the longest silence
    buffer: bytearray | None = field(default=None, repr=False, compare=False)  # a large body may be put there


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer, whatever its status."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class Stream(Protocol):
    """An answer that is still coming, such as a watch or a log."""

    status: int
    headers: Mapping[str, str]

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield what arrives, cut anywhere; end when the server ends. Raises: Unreachable when the line breaks."""
        ...


class Transport(Protocol):
    """A way to one API server. Raises: `kube.errors.Unreachable` when no answer came."""

    async def request(self, request: Request) -> Response: ...

    def stream(self, request: Request) -> AbstractAsyncContextManager[Stream]: ...

    async def close(self) -> None: ...
