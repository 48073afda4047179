"""An API server with prepared answers, as a process of its own: it costs the client that is measured nothing.

python -m tests.bench.client_server plain|tls PODS    prints one line of JSON, then serves until its input ends
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping

import msgspec
import uvloop
from aiohttp import web

from tests.bench.client_pods import pod
from volary.embedded.certificate import Authority
from volary.kube.keeping import INITIAL_END

VERSION = "900000"


class Pods:
    """The answers, each made once."""

    def __init__(self, count: int) -> None:
        self.all = [msgspec.json.encode(pod(number)) for number in range(count)]
        self._pages: dict[tuple[int, int], bytes] = {}

    def page(self, query: Mapping[str, str]) -> bytes:
        limit, first = int(query.get("limit") or len(self.all) or 1), int(query.get("continue") or 0)
        if (limit, first) not in self._pages:
            rest = len(self.all) > first + limit
            meta = {"resourceVersion": VERSION, **({"continue": str(first + limit)} if rest else {})}
            head = b'{"kind":"PodList","apiVersion":"v1","metadata":' + msgspec.json.encode(meta)
            items = b",".join(self.all[first : first + limit])
            self._pages[limit, first] = head + b',"items":[' + items + b"]}"
        return self._pages[limit, first]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method == "PATCH":
            return web.Response(body=await request.read(), content_type="application/json")
        if "watch" not in request.query:
            return web.Response(body=self.page(request.query), content_type="application/json")
        stream = web.StreamResponse(headers={"content-type": "application/json"})
        await stream.prepare(request)
        if "sendInitialEvents" in request.query:
            for one in self.all:
                await stream.write(b'{"type":"ADDED","object":' + one + b"}\n")
            marks = {"resourceVersion": VERSION, "annotations": {INITIAL_END: "true"}}
            await stream.write(msgspec.json.encode({"type": "BOOKMARK", "object": {"metadata": marks}}) + b"\n")
        await asyncio.Event().wait()
        return stream


async def main(kind: str, count: int) -> None:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", Pods(count).answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    authority = Authority()
    secure = authority.server("127.0.0.1").context() if kind == "tls" else None
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=secure, backlog=2000).start()
    told = {"port": runner.addresses[0][1], "authority": authority.certificate.decode()}
    print(json.dumps(told), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2])))
