"""One embedded cluster in virtual time: the real API, controllers and node; processes and traffic are a model."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from volary.embedded.api.server import ApiServer
from volary.embedded.api.store import SMALL_RING, Store
from volary.embedded.audit import Recorder
from volary.embedded.controllers import World, controllers
from volary.embedded.node.addresses import Addresses
from volary.embedded.node.node import Node
from volary.embedded.node.pods import Setting
from volary.embedded.node.simulated_processes import SimulatedProcesses
from volary.embedded.services import namespace_object, service_object
from volary.embedded.transport import InProcess
from volary.kube.client import Client
from volary.sim.clock import VirtualClock
from volary.sim.crowd import Crowd, Load
from volary.sim.services import METRICS, Services

METRICS_PORT = 9090
STREAMS = ("watch",)


@dataclass(frozen=True, slots=True)
class Shape:
    """How a simulated cluster is made."""

    name: str
    seed: int | str = 0
    load: Load = field(default_factory=lambda: Load("test", "podinfo"))
    window_seconds: float = 3.0  # of metrics that are kept, and a tenth of the step between two looks or so
    pods: bool = True


class SimulatedCluster:
    """A cluster; make it within a VirtualLoop."""

    def __init__(self, shape: Shape) -> None:
        self.name = shape.name
        # A clock of its own: what is asked here must not change the luck and the names of others.
        self.clock = VirtualClock(f"{shape.seed} {shape.name}")
        self.api = ApiServer(shape.name, self.clock.now, self.clock.rng, self.clock.new_id, Store(SMALL_RING))
        self.audit: list[dict[str, Any]] = []
        self.processes = SimulatedProcesses(1.0)
        world = World(self.api.local, self.clock, events=False)
        self._manager = controllers(world)
        self._node = Node(world, self.processes, Addresses(1), Setting(), lease_seconds=None)
        self.crowd = Crowd(self.api.local, shape.load, step_seconds=shape.window_seconds / 12)
        self.services = Services(self.api.local, self.crowd, self.clock.now, shape.window_seconds)
        self._recorder = Recorder(self.audit.append, self.clock.now, self.clock.new_id)
        self._pods = shape.pods

    def client(self, who: str) -> Client:
        """Return the way in of somebody who is always lucky."""
        return Client(self.transport(), who)

    def transport(self) -> InProcess:
        return InProcess(self.api, outside=self.services, audit=self._recorder)

    async def run(self) -> None:
        """Run the controllers and the node until cancelled."""
        self._manager.start(asyncio.get_running_loop())
        if self._pods:
            namespace, name = METRICS
            self.api.local.create("/namespaces", namespace_object(namespace), "platform")
            self.api.local.create("/services", service_object(namespace, name, METRICS_PORT), "platform")
        try:
            if self._pods:
                await self._node.run()
            else:
                await asyncio.Event().wait()
        finally:
            self._manager.stop()

    def asked(self, agent: str = "volary", since: int = 0) -> list[Mapping[str, Any]]:
        """Return the finished requests of a program, by its User-Agent, from place `since` of the audit log on."""
        return [
            entry
            for entry in self.audit[since:]
            if entry["userAgent"].startswith(agent) and entry["stage"] == "ResponseComplete"
        ]


async def running(clusters: Mapping[str, SimulatedCluster], stop: asyncio.Event) -> None:
    """Run clusters until told to stop."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(cluster.run()) for cluster in clusters.values()]
        await stop.wait()
        for task in tasks:
            task.cancel()


def noticed(entry: Mapping[str, Any]) -> str:
    """Return an audit entry in a few words: VERB RESOURCE NAMESPACE/NAME CODE."""
    about = entry.get("objectRef") or {}
    with suppress(KeyError):
        what = "/".join(filter(None, (about["resource"], about.get("subresource", ""))))
        name = "/".join(filter(None, (about.get("namespace", ""), about.get("name", ""))))
        return f"{entry['verb']} {what} {name}".strip()
    return f"{entry['verb']} {entry['requestURI']}"
