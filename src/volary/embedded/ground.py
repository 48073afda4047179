"""What runs in a cluster: the node with its pods as processes, and the traffic to them.

A file of its own because a cluster that runs nothing starts without all that this needs.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from volary.embedded.api.local import Object
from volary.embedded.api.server import ApiServer
from volary.embedded.controllers import Clock, World
from volary.embedded.controllers.world import Line
from volary.embedded.inside import Inside
from volary.embedded.node.addresses import claim_addresses
from volary.embedded.node.local_processes import LocalProcesses
from volary.embedded.node.node import Node
from volary.embedded.node.pods import Setting
from volary.embedded.traffic import Traffic


class Ground:
    """The node and the traffic of one cluster."""

    def __init__(self, api: ApiServer, world: World, folder: Path, clock: Clock) -> None:
        """Raises: NoEnvoy where this platform has none."""
        self._world = world
        self._addresses = claim_addresses(clock.rng)
        self._traffic = Traffic(api.local, self._lookup, folder / "mesh", clock.now, say=self._note)
        world.measure = self._traffic.measure
        setting = Setting(folder=folder / "pods", gateway=self.gateway, version=api.version)
        setting.folder.mkdir(mode=0o700, exist_ok=True)
        self._node = Node(world, LocalProcesses(folder), self._addresses, setting)
        self.outside = Inside(api.local, self._node, self._traffic.resolve)

    @property
    def gateway(self) -> str:
        """Return HOST:PORT where traffic enters the cluster."""
        return "{}:{}".format(*self._traffic.gateway)

    async def run(self, ready: asyncio.Event) -> None:
        """Run all of it until cancelled; set `ready` once traffic can enter."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._traffic.run(f"10.{self._addresses.network}.255.2"))
            group.create_task(self._node.run())
            await self._traffic.ready.wait()
            ready.set()

    def close(self) -> None:
        """Give the addresses back, once nothing runs."""
        self._addresses.close()

    def _lookup(self, namespace: str, pod: str) -> dict[int, tuple[str, int]]:
        return self._node.lookup(namespace, pod)

    def _note(self, about: Object, text: str) -> None:
        self._world.event(about, Line("NotApplied", text, "Warning"), "volary-mesh")
