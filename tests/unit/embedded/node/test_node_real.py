"""A Deployment on a real node: real processes, real probes, a rolling update, a pod that is killed."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.unit.embedded.node.http import call
from tests.unit.embedded.node.programs import play
from tests.unit.embedded.small_cluster import NEWER, PODINFO, deployment, service, set_image
from volary.embedded.api.local import NewObject, Object
from volary.embedded.api.local_access import LocalAccess
from volary.embedded.api.server import ApiServer
from volary.embedded.controllers import World, controllers
from volary.embedded.controllers.objects import condition, edited, meta, name_of, ready, spec_of, status_of
from volary.embedded.node.addresses import Addresses, claim_addresses
from volary.embedded.node.local_processes import LocalProcesses
from volary.embedded.node.node import Node
from volary.embedded.node.pods import Setting
from volary.runtime.clock import SystemClock


class Real:
    """A small cluster with real pods."""

    def __init__(self, folder: Path, addresses: Addresses) -> None:
        clock = SystemClock()
        self.local: LocalAccess = ApiServer("real", clock.now, clock.rng, clock.new_id).local
        self.world = World(self.local, clock)
        self.manager = controllers(self.world)
        self.node = Node(self.world, LocalProcesses(folder), addresses, Setting(folder=folder / "pods"))
        self._changed = asyncio.Event()
        self.local.listen(lambda resource, old, new: self._changed.set())

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait for a write after which something holds."""
        async with asyncio.timeout(10):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    def pods(self) -> list[Object]:
        return self.local.items("/pods", "test")

    def rolled_out(self, replicas: int) -> bool:
        found = self.local.get("apps/deployments", "test", "podinfo") or {}
        status = status_of(found)
        current = status.get("observedGeneration") == meta(found).get("generation")
        counts = [status.get(each) for each in ("replicas", "updatedReplicas", "availableReplicas")]
        return current and counts == [replicas] * 3 and len(self.pods()) == replicas


@asynccontextmanager
async def real_cluster(folder: Path, shared_host: bool = False) -> AsyncIterator[Real]:
    addresses = Addresses(1, shared_host=True) if shared_host else claim_addresses(random.Random())
    cluster = Real(folder, addresses)
    cluster.manager.start(asyncio.get_running_loop())
    cluster.local.create("/namespaces", {"metadata": {"name": "test"}}, "kubectl")
    cluster.local.create("/services", service(), "kubectl")
    async with asyncio.TaskGroup() as group:
        running = group.create_task(cluster.node.run())
        yield cluster
        running.cancel()
    cluster.manager.stop()
    addresses.close()
    assert list((folder / "processes").iterdir()) == []


@pytest.mark.parametrize("shared_host", [False, True], ids=["address-per-pod", "port-per-pod"])
def test_a_deployment_of_real_pods_rolls_over(tmp_path: Path, shared_host: bool) -> None:
    async def story() -> None:
        async with real_cluster(tmp_path, shared_host) as cluster:
            cluster.local.create("apps/deployments", deployment(), "kubectl")
            await cluster.until(lambda: cluster.rolled_out(2))
            for pod in cluster.pods():
                got = await call(cluster.node.lookup("test", name_of(pod))[9898], "/")
                assert (got.headers["x-volary-pod"], got.json()["version"]) == (name_of(pod), "6.0.0")
            changed = edited(cluster.local.get("apps/deployments", "test", "podinfo") or {})
            set_image(NEWER)(changed)
            cluster.local.update("apps/deployments", changed, "kubectl")
            await cluster.until(lambda: cluster.rolled_out(2))
            for pod in cluster.pods():
                assert (await call(cluster.node.lookup("test", name_of(pod))[9898], "/")).json()["version"] == "6.0.1"
                assert b"6.0.1" in cluster.node.logs("test", name_of(pod))

    play(story)


def test_a_pod_that_is_killed_leaves_the_endpoints_at_once_and_starts_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with real_cluster(tmp_path) as cluster:
            cluster.local.create("apps/deployments", deployment(), "kubectl")
            await cluster.until(lambda: cluster.rolled_out(2))
            name = name_of(cluster.pods()[0])
            run = cluster.node._runs["test", name]
            child = run.containers[0].child
            assert child is not None

            def restarts() -> int:
                pod = cluster.local.get("/pods", "test", name) or {}
                return int(status_of(pod)["containerStatuses"][0]["restartCount"])

            os.kill(child.pid, signal.SIGKILL)
            async with asyncio.timeout(1):
                await cluster.until(lambda: not ready(cluster.local.get("/pods", "test", name) or {}))
            await cluster.until(lambda: restarts() == 1 and ready(cluster.local.get("/pods", "test", name) or {}))
            last = status_of(cluster.local.get("/pods", "test", name) or {})["containerStatuses"][0]["lastState"]
            assert (last["terminated"]["exitCode"], last["terminated"]["reason"]) == (137, "Error")

    play(story)


def test_the_node_says_that_it_is_ready_and_renews_its_lease(tmp_path: Path) -> None:
    async def story() -> None:
        async with real_cluster(tmp_path) as cluster:
            lease = ("coordination.k8s.io/leases", "kube-node-lease", "node-1")
            await cluster.until(lambda: cluster.local.get(*lease) is not None)
            node = cluster.local.get("/nodes", "", "node-1") or {}
            assert (condition(node, "Ready") or {})["status"] == "True"
            assert spec_of(cluster.local.get(*lease) or {})["holderIdentity"] == "node-1"

    play(story)


def test_a_mounted_config_map_follows_its_source(tmp_path: Path) -> None:
    async def story() -> None:
        async with real_cluster(tmp_path) as cluster:
            metadata = {"name": "settings", "namespace": "test"}
            cluster.local.create("/configmaps", {"metadata": metadata, "data": {"color": "red"}}, "kubectl")
            pod = new_pod_with_volume()
            cluster.local.create("/pods", pod, "kubectl")
            await cluster.until(lambda: ready(cluster.local.get("/pods", "test", "one") or {}))
            at = cluster.node.lookup("test", "one")[9898]
            assert (await call(at, "/configs")).json() == {"color": "red"}
            changed = {**edited(cluster.local.get("/configmaps", "test", "settings") or {}), "data": {"color": "blue"}}
            cluster.local.update("/configmaps", changed, "kubectl")
            assert (await call(at, "/configs")).json() == {"color": "blue"}

    play(story)


def new_pod_with_volume() -> NewObject:
    container = {
        "name": "podinfod",
        "image": PODINFO,
        "command": ["./podinfo", "--config-path=/etc/app"],
        "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}],
    }
    volumes = [{"name": "config", "configMap": {"name": "settings"}}]
    metadata = {"name": "one", "namespace": "test"}
    return {"metadata": metadata, "spec": {"containers": [container], "volumes": volumes}}
