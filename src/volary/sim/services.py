"""What a simulated cluster's services answer: the metrics endpoint with the real query evaluator, and the load tester.

Reached through the API server's service proxy, as from anywhere outside a cluster.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from volary.embedded.api.answers import Logs, Proxy
from volary.embedded.api.errors import Problem
from volary.embedded.api.local import Local
from volary.embedded.metrics.memory import Memory
from volary.embedded.metrics.promql import Refused
from volary.embedded.metrics.server import query
from volary.embedded.outside import Address, Nothing
from volary.kube.transport import Request, Response
from volary.sim.crowd import Crowd, ready_pods

METRICS = ("istio-system", "prometheus")
JSON = {"content-type": "application/json"}


@dataclass(slots=True)
class Hooks:
    """How the load tester answers; a test changes it."""

    status: int = 200
    body: bytes = b""
    seconds: float = 0.05
    hang: bool = False
    calls: int = 0


class Services:
    """Implements `embedded.outside.Outside`."""

    def __init__(self, local: Local, crowd: Crowd, now: Callable[[], datetime], window_seconds: float) -> None:
        self.local = local
        self.crowd = crowd
        self.now = now
        self.window = window_seconds
        self.hooks = Hooks()
        self.memory = Memory()
        self.refuse = ""  # what the metrics endpoint answers with 503; "": it answers
        self.queries = 0

    def address(self, target: Proxy) -> Address:
        return Nothing().address(target)

    async def logs(self, target: Logs) -> AsyncIterator[bytes]:
        return await Nothing().logs(target)

    async def fetch(self, target: Proxy, request: Request) -> Response:
        if (target.namespace, target.service) == METRICS:
            await asyncio.sleep(0.01)
            return self._query(request)
        if self.local.get("/services", target.namespace, target.service) is None:
            raise Problem(404, "NotFound", f'services "{target.service}" not found')
        if not ready_pods(self.local, target.namespace, target.service):
            raise Problem(503, "ServiceUnavailable", f'no endpoints available for service "{target.service}"')
        return await self._hook()

    async def _hook(self) -> Response:
        self.hooks.calls += 1
        if self.hooks.hang:
            await asyncio.sleep(3600)
        await asyncio.sleep(self.hooks.seconds)
        return Response(self.hooks.status, {}, self.hooks.body)

    def _query(self, request: Request) -> Response:
        self.queries += 1
        if self.refuse:
            return Response(503, {}, self.refuse.encode())
        now = self.now()
        self.crowd.fill(self.memory, round(now.timestamp() * 1000), self.window)
        given = request.query
        try:
            data = query(self.memory, given.get("query", ""), given.get("time", ""), now)
        except Refused as why:
            return Response(400, JSON, msgspec.json.encode({"status": "error", "error": str(why)}))
        return Response(200, JSON, msgspec.json.encode({"status": "success", "data": data}))
