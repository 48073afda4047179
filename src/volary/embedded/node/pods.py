"""The life of one pod on the node: start its containers, watch them, start them again, and end them politely.

    deleted ── not ready in EndpointSlices, at once
       └─ 50 ms or more, so that the mesh has learned of it ── preStop ── SIGTERM ── grace ── SIGKILL ── gone

Source: Kubernetes kubelet (pod workers, probe manager, back-off).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from volary.embedded.api.errors import Problem
from volary.embedded.api.local import Object
from volary.embedded.api.releases import NEWEST, version_in
from volary.embedded.controllers.objects import (
    key_of,
    meta,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from volary.embedded.controllers.world import Line, World
from volary.embedded.node import image_table
from volary.embedded.node.addresses import Place
from volary.embedded.node.container import Container
from volary.embedded.node.image_table import Program
from volary.embedded.node.pod_status import ContainerState, Where, pod_status
from volary.embedded.node.processes import Address, Processes

log = logging.getLogger(__name__)

PODS = "/pods"
MANAGER = "kubelet"
SERVER_TROUBLE = 500  # and above: no fault of what was asked for
TELL_AGAIN_SECONDS = 1.0
STATIC_GRACE = 30  # seconds from SIGTERM to SIGKILL where the pod does not say


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for every pod of a node."""

    name: str = "node-1"
    host_ip: str = "10.0.0.1"
    folder: Path = field(default_factory=Path)
    gateway: str = ""  # HOST:PORT of the cluster's gateway, where pods reach Services
    drain_seconds: float = 0.05  # between leaving the endpoints and SIGTERM
    listen_seconds: float = 5.0  # how long a program may take until it listens, before probes begin anyway
    give_up_seconds: float = 0.5  # for programs to end when the whole node stops
    find: Callable[[str], tuple[Program, str]] = image_table.find  # image -> its program and version
    version: str = version_in(NEWEST)["gitVersion"]  # of the kubelet that the node says it has


class PodRun:
    """One pod while it is on the node."""

    def __init__(self, world: World, processes: Processes, setting: Setting, pod: Object, place: Place) -> None:
        self.world = world
        self.processes = processes
        self.setting = setting
        self.pod = pod  # as it was last seen
        self.uid = uid_of(pod)
        self.key = key_of(pod)
        self.place = place
        self.folder = setting.folder / self.uid
        self.where = Where(place.ip, setting.host_ip, world.now())
        self.containers = [Container(self, spec) for spec in spec_of(pod).get("containers") or ()]
        self._stop = asyncio.Event()
        self._gone = False

    def stop(self) -> None:
        """Begin the end; the pod was deleted."""
        self._stop.set()

    def vanish(self) -> None:
        """End at once, without grace: the object is gone from the API."""
        self._gone = True
        self._stop.set()
        self._kill()

    def refresh_files(self) -> None:
        for container in self.containers:
            container.refresh_files()

    def addresses(self) -> dict[int, Address]:
        """Return port as the pod knows it -> where it really is, for all containers that have a process."""
        found: dict[int, Address] = {}
        for container in self.containers:
            if container.child is not None:
                found |= container.child.addresses
        return found

    async def run(self) -> None:
        """Live until deleted; then the object is gone and every process has ended."""
        try:
            self.write_status()
            async with asyncio.TaskGroup() as group:
                lives = [group.create_task(container.live()) for container in self.containers]
                await self._stop.wait()
                await self._drain()
                for life in lives:
                    life.cancel()
            await self._end(self._grace())
            self._remove()
        finally:
            await self._abandon()

    async def _drain(self) -> None:
        """Serve on until nobody sends new requests here, then run the preStop hooks."""
        if self._gone:
            return
        for container in self.containers:
            container.stopping = True
            if not container.state.over:
                self.say(Line("Killing", f"Stopping container {container.state.name}"))
        await asyncio.sleep(self.setting.drain_seconds)
        try:
            async with asyncio.timeout(self._grace()), asyncio.TaskGroup() as group:
                for container in self.containers:
                    group.create_task(container.run_pre_stop())
        except TimeoutError:
            pass  # a hook may not last longer than the grace

    async def _end(self, grace: float) -> None:
        """Ask every process to end, and end those that do not in time."""
        living = [(container, container.child) for container in self.containers if container.child is not None]
        for _, child in living:
            child.terminate()
        try:
            async with asyncio.timeout(grace):
                for _, child in living:
                    await child.wait()
        except TimeoutError:
            self._kill()
        for container, child in living:
            container.exit_code = await child.wait()

    async def _abandon(self) -> None:
        """Leave nothing running and nothing on disk, also when the node itself stops in mid-flight."""
        await self._end(self.setting.give_up_seconds)
        self.processes.forget(self.folder)

    def _kill(self) -> None:
        for container in self.containers:
            if container.child is not None:
                container.child.kill()

    def _grace(self) -> float:
        if self._gone:
            return 0.0
        current = self.current() or self.pod
        seconds = meta(current).get("deletionGracePeriodSeconds")
        if seconds is None:
            seconds = spec_of(current).get("terminationGracePeriodSeconds", STATIC_GRACE)
        return max(1.0, float(seconds))

    def _remove(self) -> None:
        """Say that nothing runs any more, then let go of the object; a finalizer may still hold it."""
        if self.current() is not None:
            for container in self.containers:
                container.settle()
            self.write_status()
            self.world.local.remove(PODS, *self.key)

    def show_broken(self) -> None:
        """Say that nothing runs, after a failure of the node's own; it will be tried again."""
        for container in self.containers:
            container.fail("RunContainerError", "the node failed with this pod and will try again; see its log")
        self.write_status()

    def current(self) -> Object | None:
        """Return the pod as the API has it now, None if it is gone or is another of the same name."""
        pod = self.world.local.get(PODS, *self.key)
        return pod if pod is not None and uid_of(pod) == self.uid else None

    def write_status(self) -> None:
        """Tell the API how the pod is, if that changed; later, where it takes no writes just now (a full disk)."""
        try:
            self._write_status()
        except Problem as problem:
            if problem.code < SERVER_TROUBLE:
                raise
            log.debug("pod will be told of later", extra={"pod": "/".join(self.key), "problem": str(problem)})
            asyncio.get_running_loop().call_later(TELL_AGAIN_SECONDS, self.write_status)

    def _write_status(self) -> None:
        pod = self.current()
        if pod is None:
            return
        self.pod = pod
        states: Sequence[ContainerState] = [container.state for container in self.containers]
        status = pod_status(pod, states, self.where, self.world.now())
        if status != status_of(pod):
            self.world.local.update_status(PODS, {**pod, "status": status}, MANAGER)

    def say(self, line: Line) -> None:
        self.world.event(self.pod, line, "kubelet")

    def facts(self) -> dict[str, str]:
        """Return what only the node knows, as the downward API names it."""
        return {"status.podIP": self.place.ip, "status.hostIP": self.setting.host_ip}

    def own_variables(self, version: str) -> dict[str, str]:
        """Return the variables that stand-ins read; no author of a pod can set or see them."""
        return {
            "VOLARY_POD": name_of(self.pod),
            "VOLARY_NAMESPACE": namespace_of(self.pod),
            "VOLARY_VERSION": version,
            "VOLARY_GATEWAY": self.setting.gateway,
        }

    def log_path(self, container: str) -> Path:
        return self.folder / f"{container}.log"

    def should_restart(self, code: int) -> bool:
        policy = spec_of(self.pod).get("restartPolicy", "Always")
        return policy == "Always" or (policy == "OnFailure" and code != 0)
