"""The lives of one `volary run`: started, killed at a write or at once, started again with an empty memory.

All ways from one process to all clusters share one death: after it not a byte leaves the old process, whatever its
tasks still do while they are cancelled.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from urllib.parse import urlsplit

from volary.app import Options, Program, Seams
from volary.kube.errors import KubeError
from volary.kube.kubeconfig import Access
from volary.kube.transport import Request, Response, Stream, Transport
from volary.runtime.errors import Unfinished
from volary.runtime.http import HttpRequest, HttpResponse, NoAnswer
from volary.sim.clock import VirtualClock
from volary.sim.cluster import SimulatedCluster
from volary.sim.faults import CALM, WRITES, Crash, Faulty, Rates
from volary.sources import Fetcher

DOMAIN = "sim"
Wrote = Callable[[str, Request], None]  # (cluster, the write that took effect)


def server_of(cluster: str) -> str:
    return f"https://{cluster}.{DOMAIN}"


def access_to(cluster: str) -> Access:
    return Access(server_of(cluster), context=cluster)


class NoHttp:
    """The world outside of the clusters: nobody there."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        raise NoAnswer(f"{urlsplit(request.url).hostname}: no such host")

    async def close(self) -> None:
        return None


class Life:
    """One process from its start to its death."""

    def __init__(self, process: Process, number: int) -> None:
        self.process = process
        self.clock = VirtualClock(f"{process.seed} {process.name} {number}", skew=process.skew)
        self.dead = False
        self.lines: list[tuple[str, Faulty]] = []  # (cluster, a way there), in the order they were opened
        self.number = number
        seams = Seams(self.clock, self._connect, NoHttp(), process.fetcher)
        options = Options(process.features, "", process.metrics_server, f"{process.name}-{number}")
        self.program = Program(access_to(process.home), options, seams)

    def die(self) -> None:
        """End here, in the middle of whatever is going on."""
        self.dead = True
        self.process.died.set()

    def check(self) -> None:
        if self.dead:
            raise Crash("a dead program sends nothing")

    def _connect(self, access: Access) -> Transport:
        cluster = (urlsplit(access.server).hostname or "").removesuffix(f".{DOMAIN}")
        inner = Line(self.process.clusters[cluster].transport(), self, cluster)
        luck = f"{self.process.seed} {self.process.name} {self.number} {cluster} {len(self.lines)}"
        line = Faulty(inner, luck, self.process.weather.get(cluster, CALM))
        self.lines.append((cluster, line))
        if (seconds := self.process.dark(cluster)) > 0:
            line.dark_for(seconds)
        return Fork(line, inner)


class Fork:
    """Bad luck for the API, but not for what services inside answer: a hook that fails is a verdict, no bad luck."""

    def __init__(self, unlucky: Faulty, lucky: Transport) -> None:
        self.unlucky = unlucky
        self.lucky = lucky

    async def request(self, request: Request) -> Response:
        if "/proxy/" in request.path and not self.unlucky.dark():
            return await self.lucky.request(request)
        return await self.unlucky.request(request)

    def stream(self, request: Request) -> AbstractAsyncContextManager[Stream]:
        return self.unlucky.stream(request)

    async def close(self) -> None:
        await self.unlucky.close()


class Line:
    """The last stretch to an API server: counts writes that took effect, and lets none out of a dead process."""

    def __init__(self, inner: Transport, life: Life, cluster: str) -> None:
        self.inner = inner
        self.life = life
        self.cluster = cluster

    async def request(self, request: Request) -> Response:
        self.life.check()
        response = await self.inner.request(request)
        if response.status < 300 and writes(request):
            self.life.process.wrote(self.life, self.cluster, request)
        return response

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        self.life.check()
        async with self.inner.stream(request) as stream:
            yield stream

    async def close(self) -> None:
        await self.inner.close()


def writes(request: Request) -> bool:
    """Does a request change something? Leases aside: these are written all the time."""
    if request.method not in WRITES or request.query.get("dryRun"):
        return False
    return "/proxy/" not in request.path and not request.path.startswith("/apis/coordination.k8s.io/")


