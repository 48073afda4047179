"""Services of the embedded clusters at a loopback address, for programs that know nothing of them.

http://127.0.0.1:PORT/west/prometheus.istio-system:9090/api/v1/query   ──►   that service in west, by its API server
"""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from volary.kube.client import Client
from volary.runtime.http import HttpRequest, NoAnswer
from volary.runtime.http_client import DirectHttp
from volary.runtime.service_proxy import ServiceHttp

TIMEOUT_SECONDS = 10.0


class Relay:
    """Forwards GET and POST. Use as an async context manager."""

    def __init__(self, client_of: Callable[[str], Client]) -> None:
        self.client_of = client_of
        self.url = ""
        self.asked: dict[str, int] = {}  # cluster -> requests
        self._direct = DirectHttp("relay")
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Relay:
        app = web.Application()
        app.router.add_route("*", "/{cluster}/{service}/{rest:.*}", self._forward)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._direct.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _forward(self, request: web.Request) -> web.Response:
        cluster, service, rest = (request.match_info[key] for key in ("cluster", "service", "rest"))
        self.asked[cluster] = self.asked.get(cluster, 0) + 1
        http = ServiceHttp(self.client_of(cluster), self._direct, "proxy")
        query = f"?{request.rel_url.raw_query_string}" if request.rel_url.raw_query_string else ""
        headers = {"content-type": request.headers.get("content-type", "application/octet-stream")}
        url = f"http://{service}/{rest}{query}"
        body = await request.read()
        try:
            answer = await http.send(HttpRequest(request.method, url, headers, body, TIMEOUT_SECONDS))
        except NoAnswer as error:
            return web.Response(status=502, text=f"{error}\n")
        kind = answer.headers.get("content-type", "application/octet-stream")
        return web.Response(status=answer.status, body=answer.body, headers={"content-type": kind})
