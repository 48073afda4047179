"""The seam to everything that speaks HTTP and is not an API server: metrics, webhooks.

Canaries name services as Pods would (`http://flagger-loadtester.test/`). A controller outside the cluster cannot
resolve these, so the seam is per cluster and goes through the API server's service proxy where told to (`runtime.
service_proxy`). No feature knows which way a request goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request; `url` is absolute and percent-encoded."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""
    timeout_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes


class NoAnswer(Exception):
    """Refused, timed out, reset, not resolvable; the text says which, and never holds a secret."""


class Http(Protocol):
    """Sends requests for one cluster. Raises: NoAnswer."""

    async def send(self, request: HttpRequest) -> HttpResponse: ...

    async def close(self) -> None: ...
