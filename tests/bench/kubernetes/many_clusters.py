"""500 clusters of 60 objects each, settled by their controllers, in one process: `python -m … COUNT` prints figures.

Four Deployments of five pods, with everything that controllers make for them. A process of its own, so that its
memory is that of the clusters and of the program alone.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from pathlib import Path
from typing import Any

from volary.embedded.api.server import ApiServer
from volary.embedded.clusters import Clusters, Style
from volary.embedded.controllers import World
from volary.embedded.node.addresses import Addresses
from volary.embedded.node.node import Node
from volary.embedded.node.pods import Setting
from volary.embedded.node.simulated_processes import SimulatedProcesses
from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually

DEPLOYMENTS, REPLICAS, CLONES = 4, 5, 200
SETTLE_SECONDS = 30.0  # of virtual time
PAGE = 4096


def deployment(name: str) -> dict[str, Any]:
    labels = {"app": name}
    container = {
        "name": "podinfod",
        "image": "ghcr.io/stefanprodan/podinfo:6.0.0",
        "ports": [{"name": "http", "containerPort": 9898}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }
    template = {"metadata": {"labels": labels, "annotations": {"prometheus.io/scrape": "true"}},
                "spec": {"containers": [container]}}  # fmt: skip
    spec = {"replicas": REPLICAS, "selector": {"matchLabels": labels}, "template": template}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "test"},
        "spec": spec,
    }


def service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "test"}, "spec": spec}


def config_map(name: str) -> dict[str, Any]:
    data = {"config.yaml": "level: info\n" * 20}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "test"}, "data": data}


async def settled(clusters: Clusters, name: str) -> None:
    """Make a cluster and let its controllers and its node bring everything to rest."""
    api = clusters.create(name)
    world = World(api.local, clusters.clock, events=False)
    node = Node(world, SimulatedProcesses(1.0), Addresses(1), Setting(), lease_seconds=None)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(node.run())
        api.local.create(
            "/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test"}}, "kubectl"
        )
        for number in range(DEPLOYMENTS):
            api.local.create("apps/deployments", deployment(f"app-{number}"), "kubectl")
            api.local.create("/services", service(f"app-{number}"), "kubectl")
            api.local.create("/configmaps", config_map(f"app-{number}"), "kubectl")
        await asyncio.sleep(SETTLE_SECONDS)
        running.cancel()


def objects_in(api: ApiServer) -> int:
    store = api.core.store
    return sum(len(store.items(resource)) for resource in store.resources())


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


async def measured(count: int) -> dict[str, float]:
    clusters = Clusters(VirtualClock(), Style(events=False))
    for number in range(count):
        await settled(clusters, f"c{number}")
    gc.collect()
    memory, objects = resident_mb(), min(objects_in(api) for api in clusters.values())
    taken: list[float] = []
    for number in range(CLONES):
        began = time.process_time()  # by the clock, the slowest is that in which another process had its turn
        clusters.clone(f"c{number % count}", f"clone-{number}")
        taken.append(time.process_time() - began)
        await asyncio.sleep(1)  # its controllers look around
    grown = (resident_mb() - memory) / CLONES
    taken.sort()
    clusters.close()
    return {"mb": memory, "objects": objects, "clone_ms": taken[CLONES // 2] * 1e3, "slowest_ms": taken[-1] * 1e3,
            "clone_mb": grown}  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(run_virtually(measured(int(sys.argv[1])))))
