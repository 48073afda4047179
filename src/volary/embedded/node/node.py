"""The one node of an embedded cluster: scheduler and kubelet in small. It runs pods as processes of this computer.

Pods come and go by writes to the API, noted by a listener and seen to one by one in `run`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path

from volary.embedded.api.errors import Problem
from volary.embedded.api.local import Object
from volary.embedded.controllers.objects import (
    condition,
    deleting,
    edited,
    finished,
    format_time,
    key_of,
    spec_of,
    status_of,
    uid_of,
)
from volary.embedded.controllers.world import Line, World
from volary.embedded.node.addresses import Addresses
from volary.embedded.node.node_object import NODES, new_lease, new_node, node_status
from volary.embedded.node.pods import PodRun, Setting
from volary.embedded.node.processes import Address, Processes
from volary.embedded.node.scheduling import place

log = logging.getLogger(__name__)

PODS, LEASES, LEASE_NAMESPACE = "/pods", "coordination.k8s.io/leases", "kube-node-lease"
KUBELET, SCHEDULER = "kubelet", "default-scheduler"
MOUNTED = ("/configmaps", "/secrets")
LEASE_SECONDS = 10.0
MOST_LOG_BYTES = 1 << 20  # of one container; the older half goes
RETRY_SECONDS = 1.0
AFTER_BUG_SECONDS = 10.0

Key = tuple[str, str]


class Node:
    """Runs the pods of one cluster. `run` returns only by cancellation; then every process has ended."""

    def __init__(
        self,
        world: World,
        processes: Processes,
        addresses: Addresses,
        setting: Setting,
        lease_seconds: float | None = LEASE_SECONDS,
    ) -> None:
        self.world = world
        self.processes = processes
        self.addresses = addresses
        self.setting = setting
        self.lease_seconds = lease_seconds  # None: no heartbeat, for simulations of many clusters
        self._runs: dict[Key, PodRun] = {}
        self._waiting: dict[Key, None] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Register the node and run its pods until cancelled."""
        self._register_at_last()
        self.world.local.listen(self._note)
        for pod in self.world.local.items(PODS):
            self._add(key_of(pod))
        async with asyncio.TaskGroup() as group:
            if self.lease_seconds is not None:
                group.create_task(self._beat(self.lease_seconds))
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    self._see_to(self._pop(), group)

    def lookup(self, namespace: str, name: str) -> dict[int, Address]:
        """Return where a pod really listens: port as the pod knows it -> address. Empty while it has no process."""
        run = self._runs.get((namespace, name))
        return run.addresses() if run is not None else {}

    def logs(self, namespace: str, name: str, container: str = "") -> bytes:
        """Return what a container has written, the last megabyte of it. Raises: KeyError (no such container)."""
        run = self._runs[namespace, name]
        names = [each.state.name for each in run.containers]
        wanted = container or names[0]
        if wanted not in names:
            raise KeyError(wanted)
        path = run.log_path(wanted)
        older = path.with_suffix(".old")
        return b"".join(each.read_bytes() for each in (older, path) if each.exists())

    def _note(self, resource: str, old: Object | None, new: Object | None) -> None:
        if resource == PODS:
            for pod in (old, new):
                if pod is not None:
                    self._add(key_of(pod))
        elif resource in MOUNTED and new is not None and old is not None:
            for run in self._runs.values():
                if run.key[0] == key_of(new)[0]:
                    run.refresh_files()
        elif resource == NODES:
            for pod in self.world.local.items(PODS):
                if not spec_of(pod).get("nodeName"):
                    self._add(key_of(pod))

    def _add(self, key: Key) -> None:
        self._waiting[key] = None
        self._wake.set()

    def _pop(self) -> Key:
        key = next(iter(self._waiting))
        del self._waiting[key]
        return key

    def _see_to(self, key: Key, group: asyncio.TaskGroup) -> None:
        try:
            self._sync(key, group)
        except Problem as problem:
            log.debug("pod will be looked at again", extra={"pod": "/".join(key), "problem": str(problem)})
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._add, key)

    def _sync(self, key: Key, group: asyncio.TaskGroup) -> None:
        pod, run = self.world.local.get(PODS, *key), self._runs.get(key)
        if run is not None:
            if pod is None or uid_of(pod) != run.uid:
                run.vanish()  # its end brings the next look, at the newer pod of this name
            elif deleting(pod):
                run.stop()
        elif pod is not None and self._ours(pod):
            self._take_up(key, pod, group)

    def _ours(self, pod: Object) -> bool:
        return spec_of(pod).get("nodeName", "") in ("", None, self.setting.name)

    def _take_up(self, key: Key, pod: Object, group: asyncio.TaskGroup) -> None:
        if deleting(pod):
            self.world.local.remove(PODS, *key)  # it never ran here, or no longer does
            self._show_ended(key)
        elif not spec_of(pod).get("nodeName"):
            self._bind(pod)
        elif not finished(pod):
            place = self.addresses.take()
            run = self._runs[key] = PodRun(self.world, self.processes, self.setting, pod, place)
            task = group.create_task(self._guard(run))
            task.add_done_callback(lambda _: self._ended(key, run))

    def _show_ended(self, key: Key) -> None:
        """Say of a pod that a finalizer still holds, and that never ran, that it will not: its owner waits for that."""
        pod = self.world.local.get(PODS, *key)
        if pod is not None and not finished(pod):
            self.world.local.update_status(PODS, {**pod, "status": {**status_of(pod), "phase": "Failed"}}, KUBELET)

    async def _guard(self, run: PodRun) -> None:
        try:
            await run.run()
        except Exception:
            log.exception("pod failed on the node", extra={"pod": "/".join(run.key)})
            run.show_broken()
            await asyncio.sleep(AFTER_BUG_SECONDS)

    def _ended(self, key: Key, run: PodRun) -> None:
        del self._runs[key]
        self.addresses.give_back(run.place)
        self._add(key)

    def _bind(self, pod: Object) -> None:
        """Give a pod to a node, or say why not."""
        node, problem = place(pod, self.world.local.items(NODES), self.setting.name)
        if problem:
            self._say_unschedulable(pod, problem)
            return
        bound = edited(pod)
        bound["spec"]["nodeName"] = node
        self.world.local.update(PODS, bound, SCHEDULER)
        text = f"Successfully assigned {'/'.join(key_of(pod))} to {node}"
        self.world.event(pod, Line("Scheduled", text), SCHEDULER)

    def _say_unschedulable(self, pod: Object, problem: str) -> None:
        old = condition(pod, "PodScheduled")
        if old is not None and old.get("message") == problem:
            return
        entry = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": problem}
        entry["lastTransitionTime"] = format_time(self.world.now())
        others = [each for each in status_of(pod).get("conditions") or () if each["type"] != "PodScheduled"]
        status = {**status_of(pod), "phase": "Pending", "conditions": [*others, entry]}
        self.world.local.update_status(PODS, {**pod, "status": status}, SCHEDULER)
        self.world.event(pod, Line("FailedScheduling", problem, "Warning"), SCHEDULER)

    def _register_at_last(self) -> None:
        """Register, later where the API takes no writes just now."""
        try:
            self._register()
        except Problem as problem:
            log.warning("the node will be registered later", extra={"problem": str(problem)})
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._register_at_last)

    def _register(self) -> None:
        local, name = self.world.local, self.setting.name
        node = local.get(NODES, "", name)
        if node is None:
            node = local.create(NODES, new_node(name), KUBELET)
        status = node_status(self.setting.host_ip, self.setting.version, self.world.now())
        local.update_status(NODES, {**node, "status": status}, KUBELET)

    async def _beat(self, seconds: float) -> None:
        """Renew the node's Lease: the one write that a cluster at rest makes."""
        while True:
            try:
                self._renew()
            except Problem as problem:
                log.debug("lease not renewed", extra={"problem": str(problem)})
            with contextlib.suppress(OSError):  # a full disk: they go on growing until there is room to shorten them
                self._trim_logs()
            await asyncio.sleep(seconds)

    def _renew(self) -> None:
        lease = new_lease(self.setting.name, self.world.now())
        old = self.world.local.get(LEASES, LEASE_NAMESPACE, self.setting.name)
        if old is None:
            self.world.local.create(LEASES, lease, KUBELET)
        else:
            self.world.local.update(LEASES, {**edited(old), "spec": lease["spec"]}, KUBELET)

    def _trim_logs(self) -> None:
        for run in self._runs.values():
            for container in run.containers:
                trim(run.log_path(container.state.name))


def trim(path: Path) -> None:
    """Move a log that has grown too long aside; whoever has it open appends from its beginning again."""
    if path.exists() and path.stat().st_size > MOST_LOG_BYTES // 2:
        path.with_suffix(".old").write_bytes(path.read_bytes()[-MOST_LOG_BYTES // 2 :])
        with path.open("r+b") as file:
            file.truncate(0)
