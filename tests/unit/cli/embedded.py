"""Embedded API servers for the tests of the command line: on loopback, in a thread, without pods."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from volary.embedded.cluster import EmbeddedCluster, Wanted
from volary.embedded.kubeconfig import write_kubeconfig
from volary.embedded.transport import InProcess
from volary.install import definitions
from volary.kube.client import Client
from volary.kube.objects import NewObject
from volary.kube.resources import DEFINITIONS, NAMESPACES
from volary.runtime.clock import SystemClock

T = TypeVar("T")
START_SECONDS = 20


class Servers:
    """Some API servers, the kubeconfig for them, and a way to act on them as somebody else."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder = folder
        self.kubeconfig = folder / "kubeconfig"
        clock = SystemClock()
        self.clusters = {
            name: EmbeddedCluster(Wanted(name, pods=False, audit=True), folder / name, clock) for name in names
        }
        self.loop: asyncio.AbstractEventLoop | None = None

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something in the servers' own thread."""
        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(START_SECONDS)

    def client(self, name: str) -> Client:
        """Return a client that needs no HTTP."""
        return Client(InProcess(self.clusters[name].api, user_agent="somebody"), "somebody")

    async def serve(self, up: threading.Event) -> None:
        self.loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(cluster.run()) for cluster in self.clusters.values()]
            for cluster in self.clusters.values():
                await cluster.ready.wait()
            write_kubeconfig(self.kubeconfig, {name: one.server for name, one in self.clusters.items()})
            self.end = asyncio.Event()
            up.set()
            await self.end.wait()
            for task in tasks:
                task.cancel()

    async def prepare(self, name: str) -> None:
        """Bring the CRDs in, and the namespaces that tests use."""
        client = self.client(name)
        for definition in definitions():
            await client.create(DEFINITIONS, definition)
        for namespace in ("volary-system", "apps", "test"):
            await client.create(NAMESPACES, namespace_named(namespace))


def namespace_named(name: str) -> NewObject:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


@contextmanager
def serving(folder: Path, *names: str) -> Iterator[Servers]:
    """Run API servers until the end of the block."""
    servers, up = Servers(folder, *names), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(servers.serve(up)))
    thread.start()
    try:
        assert up.wait(START_SECONDS), "the servers did not start"
        yield servers
    finally:
        if servers.loop is not None:
            servers.loop.call_soon_threadsafe(servers.end.set)
        thread.join(START_SECONDS)