class Process:
    """A `volary run` that somebody starts again whenever it has died."""

    def __init__(self, name: str, home: str, clusters: Mapping[str, SimulatedCluster], fetcher: Fetcher) -> None:
        self.name = name
        self.home = home  # the cluster that its kubeconfig names
        self.clusters = clusters
        self.fetcher = fetcher
        self.seed: int | str = 0
        self.features: tuple[str, ...] = ("canary", "sync", "fleet")
        self.metrics_server = ""
        self.skew = timedelta()  # how far the clock of its computer is off
        self.restart_seconds = 0.5
        self.weather: dict[str, Rates] = {}  # faults on the way to a cluster
        self.lives: list[Life] = []
        self.died = asyncio.Event()
        self.exits: list[str] = []  # what it said where it ended by itself
        self.written: list[tuple[str, Request]] = []  # writes that took effect, Leases aside, of all lives
        self.kill_at = 0  # after so many of these; 0: never
        self.listeners: list[Wrote] = []
        self._dark_until: dict[str, float] = {}

    @property
    def life(self) -> Life:
        return self.lives[-1]

    async def run(self) -> None:
        """Live, die and live again until cancelled."""
        while True:
            self.died.clear()
            self.lives.append(Life(self, len(self.lives)))
            await self._live(self.life)
            await asyncio.sleep(self.restart_seconds)

    async def _live(self, life: Life) -> None:
        """Run one life to its end."""
        try:
            async with asyncio.TaskGroup() as group:
                running = group.create_task(self._run(life))
                await self.died.wait()
                running.cancel()
        finally:
            life.dead = True

    async def _run(self, life: Life) -> None:
        """Run the program; what it raises is a bug, but for its own death and a cluster that is not to be had."""
        try:
            await life.program.run()
        except (KubeError, Unfinished) as error:
            self.exits.append(str(error))
        except (Crash, BaseExceptionGroup) as error:
            if not only_death(error):
                raise
        finally:
            life.die()

    def kill(self) -> None:
        """kill -9, now."""
        if self.lives:
            self.life.die()

    def wrote(self, life: Life, cluster: str, request: Request) -> None:
        """Note a write that took effect; die here if it was told so."""
        self.written.append((cluster, request))
        for listener in self.listeners:
            listener(cluster, request)
        if self.kill_at and len(self.written) == self.kill_at:
            life.die()
            life.check()

    def set_weather(self, rates: Rates, *clusters: str) -> None:
        """Let the ways to these clusters (none: all) have faults from now on."""
        for name in clusters or tuple(self.clusters):
            self.weather[name] = rates
            for line in self._lines(name):
                line.rates = rates

    def darken(self, cluster: str, seconds: float) -> None:
        """Let a cluster not be heard of for so long."""
        self._dark_until[cluster] = asyncio.get_running_loop().time() + seconds
        for line in self._lines(cluster):
            line.dark_for(seconds)

    def dark(self, cluster: str) -> float:
        """Return for how many seconds a cluster will still be dark."""
        return self._dark_until.get(cluster, 0.0) - asyncio.get_running_loop().time()

    def calm(self) -> None:
        """No more faults from now on."""
        self.weather.clear()
        self._dark_until.clear()
        self.kill_at = 0
        for life in self.lives[-1:]:
            for _, line in life.lines:
                line.calm()

    def faults(self) -> dict[str, int]:
        """Return what went wrong on all ways, in all lives."""
        found: dict[str, int] = {}
        for life in self.lives:
            for _, line in life.lines:
                for fault, count in sorted(line.tally.faults.items()):
                    found[fault] = found.get(fault, 0) + count
        return found

    def _lines(self, cluster: str) -> list[Faulty]:
        return [line for name, line in self.life.lines if name == cluster] if self.lives else []


def only_death(error: BaseException) -> bool:
    """Is this nothing but the end of a killed process?"""
    if isinstance(error, BaseExceptionGroup):
        return all(only_death(each) for each in error.exceptions)
    return isinstance(error, Crash)
