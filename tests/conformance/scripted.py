"""Metrics and hooks by a script, on loopback: what a cluster measures follows from the image that is on trial there.

http://127.0.0.1:PORT/west/api/v1/query     Prometheus, for the canary in west
http://127.0.0.1:PORT/west/hook             every webhook of it: yes
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

GOOD_RATE, BAD_RATE, DURATION = "100", "50", "8"

ImageOf = Callable[[str], str]  # cluster -> the image in the target's template now, "" before there is one


class Scripted:
    """A metrics server and a webhook for all clusters. Use as an async context manager."""

    def __init__(self, bad: frozenset[tuple[str, str]], image_of: ImageOf) -> None:
        self.bad = bad  # (cluster, tag of the image) that fails
        self.image_of = image_of
        self.hooks: list[str] = []  # clusters, one entry a call
        self.queries: list[str] = []
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Scripted:
        app = web.Application()
        app.router.add_route("*", "/{cluster}/api/v1/query", self._query)
        app.router.add_post("/{cluster}/hook", self._hook)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _hook(self, request: web.Request) -> web.Response:
        self.hooks.append(request.match_info["cluster"])
        return web.Response(text="ok\n")

    async def _query(self, request: web.Request) -> web.Response:
        cluster = request.match_info["cluster"]
        query = str((await request.post()).get("query") or request.query.get("query") or "")
        self.queries.append(cluster)
        value = DURATION if "duration" in query else self._success_rate(cluster)
        vector = [{"metric": {}, "value": [0, value]}]
        return web.json_response({"status": "success", "data": {"resultType": "vector", "result": vector}})

    def _success_rate(self, cluster: str) -> str:
        tag = self.image_of(cluster).rpartition(":")[2]
        return BAD_RATE if (cluster, tag) in self.bad else GOOD_RATE
