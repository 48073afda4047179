"""Prometheus's query API over the built-in evaluator: `/api/v1/query`, `/-/ready`, `/metrics`; nothing else.

Answers have Prometheus's form, so whoever asks cannot tell, but for queries that are refused: 400 and the construct.

Source: Prometheus HTTP API v1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from volary.embedded.metrics.exposition import number_text, write_text
from volary.embedded.metrics.memory import Memory
from volary.embedded.metrics.promql import Refused, Value, evaluate, parse

LONGEST_QUERY = 16_384  # characters
Now = Callable[[], datetime]


class QueryServer:
    """The metrics endpoint of one cluster, on loopback, on a port that the system picks."""

    def __init__(self, memory: Memory, now: Now) -> None:
        self._memory = memory
        self._now = now
        self._runner: web.AppRunner | None = None
        self.address: tuple[str, int] = ("", 0)

    async def start(self, host: str = "127.0.0.1") -> None:
        """Listen. Raises: OSError."""
        app = web.Application()
        app.router.add_get("/api/v1/query", self._query)
        app.router.add_post("/api/v1/query", self._query)
        app.router.add_get("/-/ready", self._ready)
        app.router.add_get("/-/healthy", self._ready)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, 0).start()
        self.address = self._runner.addresses[0][:2]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _ready(self, request: web.Request) -> web.Response:
        return web.Response(text="ready\n")

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.Response(text=write_text(self._memory.newest().items()))

    async def _query(self, request: web.Request) -> web.Response:
        given = {**request.query, **({key: str(value) for key, value in (await request.post()).items()})}
        try:
            answer = query(self._memory, given.get("query", ""), given.get("time", ""), self._now())
        except Refused as why:
            return web.json_response({"status": "error", "errorType": "bad_data", "error": str(why)}, status=400)
        return web.json_response({"status": "success", "data": answer})


def query(memory: Memory, text: str, time: str, now: datetime) -> dict[str, Any]:
    """Return the `data` of an answer. Raises: Refused."""
    if not text.strip():
        raise Refused('the parameter "query" is missing or empty')
    if len(text) > LONGEST_QUERY:
        raise Refused(f"the query has {len(text)} characters; {LONGEST_QUERY} are allowed")
    at = moment_ms(time) if time else round(now.timestamp() * 1000)
    return result(evaluate(parse(text), memory, at), at)


def moment_ms(text: str) -> int:
    """Return the parameter `time` (seconds since 1970, or RFC 3339) in milliseconds. Raises: Refused."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = datetime.fromisoformat(text).astimezone(UTC).timestamp()
        except ValueError:
            raise Refused(f'time: "{text}" is neither seconds since 1970 nor RFC 3339') from None
    if not math.isfinite(seconds):
        raise Refused(f'time: "{text}" is no moment')
    return round(seconds * 1000)


def result(value: Value, at: int) -> dict[str, Any]:
    if isinstance(value, float):
        return {"resultType": "scalar", "result": [at / 1000, number_text(value)]}
    samples = [{"metric": dict(labels), "value": [at / 1000, number_text(one)]} for labels, one in value]
    return {"resultType": "vector", "result": samples}
