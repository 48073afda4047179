"""One job of the client in a process of its own, so that its memory is its own.

python -m tests.bench.client_child JOB WORDS…    prints one line of JSON
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import uvloop

from volary.kube.client import Client
from volary.kube.http import connect
from volary.kube.keeping import Packed
from volary.kube.kubeconfig import Access
from volary.kube.objects import Resource
from volary.kube.pace import Pace
from volary.kube.resources import CONFIG_MAPS, DEPLOYMENTS, PODS, SECRETS, SERVICES
from volary.runtime.clock import SystemClock
from volary.runtime.informer import Informers

Found = dict[str, float]
POD_FIELDS = Packed("spec.nodeName", "status.phase", "status.conditions")
KINDS = (CONFIG_MAPS, DEPLOYMENTS, SECRETS, SERVICES)


def memory() -> float:
    """Return the resident memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


CLOCK = SystemClock()
PACE = Pace()


def client_of(server: str, authority: bytes = b"", streams_lists: bool = False) -> Client:
    access = Access(server, authority=authority)
    return Client(connect(access, CLOCK.rng, PACE), "bench", streams_lists=streams_lists)


async def pods(server: str, streams: str) -> Found:
    """List and keep all pods, as a feature that looks at their health does."""
    client = client_of(server, streams_lists=streams == "streamed")
    informers = Informers(client, SystemClock())
    async with asyncio.TaskGroup() as group:
        before, began = memory(), time.process_time()
        kept = informers.get(PODS, form=POD_FIELDS)
        running = group.create_task(informers.run())
        await kept.synced.wait()
        used = time.process_time() - began
        found = {"cpu": used, "memory": memory(), "more": memory() - before, "count": float(len(kept))}
        assert kept.items()[7]["status"]["phase"] == "Running"
        running.cancel()
    await client.close()
    return found


async def watches(server: str, authority: str, clusters: str) -> Found:
    """Hold idle watches of four kinds in each of so many clusters; each has a TLS context of its own."""
    clock, before, began = SystemClock(), memory(), time.process_time()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        running, caches = [], []
        for _ in range(int(clusters)):
            client = client_of(server, authority.encode(), streams_lists=True)
            stack.push_async_callback(client.close)
            informers = Informers(client, clock)
            caches += [informers.get(kind, form=Packed("status.conditions")) for kind in KINDS]
            running.append(group.create_task(informers.run()))
        for cache in caches:
            await cache.synced.wait()
        await asyncio.sleep(SETTLE_SECONDS)
        found = {"memory": memory(), "more": memory() - before, "cpu": time.process_time() - began}
        found["count"] = float(sum(cache.trouble is None for cache in caches))
        for one in running:
            one.cancel()
    return found


SETTLE_SECONDS = 3.0  # the list's own connections are closed, the watches are open


async def apply(server: str, count: str) -> Found:
    """Apply Deployments, twenty at a time."""
    client, left = client_of(server), iter(range(int(count)))
    body: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "default"}}

    async def worker() -> None:
        for number in left:
            metadata = {**body["metadata"], "name": f"app-{number}"}
            await client.apply(DEPLOYMENTS, {**body, "metadata": metadata, "spec": {"replicas": 3}}, "bench")

    began = time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(worker())
    used = time.process_time() - began
    await client.close()
    return {"cpu": used / int(count)}


async def fleet(good: str, dead: str) -> Found:
    """Sync clusters at `good` (one server, so many ports) with others at `dead`; return how long the good took."""
    clock = SystemClock()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        running, caches = [], []
        for server in [*good.split(","), *filter(None, dead.split(","))]:
            client = client_of(server)
            stack.push_async_callback(client.close)
            informers = Informers(client, clock)
            kinds: tuple[Resource, ...] = (PODS, *KINDS)
            found = [informers.get(kind, form=POD_FIELDS) for kind in kinds]
            caches += found if server in good else []
            running.append(informers)
        began, cpu = time.perf_counter(), time.process_time()
        tasks = [group.create_task(informers.run()) for informers in reversed(running)]
        for cache in caches:
            await cache.synced.wait()
        took = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
        for task in tasks:
            task.cancel()
    return took


JOBS: dict[str, Callable[..., Awaitable[Found]]] = {"pods": pods, "watches": watches, "apply": apply, "fleet": fleet}


async def main(job: str, *words: str) -> None:
    print(json.dumps(await JOBS[job](*words)), flush=True)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
