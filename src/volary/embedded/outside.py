"""What an API server reaches beyond its own store: the services of its cluster, and what their pods have written.

The API server asks for it when a client asks for a service's `proxy` or a pod's `log`. Who runs the pods answers.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from volary.embedded.api.answers import Logs, Proxy
from volary.embedded.api.errors import Problem
from volary.kube.transport import Request, Response

Address = tuple[str, int]  # host and port where something really listens


class Outside(Protocol):
    """Raises, all of them: `embedded.api.errors.Problem`, which the client gets as a Status."""

    def address(self, target: Proxy) -> Address:
        """Return where a ready pod of the service listens."""
        ...

    async def fetch(self, target: Proxy, request: Request) -> Response:
        """Have the service answer a request whose path is still that of the API server."""
        ...

    async def logs(self, target: Logs) -> AsyncIterator[bytes]:
        """Return what the container has written and, if the query says `follow`, what it goes on writing."""
        ...


class Nothing:
    """The outside of an API server without a node: no service answers, no pod has written anything."""

    def address(self, target: Proxy) -> Address:
        raise Problem(503, "ServiceUnavailable", f'no endpoints available for service "{target.service}"')

    async def fetch(self, target: Proxy, request: Request) -> Response:
        raise Problem(503, "ServiceUnavailable", f'no endpoints available for service "{target.service}"')

    async def logs(self, target: Logs) -> AsyncIterator[bytes]:
        raise Problem(404, "NotFound", f'the server could not find the logs of pod "{target.pod}"')
