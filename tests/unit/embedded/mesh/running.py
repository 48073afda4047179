"""A mesh with a real Envoy for a test, and ways to ask it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.unit.embedded.mesh.fakes import FakeLocal, FakePods, endpoint_slice, service, virtual_service
from volary.embedded.load.counts import Counts, Paths, Tally
from volary.embedded.load.generator import Generator, Target
from volary.embedded.mesh.binary import NoEnvoy, find_envoy
from volary.embedded.mesh.mesh import Mesh
from volary.embedded.services import ServiceAddresses

SLICES, VIRTUAL_SERVICES = "discovery.k8s.io/endpointslices", "networking.istio.io/virtualservices"


def why_no_envoy() -> str:
    try:
        find_envoy()
    except NoEnvoy as why:
        return str(why)
    return ""


needs_envoy = pytest.mark.skipif(bool(why_no_envoy()), reason=why_no_envoy() or "there is one")


class Setting:
    """One cluster with podinfo: two primary pods, two canary pods, and its mesh."""

    def __init__(self, folder: Path) -> None:
        self.local, self.pods = FakeLocal(), FakePods()
        self.mesh = Mesh(self.local, ServiceAddresses(self.local, self.pods).book, folder)

    def prepare(self) -> None:
        for name in ("podinfo", "podinfo-primary", "podinfo-canary"):
            self.local.put("/services", service(name, 9898))
        self.local.put(SLICES, endpoint_slice("podinfo-primary", "primary-a", "primary-b"))
        self.local.put(SLICES, endpoint_slice("podinfo-canary", "canary-a", "canary-b"))

    async def route(self, *http: dict[str, Any], name: str = "podinfo", hosts: tuple[str, ...] = ("podinfo",)) -> None:
        """Write a VirtualService and wait until what it says is in force."""
        await self.applied(lambda: self.local.put(VIRTUAL_SERVICES, virtual_service(*http, name=name, hosts=hosts)))

    async def applied(self, change: Callable[[], object]) -> None:
        before = self.mesh.generation
        change()
        async with asyncio.timeout(5):
            while self.mesh.generation == before:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    async def until_served(self) -> None:
        async with asyncio.timeout(10):
            while not (await self.ask(1)).ok:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def ask(self, count: int, host: str = "podinfo.test", path: str = "/", rate: float = 3000) -> Tally:
        """Send requests through the gateway and return what became of them."""
        counts = Counts()
        await Generator(Target(self.mesh.gateway, host), Paths([(path, 1)]), rate, counts).run(count)
        return counts.now


@asynccontextmanager
async def running(setting: Setting) -> AsyncIterator[Setting]:
    async with setting.pods.run(setting.local, "primary-a", "primary-b", "canary-a", "canary-b"):
        setting.prepare()
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(setting.mesh.run())
            async with asyncio.timeout(20):
                await setting.mesh.ready.wait()
            try:
                yield setting
            finally:
                task.cancel()


def with_mesh(folder: Path, test: Callable[[Setting], Coroutine[Any, Any, None]]) -> None:
    """Run a test against a mesh that serves."""

    async def run() -> None:
        async with running(Setting(folder)) as setting:
            await test(setting)

    asyncio.run(asyncio.wait_for(run(), 60))


def share(tally: Tally, prefix: str) -> int:
    """Return how many answers came from pods whose names begin so."""
    return sum(count for (pod, _), count in tally.pods.items() if pod.startswith(prefix))


async def both(one: Awaitable[Tally], other: Awaitable[None]) -> Tally:
    found, _ = await asyncio.gather(one, other)
    return found
