"""Pods of any image that are only said to run, for tests of controllers: they start, answer probes, end when asked.

What an image does is said by patterns, which may change at any time; a container looks when it is started or asked.
The programs of the image table behave as their settings say (`simulated_processes`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from enum import Enum
from fnmatch import fnmatchcase
from pathlib import Path

from volary.embedded.api.server import ApiServer
from volary.embedded.controllers import Clock, World
from volary.embedded.inside import Inside
from volary.embedded.node import image_table
from volary.embedded.node.addresses import Addresses
from volary.embedded.node.image_table import NotRunnable, Program, split_image
from volary.embedded.node.node import Node
from volary.embedded.node.pods import Setting
from volary.embedded.node.processes import Address, Command
from volary.embedded.node.simulated_processes import SimulatedChild, SimulatedProcesses

MARK = "(pretended)"


class Fault(Enum):
    """What can be wrong with an image."""

    MISSING = "missing"  # it cannot be pulled: ErrImagePull, ImagePullBackOff
    CRASH = "crash"  # it ends with exit code 1 as soon as it has started: CrashLoopBackOff
    DEAF = "deaf"  # it runs and answers no probe


Faults = Mapping[str, Fault]  # pattern of an image, as in "registry.example/*:broken"; the first that fits counts


def fault_of(image: str, faults: Faults) -> Fault | None:
    """Return what is wrong with an image, None if nothing is."""
    return next((fault for pattern, fault in faults.items() if fnmatchcase(image, pattern)), None)


class Pretended(SimulatedProcesses):
    """Implements `processes.Processes`, and knows every image."""

    def __init__(self, faults: Faults, start_seconds: float, stop_seconds: float = 0.0) -> None:
        super().__init__(start_seconds, stop_seconds)
        self.faults = faults

    def find(self, image: str) -> tuple[Program, str]:
        """Return the program of an image, and its version. Raises: NotRunnable for one that is to be missing."""
        if fault_of(image, self.faults) is Fault.MISSING:
            raise NotRunnable(f'failed to resolve reference "{image}": not found', "ErrImagePull")
        try:
            return image_table.find(image)
        except NotRunnable:
            repository, tag = split_image(image)
            return Program(f"{repository} {MARK}", (repository,), (), anything=True), tag

    def start(self, command: Command) -> SimulatedChild:
        child = super().start(command)
        crashes = fault_of(command.image, self.faults) is Fault.CRASH
        if crashes or (command.once and command.program.endswith(MARK)):
            asyncio.get_running_loop().call_later(self.start_seconds, child.end, int(crashes))
        return child

    def _at(self, address: Address) -> SimulatedChild:
        child = super()._at(address)
        if fault_of(child.command.image, self.faults) is Fault.DEAF:
            raise ConnectionRefusedError(111, "connect: connection refused")
        return child


class PretendedGround:
    """Implements `cluster.PodGround`: a node whose pods are pretended, and no traffic."""

    gateway = ""

    def __init__(self, api: ApiServer, world: World, folder: Path, processes: Pretended) -> None:
        setting = Setting(folder=folder / "pods", find=processes.find, version=api.version)
        setting.folder.mkdir(mode=0o700, exist_ok=True)
        self._node = Node(world, processes, Addresses(1), setting)
        self.outside = Inside(api.local, self._node, nowhere)

    async def run(self, ready: asyncio.Event) -> None:
        """Run the node until cancelled."""
        ready.set()
        await self._node.run()

    def close(self) -> None:
        """Nothing is held."""


def pretending(processes: Pretended) -> Callable[[ApiServer, World, Path, Clock], PretendedGround]:
    """Return what `EmbeddedCluster` makes its ground with."""
    return lambda api, world, folder, clock: PretendedGround(api, world, folder, processes)


def nowhere(namespace: str, service: str, port: str) -> Address | None:
    """Return where a pod of a service answers: there is no such place."""
    return None
