"""A whole embedded cluster with podinfo under load, while its Deployment is rolled; for a short test and a long one."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from volary.embedded.cluster import EmbeddedCluster, Wanted
from volary.runtime.clock import SystemClock

DEPLOYMENTS = "apps/deployments"
TESTER = "test"


def podinfo(version: str) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/readyz", "port": 9898}, "periodSeconds": 1}
    container = {
        "name": "podinfod",
        "image": f"ghcr.io/stefanprodan/podinfo:{version}",
        "ports": [{"name": "http", "containerPort": 9898}],
        "readinessProbe": probe,
    }
    template = {"metadata": {"labels": {"app": "podinfo"}}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "podinfo"}}, "template": template}
    meta = {"name": "podinfo", "namespace": "test"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def service() -> dict[str, Any]:
    ports = [{"name": "http", "port": 9898, "targetPort": "http"}]
    meta = {"name": "podinfo", "namespace": "test"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta,
        "spec": {"selector": {"app": "podinfo"}, "ports": ports},
    }


class Rolling:
    """Rolls podinfo again and again while load runs."""

    def __init__(self, folder: Path) -> None:
        self.cluster = EmbeddedCluster(Wanted("west"), folder, SystemClock())
        self.local = self.cluster.api.local
        self.rolled = 0

    async def run(self, rate: int, count: int) -> dict[str, Any]:
        """Return the load's last line."""
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(self.cluster.run())
            await asyncio.wait_for(self.cluster.ready.wait(), 30)
            self.local.create("/namespaces", {"metadata": {"name": "test"}}, TESTER)
            self.local.create("/services", service(), TESTER)
            self.local.create(DEPLOYMENTS, podinfo("6.0.0"), TESTER)
            await self.rolled_out()
            lines = await self.roll_under_load(rate, count)
            task.cancel()
        return lines

    async def roll_under_load(self, rate: int, count: int) -> dict[str, Any]:
        target = f"--target={self.cluster.gateway}"
        load = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "volary.embedded.load", target, "--host=podinfo.test"),
            *(f"--rate={rate}", f"--count={count}"),
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.TaskGroup() as tasks:
            roller = tasks.create_task(self.roll())
            said, _ = await load.communicate()
            roller.cancel()
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
        return found

    async def roll(self) -> None:
        while True:
            template = podinfo(f"6.0.{self.rolled + 1}")["spec"]["template"]
            there = self.local.get(DEPLOYMENTS, "test", "podinfo")
            assert there is not None
            changed = {**there, "spec": {**there["spec"], "template": template}}
            self.local.update(DEPLOYMENTS, changed, TESTER)
            await self.rolled_out()
            self.rolled += 1

    async def rolled_out(self) -> None:
        async with asyncio.timeout(30):
            while not self.done():  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    def done(self) -> bool:
        there = self.local.get(DEPLOYMENTS, "test", "podinfo") or {}
        status = there.get("status") or {}
        seen = status.get("observedGeneration") == there["metadata"]["generation"]
        counts = [status.get(name) for name in ("replicas", "updatedReplicas", "availableReplicas")]
        return bool(seen and counts == [2, 2, 2])
