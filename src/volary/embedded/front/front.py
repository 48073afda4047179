"""A port: takes connections, knows which cluster a request is for, and looks after the time that clients take.

`sites` may change while it runs: a cluster that is put in is served at once, one that is taken out answers 404.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from volary.embedded.front.connection import Connection
from volary.embedded.front.descriptors import room_for
from volary.embedded.front.limits import DEFAULT, Limits
from volary.embedded.front.site import Site
from volary.embedded.front.watching import Chunks, Turn

if TYPE_CHECKING:
    import aiohttp

STOP_SECONDS = 1.0  # for answers that are still going out when the server stops
SWEEP_SECONDS = 1.0
BACKLOG = 512


class Front:
    """One port; `start`, then `close` in the same task."""

    def __init__(self, sites: Mapping[str, Site], default: Site | None = None, limits: Limits = DEFAULT) -> None:
        """`default`: the cluster of requests that name none."""
        self.limits = limits
        self.stopping = False
        self.moment = 0  # seconds, more or less, in which there was somebody
        self.bodies = 0  # bytes of bodies that nobody has taken yet
        self.chunks = Chunks()
        self.host, self.port = "", 0
        self.sites = sites
        self._default = default
        self._connections: set[Connection] = set()
        self._most = limits.connections
        self._stack = AsyncExitStack()
        self._timer: asyncio.TimerHandle | None = None
        self._client: aiohttp.ClientSession | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Listen. Port 0: the system picks one. Raises: OSError."""
        self._loop = asyncio.get_running_loop()
        self.turn = Turn(self._loop)
        self._empty = asyncio.Event()
        self._most = room_for(self.limits.connections)
        self._server = await self._loop.create_server(
            lambda: Connection(self),
            host,
            port,
            backlog=BACKLOG,
            ssl=tls,
            ssl_handshake_timeout=self.limits.handshake_seconds if tls else None,
            ssl_shutdown_timeout=STOP_SECONDS if tls else None,
        )
        self._group = await self._stack.enter_async_context(asyncio.TaskGroup())
        self.host, self.port = self._server.sockets[0].getsockname()[:2]

    async def close(self) -> None:
        """Stop listening and end all that goes on."""
        if self.stopping or not self.port:
            return
        self.stopping = True
        self._server.close()
        for connection in tuple(self._connections):
            connection.stop()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                while self._connections:
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            for connection in tuple(self._connections):
                connection.hang_up()
        if self._timer:
            self._timer.cancel()
        await self._stack.aclose()
        if self._client:
            await self._client.close()

    def client(self) -> aiohttp.ClientSession:
        """Return the client that proxied requests go on with."""
        if self._client is None:
            import aiohttp  # not before somebody needs it: it costs a third of the start of the program

            self._client = aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=0))
        return self._client

    # What connections call.

    def site(self, cluster: str) -> Site | None:
        return self.sites.get(cluster) if cluster else self._default

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return self._group.create_task(work)

    def admit(self, connection: Connection) -> bool:
        """Take a connection in; False if there are too many."""
        self._connections.add(connection)
        if self._timer is None:
            self.moment += 1
            self._timer = self._loop.call_later(SWEEP_SECONDS, self._sweep)
        return len(self._connections) <= self._most

    def left(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _sweep(self) -> None:
        self.moment += 1
        self._timer = None
        for connection in tuple(self._connections):
            connection.sweep(self.moment)
        if self._connections:
            self._timer = self._loop.call_later(SWEEP_SECONDS, self._sweep)
