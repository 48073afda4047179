"""An embedded API server as a process of its own, for measuring: no controllers, no pods, nothing but the API.

python -m tests.bench.http_server tls|plain CPU    prints one line of JSON, then serves until its input ends
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import threading
from uuid import uuid4

from volary.cli.fast import run_fast
from volary.embedded.api.server import ApiServer
from volary.embedded.server import Identity, Server
from volary.runtime.clock import SystemClock

TOKEN = "bench-token"


async def serve(tls: bool) -> None:
    """Serve until the input ends."""
    rng = random.Random(1)
    api = ApiServer("bench", SystemClock().now, rng, lambda: str(uuid4()))
    api.local.create("/namespaces", {"metadata": {"name": "default"}}, "bench")
    server = Server(api, Identity(TOKEN))
    await server.start(tls=tls)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    threading.Thread(target=lambda: (sys.stdin.read(), loop.call_soon_threadsafe(ended.set)), daemon=True).start()
    print(json.dumps({"port": server.port, "pid": os.getpid()}), flush=True)
    try:
        await ended.wait()
    finally:
        await server.close()


if __name__ == "__main__":
    os.sched_setaffinity(0, {int(sys.argv[2])})
    run_fast(serve(sys.argv[1] == "tls"))
