"""The manifests that others wrote, through the whole program: Git, Kustomization, canary; under the real definitions.

Flagger's podinfo, tester and example Canary as they are (interval 15s); only the image tag is ours, as in an overlay.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import yaml

from volary.canary import messages
from volary.demo import platform
from volary.demo.real import CANARY, NAME, NAMESPACE, PARTS, REAL, TAGS, TARGET, good_lines, real_definitions
from volary.embedded.api.local import Object
from volary.kube.objects import NewObject, dig
from volary.sim.cluster import Shape, SimulatedCluster
from volary.sim.crowd import Load, shares
from volary.sim.faults import Rates
from volary.sim.life import Process
from volary.sim.loop import run_virtually
from volary.sources.memory import MemoryFetcher, MemoryRepository

URL = "https://git.sim/real.git"
METRICS = "http://prometheus.istio-system:9090"
ABSENT = f"{REAL} is not there: the files that others wrote are played only where they are"
OVERLAY = {
    "apiVersion": "kustomize.config.k8s.io/v1beta1",
    "kind": "Kustomization",
    "resources": ["namespace.yaml", "podinfo", "tester", "canary.yaml"],
}
IMAGE = "ghcr.io/stefanprodan/podinfo"

pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason=ABSENT)


class Play:
    """One cluster, its repository, and what its Canary told."""

    def __init__(self, repository: MemoryRepository) -> None:
        self.repository = repository
        load = Load(NAMESPACE, NAME, rate=100.0)
        self.cluster = SimulatedCluster(Shape("real", load=load, window_seconds=75.0))
        self.told: list[tuple[str, str]] = []
        self.cluster.api.local.listen(self._note)

    def _note(self, resource: str, old: Object | None, new: Object | None) -> None:
        if resource == "/events" and new is not None and dig(new, "involvedObject", "kind") == "Canary":
            self.told.append((str(new["type"]), str(new["message"])))

    def lines(self) -> list[str]:
        return [message for kind, message in self.told if kind == "Normal"]

    def push(self, tag: str, env: list[dict[str, str]] | None = None) -> None:
        """Push an overlay with an image tag, and variables for the faults of the stand-in."""
        overlay: NewObject = {**OVERLAY, "images": [{"name": IMAGE, "newTag": tag}]}
        if env:
            container = {"name": "podinfod", "env": env}
            spec = {"template": {"spec": {"containers": [container]}}}
            patch = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME}, "spec": spec}
            overlay["patches"] = [{"patch": yaml.safe_dump(patch), "target": {"kind": "Deployment", "name": NAME}}]
        self.repository.push({**files(), "kustomization.yaml": yaml.safe_dump(overlay)}, message=tag)

    def get(self, resource: str, name: str = NAME) -> Object:
        return self.cluster.api.local.get(resource, NAMESPACE, name) or {}

    @property
    def phase(self) -> str:
        return str(dig(self.get("flagger.app/canaries"), "status", "phase") or "")

    async def until(self, phase: str) -> None:
        for _ in range(1200):
            if self.phase == phase:
                return
            await asyncio.sleep(1)
        raise AssertionError(f"it is {self.phase}, not {phase}: {self.told}")


def files() -> dict[str, str]:
    found = {"canary.yaml": (REAL / "flagger" / CANARY).read_text()}
    found["namespace.yaml"] = yaml.safe_dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    for part in PARTS:
        folder = part.rpartition("/")[2]
        found |= {f"{folder}/{file.name}": file.read_text() for file in sorted((REAL / "flagger" / part).iterdir())}
    return found


@asynccontextmanager
async def playing() -> AsyncIterator[Play]:
    """Give a cluster in which the first version is being installed."""
    fetcher = MemoryFetcher()
    play = Play(fetcher.repository(URL))
    process = Process("volary", "real", {"real": play.cluster}, fetcher)
    process.set_weather(Rates(latency_seconds=0.3))  # slow enough for looks at a world that has moved on
    process.features, process.metrics_server = ("canary", "sync"), METRICS
    play.push(TAGS["install"])
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(play.cluster.run())]
        client = play.cluster.client("platform-engineer")
        await platform.prepare(client, list(real_definitions()))
        await platform.apply(client, "real", {"GIT_USER": "u", "GIT_PASSWORD": "p", "GIT_URL": URL})
        tasks.append(group.create_task(process.run()))
        yield play
        for task in tasks:
            task.cancel()


def test_a_good_and_a_bad_release_of_the_real_files() -> None:
    async def story() -> None:
        async with playing() as play:
            await play.until("Initialized")
            play.cluster.crowd.begin()
            await asyncio.sleep(120)
            assert play.lines() == [messages.initialized(TARGET).message], "nothing was pushed yet"
            await released(play)
            await taken_back(play)
            assert play.cluster.crowd.lost == 0

    run_virtually(story())


async def released(play: Play) -> None:
    play.told.clear()
    play.push(TAGS["good"])
    await play.until("Progressing")
    await play.until("Succeeded")
    assert play.lines() == good_lines(play.get("flagger.app/canaries"))
    assert [message for kind, message in play.told if kind != "Normal"] == []


async def taken_back(play: Play) -> None:
    play.told.clear()
    play.push("6.0.2", [{"name": "PODINFO_FAULT", "value": "path=/;every=3;status=500"}])
    await play.until("Failed")
    assert ("Warning", messages.failed(TARGET).message) in play.told
    assert shares(play.get("networking.istio.io/virtualservices"), NAME) == {"podinfo-primary": 1.0}
    assert image(play.get("apps/deployments", "podinfo-primary")) == f"{IMAGE}:{TAGS['good']}"


def image(deployment: Any) -> str:
    return str(dig(deployment, "spec", "template", "spec", "containers", 0, "image"))
