"""One embedded cluster with sync at work on repositories in memory, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from volary.embedded.api.server import ApiServer
from volary.embedded.transport import InProcess
from volary.kube.client import Client
from volary.kube.objects import NewObject, Object, dig
from volary.kube.resources import CONFIG_MAPS, DEFINITIONS, EVENTS, GIT_REPOSITORIES, KUSTOMIZATIONS, NAMESPACES
from volary.kube.transport import Request, Response, Stream, Transport
from volary.runtime.cluster import Cluster
from volary.runtime.events import Recorder
from volary.runtime.http import HttpRequest, HttpResponse, NoAnswer
from volary.runtime.informer import Informers
from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually
from volary.sources.memory import MemoryFetcher, MemoryRepository
from volary.sync.controllers import controllers
from volary.sync.definitions import definitions

URL = "https://git.example.com/app.git"
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Crash(BaseException):
    """The process dies here."""


class Recording:
    """A transport that notes what passes, and may fail or die at a request."""

    def __init__(self, inner: Transport) -> None:
        self.inner = inner
        self.requests: list[Request] = []
        self.lag: Callable[[], float] = lambda: 0.0  # seconds by which a watch is behind
        self.open = 0  # requests in flight
        self.most = 0
        self.before: Callable[[Request], None] = lambda request: None
        self.after: Callable[[Request], None] = lambda request: None
        self.answer: Callable[[Request], Object | None] = lambda request: None  # a Status in place of the server's word

    async def request(self, request: Request) -> Response:
        self.before(request)
        self.requests.append(request)
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(0)
        self.open -= 1
        status = self.answer(request)
        if status is not None:
            return Response(status["code"], {}, msgspec.json.encode(status))
        response = await self.inner.request(request)
        self.after(request)
        return response

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        async with self.inner.stream(request) as stream:
            yield Late(stream, self.lag)

    async def close(self) -> None:
        await self.inner.close()

    def writes(self) -> list[str]:
        return [f"{r.method} {r.path}" for r in self.requests if r.method in WRITES]


class Late:
    """A stream that comes later than it was sent."""

    def __init__(self, inner: Stream, lag: Callable[[], float]) -> None:
        self.inner = inner
        self.status, self.headers = inner.status, inner.headers
        self.lag = lag

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self.inner.chunks():
            if seconds := self.lag():
                await asyncio.sleep(seconds)
            yield chunk


class NoHttp:
    async def send(self, request: HttpRequest) -> HttpResponse:
        raise NoAnswer("no network")

    async def close(self) -> None:
        return None


class World:
    """What a test has in its hands."""

    def __init__(self, seed: int = 0) -> None:
        self.clock = VirtualClock(seed)
        self.api = ApiServer("member", self.clock.now, self.clock.rng, self.clock.new_id)
        self.person = Client(InProcess(self.api, user="person"), "kubectl")
        self.fetcher = MemoryFetcher()
        self.ours = Recording(InProcess(self.api, user="volary"))
        self.passes = 0

    @property
    def repository(self) -> MemoryRepository:
        return self.fetcher.repository(URL)

    def cluster(self) -> Cluster:
        """Return the cluster as a freshly started process sees it."""
        client = Client(self.ours)
        return Cluster(
            "member", client, Informers(client, self.clock), NoHttp(), Recorder(client, self.clock), self.clock
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[list[Any]]:
        """Run the controllers, as a process of their own would, until the end of the block."""
        cluster = self.cluster()
        made = controllers(cluster, self.fetcher)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(cluster.informers.run())]
            tasks += [group.create_task(controller.run()) for controller in made]
            try:
                yield made
            finally:
                for task in tasks:
                    task.cancel()

    async def install(self, **spec: Any) -> None:
        """Bring in the CRDs, a namespace, a GitRepository and a Kustomization."""
        for definition in definitions():
            await self.person.create(DEFINITIONS, definition)
        await self.person.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}})
        await self.person.create(GIT_REPOSITORIES, git_repository())
        await self.person.create(KUSTOMIZATIONS, kustomization(**spec))

    async def git(self) -> NewObject:
        return await self._get(GIT_REPOSITORIES)

    async def ks(self) -> NewObject:
        return await self._get(KUSTOMIZATIONS)

    async def _get(self, resource: Any) -> NewObject:
        found = await self.person.get(resource, "app", "apps")
        assert found is not None
        return found

    async def config_map(self, name: str) -> NewObject | None:
        return await self.person.get(CONFIG_MAPS, name, "apps")

    async def until(self, true: Callable[[], Awaitable[bool]], seconds: float = 120) -> None:
        """Wait in virtual time. Raises: AssertionError when it takes longer."""
        end = asyncio.get_running_loop().time() + seconds
        while not await true():
            assert asyncio.get_running_loop().time() < end, f"not within {seconds}s: {await self.describe()}"
            await asyncio.sleep(0.05)

    async def until_applied(self, commit: str, seconds: float = 120) -> None:
        async def applied() -> bool:
            return ready(await self.ks()) == ("True", "ReconciliationSucceeded") and commit in str(
                dig(await self.ks(), "status", "lastAppliedRevision")
            )

        await self.until(applied, seconds)

    async def until_reason(self, reason: str, seconds: float = 120) -> NewObject:
        async def there() -> bool:
            return ready(await self.ks())[1] == reason

        await self.until(there, seconds)
        return await self.ks()

    async def describe(self) -> str:
        return f"{(await self.git()).get('status')} {(await self.ks()).get('status')}"

    async def events(self) -> list[tuple[str, str]]:
        listing = await self.person.list(EVENTS, "apps")
        return [(event["reason"], event["message"]) for event in listing.items]


def play(story: Callable[[World], Awaitable[None]], seed: int = 0) -> None:
    """Run a story in a world of its own, in virtual time."""

    async def main() -> None:
        await story(World(seed))

    run_virtually(main())


def ready(obj: Object) -> tuple[str, str]:
    for entry in dig(obj, "status", "conditions") or ():
        if entry["type"] == "Ready":
            return entry["status"], entry["reason"]
    return "", ""


def message(obj: Object, kind: str = "Ready") -> str:
    return next(
        (str(entry["message"]) for entry in dig(obj, "status", "conditions") or () if entry["type"] == kind), ""
    )


def git_repository(**spec: Any) -> NewObject:
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "app", "namespace": "apps"},
        "spec": {"url": URL, "interval": "30s", "ref": {"branch": "main"}, **spec},
    }


def kustomization(**spec: Any) -> NewObject:
    """Return a Kustomization; a field that is None is left out."""
    wanted = {
        "interval": "10m",
        "retryInterval": "20s",
        "path": "./deploy",
        "prune": True,
        "targetNamespace": "apps",
        "sourceRef": {"kind": "GitRepository", "name": "app"},
        **spec,
    }
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "app", "namespace": "apps"},
        "spec": {name: value for name, value in wanted.items() if value is not None},
    }


def config_map(name: str, **data: str) -> str:
    lines = "".join(f'  {key}: "{value}"\n' for key, value in data.items())
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n{lines}"


def tree(*names: str, **data: str) -> Mapping[str, str]:
    return {f"deploy/{name}.yaml": config_map(name, **(data or {"a": "1"})) for name in names}
