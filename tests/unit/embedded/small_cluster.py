"""A whole small cluster in virtual time: controllers, a node with simulated processes, and a few ways to look at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from volary.embedded.api.local import NewObject, Object
from volary.embedded.api.local_access import LocalAccess
from volary.embedded.api.server import ApiServer
from volary.embedded.controllers import Manager, World, controllers
from volary.embedded.controllers.objects import condition, edited
from volary.embedded.node.addresses import Addresses
from volary.embedded.node.node import Node
from volary.embedded.node.pods import Setting
from volary.embedded.node.simulated_processes import SimulatedProcesses
from volary.sim.clock import VirtualClock
from volary.sim.loop import VirtualLoop

PODINFO = "ghcr.io/stefanprodan/podinfo:6.0.0"
NEWER = "ghcr.io/stefanprodan/podinfo:6.0.1"


@dataclass
class Small:
    api: ApiServer
    local: LocalAccess
    world: World
    manager: Manager
    node: Node
    processes: SimulatedProcesses
    writes: list[str]  # the resource of each write

    def get(self, resource: str, name: str = "podinfo", namespace: str = "test") -> Object:
        """Return an object that must be there."""
        found = self.local.get(resource, namespace, name)
        assert found is not None, f"{resource} {namespace}/{name} is not there"
        return found

    def deployment(self) -> Object:
        return self.get("apps/deployments")

    def pods(self) -> list[Object]:
        return self.local.items("/pods", "test")

    def replica_sets(self) -> list[Object]:
        return self.local.items("apps/replicasets", "test")

    def change(
        self, change: Callable[[NewObject], None], resource: str = "apps/deployments", name: str = "podinfo"
    ) -> Object:
        """Edit an object as a person does."""
        new = edited(self.get(resource, name))
        change(new)
        return self.local.update(resource, new, "kubectl")

    def messages(self, reason: str) -> list[str]:
        return sorted(event["message"] for event in self.local.items("/events") if event["reason"] == reason)


@asynccontextmanager
async def small_cluster(start_seconds: float = 1.0, nodes: int = 1) -> AsyncIterator[Small]:
    clock = VirtualClock()
    api = ApiServer("small", clock.now, clock.rng, clock.new_id)
    local, writes = api.local, list[str]()
    local.listen(lambda resource, old, new: writes.append(resource))
    world = World(local, clock)
    manager = controllers(world)
    manager.start(asyncio.get_running_loop())
    processes = SimulatedProcesses(start_seconds)
    names = [f"node-{number + 1}" for number in range(nodes)]
    runners = [Node(world, processes, Addresses(it + 1), Setting(name), None) for it, name in enumerate(names)]
    local.create("/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test"}}, "kubectl")
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(node.run()) for node in runners]
        await asyncio.sleep(0)
        yield Small(api, local, world, manager, runners[0], processes, writes)
        for task in running:
            task.cancel()
    manager.stop()


def play(story: Callable[[Small], Awaitable[None]], start_seconds: float = 1.0, nodes: int = 1) -> None:
    """Run a story in a fresh cluster in virtual time."""

    async def whole() -> None:
        async with small_cluster(start_seconds, nodes) as cluster:
            await story(cluster)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(whole())


def deployment(replicas: int | None = 2, image: str = PODINFO, **spec: Any) -> NewObject:
    container = {
        "name": "podinfod",
        "image": image,
        "ports": [{"name": "http", "containerPort": 9898}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
    }
    template = {"metadata": {"labels": {"app": "podinfo"}}, "spec": {"containers": [container]}}
    body: NewObject = {"selector": {"matchLabels": {"app": "podinfo"}}, "template": template, **spec}
    if replicas is not None:
        body["replicas"] = replicas
    metadata = {"name": "podinfo", "namespace": "test"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": body}


def service(**spec: Any) -> NewObject:
    ports = [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}]
    metadata = {"name": "podinfo", "namespace": "test"}
    body = {"selector": {"app": "podinfo"}, "ports": ports, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": body}


def reason(obj: Object, kind: str) -> str:
    return str((condition(obj, kind) or {}).get("reason"))


def set_image(image: str) -> Callable[[NewObject], None]:
    def change(obj: NewObject) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = image

    return change


def set_replicas(replicas: int) -> Callable[[NewObject], None]:
    def change(obj: NewObject) -> None:
        obj["spec"]["replicas"] = replicas

    return change


def job(command: str = "sleep 1", **spec: Any) -> NewObject:
    """Return a Job whose pods run a command line of the small shell."""
    container = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", command]}
    template = {"spec": {"restartPolicy": spec.pop("restartPolicy", "Never"), "containers": [container]}}
    metadata = {"name": "work", "namespace": "test"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": template, **spec}}
