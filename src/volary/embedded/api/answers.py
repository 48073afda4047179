"""What `ApiServer.handle` can answer besides a whole `Response`: something that goes on, or that lies elsewhere.

The API itself is synchronous and does no I/O. Whoever carries its answers (`embedded.server` over HTTP,
`embedded.transport` in this process) opens the watch, asks the service or reads the log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from volary.kube.transport import Response


class Watch(Protocol):
    """A stream of watch events, each a line of JSON."""

    headers: Mapping[str, str]
    timeout_seconds: float  # after which the stream ends; 0 for no limit of the client's
    ended: bool  # what `open` delivers is all there will be

    def open(self, deliver: Callable[[bytes], None]) -> None:
        """Deliver what there is to deliver at once, then every change, from inside the write."""
        ...

    def bookmark(self) -> bytes | None:
        """Return a bookmark for now, or None if the client did not ask for any."""
        ...

    def close(self) -> None:
        """Stop delivering; safe to repeat."""
        ...


@dataclass(frozen=True, slots=True)
class Proxy:
    """A request that a service in the cluster is to answer."""

    namespace: str
    service: str
    port: str  # a port's name or number, "" for the only one
    scheme: str  # "http" or "https"
    path: str  # what follows /proxy, decoded, with its leading slash


@dataclass(frozen=True, slots=True)
class Logs:
    """What a container has written; of `query` the words of a pod's log subresource: follow, tailLines, ..."""

    namespace: str
    pod: str
    container: str
    query: Mapping[str, str]


Answer = Response | Watch | Proxy | Logs
