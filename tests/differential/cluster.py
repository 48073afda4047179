"""An embedded cluster for kubectl: the API over HTTPS, the controllers, and pods that become ready by themselves."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from volary.embedded.api.answers import Logs
from volary.embedded.api.local import Local, Object
from volary.embedded.api.server import ApiServer
from volary.embedded.controllers import World, controllers
from volary.embedded.kubeconfig import write_kubeconfig
from volary.embedded.outside import Nothing
from volary.embedded.server import Identity, Server

NODE = "node-1"


class RealClock:
    def __init__(self) -> None:
        self.rng = random.Random(1)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def new_id(self) -> str:
        return str(uuid4())


class WillingNode:
    """Runs every pod at once, but those whose image is called `broken`; runs no process for it."""

    def __init__(self, local: Local) -> None:
        self.local = local
        self.loop = asyncio.get_running_loop()
        local.listen(self.heard)

    def heard(self, resource: str, old: Object | None, new: Object | None) -> None:
        if resource == "/pods" and new is not None:
            self.loop.call_soon(self.look, new["metadata"]["namespace"], new["metadata"]["name"])

    def look(self, namespace: str, name: str) -> None:
        pod = self.local.get("/pods", namespace, name)
        if pod is None:
            return
        if pod["metadata"].get("deletionTimestamp"):
            self.local.remove("/pods", namespace, name)
        elif not pod["spec"].get("nodeName"):
            self.local.update("/pods", {**pod, "spec": {**pod["spec"], "nodeName": NODE}}, "scheduler")
        elif (pod.get("status") or {}).get("phase") == "Pending" and "broken" not in pod["spec"]["containers"][0][
            "image"
        ]:
            self.local.update_status("/pods", {**pod, "status": self.running(pod)}, "kubelet")

    def running(self, pod: Object) -> Object:
        moment = "2026-01-01T00:00:00Z"
        types = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        containers = [
            {
                "name": it["name"], "image": it["image"], "imageID": it["image"], "ready": True, "started": True,
                "restartCount": 0, "state": {"running": {"startedAt": moment}}, "lastState": {},
            }
            for it in pod["spec"]["containers"]
        ]  # fmt: skip
        return {
            "phase": "Running",
            "podIP": "10.1.2.3",
            "podIPs": [{"ip": "10.1.2.3"}],
            "conditions": [{"type": it, "status": "True", "lastTransitionTime": moment} for it in types],
            "containerStatuses": containers,
        }


class HelloLogs(Nothing):
    async def logs(self, target: Logs) -> AsyncIterator[bytes]:
        async def lines() -> AsyncIterator[bytes]:
            yield f"hello from {target.container}\n".encode()

        return lines()


async def serve(kubeconfig: Path, ready: threading.Event, stop: asyncio.Event) -> None:
    clock = RealClock()
    api = ApiServer("west", clock.now, clock.rng, clock.new_id)
    manager = controllers(World(api.local, clock))
    manager.start(asyncio.get_running_loop())
    api.local.create("/nodes", {"metadata": {"name": NODE}}, "kubelet")
    WillingNode(api.local)
    server = Server(api, Identity("kubectl-token"), HelloLogs())
    await server.start()
    try:
        write_kubeconfig(kubeconfig, {"west": server})
        ready.set()
        await stop.wait()
    finally:
        manager.stop()
        await server.close()


@contextmanager
def running_cluster(kubeconfig: Path) -> Iterator[None]:
    """Run the cluster in a thread, and write its kubeconfig."""
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            runner.run(serve(kubeconfig, ready, stop))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(20), "the cluster did not start"
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
