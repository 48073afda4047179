"""The demo's stage on real control planes: same repository, platform, acts and judge; no traffic, metrics by a script.

`volary run` is a process of its own here too, and everything is seen through the API and the real audit logs.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tests.conformance.scripted import Scripted
from volary.demo.acts import ACTS, Act, play
from volary.demo.ending import read_ending
from volary.demo.judge import Ending, judge
from volary.demo.project import Project
from volary.demo.settings import Settings
from volary.demo.stage import Stage
from volary.demo.story import Story
from volary.demo.world import APP, HUB, MEMBERS, NAMESPACE
from volary.kube.client import Client
from volary.kube.http import HttpTransport
from volary.kube.kubeconfig import load
from volary.kube.objects import dig
from volary.runtime.clock import SystemClock

WEST, EAST = MEMBERS
BAD = frozenset({(WEST, "6.0.2"), (EAST, "6.0.3")})  # version 3 fails in west, version 4 in east only
PAUSE_SECONDS = 1.0  # between the end of `volary run` and its next start
NAMES = (HUB, *MEMBERS)


class LoopbackProject(Project):
    """The demo's repository, whose overlays send questions of the canary to a server on loopback."""

    def __init__(self, folder: Path, interval: str, url: str) -> None:
        super().__init__(folder, interval)
        self.url = url

    def _set_interval(self) -> None:
        super()._set_interval()
        for name in MEMBERS:
            path = self.clone / "clusters" / name / "kustomization.yaml"
            overlay = yaml.safe_load(path.read_text())
            overlay.setdefault("patches", []).append(patch_of_canary(f"{self.url}/{name}"))
            path.write_text(yaml.safe_dump(overlay, sort_keys=False))


def patch_of_canary(url: str) -> dict[str, Any]:
    operations = [
        {"op": "add", "path": "/spec/metricsServer", "value": url},
        {"op": "replace", "path": "/spec/analysis/webhooks/0/url", "value": f"{url}/hook"},
        {"op": "replace", "path": "/spec/analysis/webhooks/1/url", "value": f"{url}/hook"},
    ]
    return {"target": {"kind": "Canary", "name": APP}, "patch": yaml.safe_dump(operations)}


class RealStage(Stage):
    """The stage on three control planes of the testbed. Use inside of `raised`."""

    def __init__(self, folder: Path, testbed: Any, scripted: Scripted, interval: str = "1s") -> None:
        super().__init__(folder, Settings(interval=interval))
        self.testbed = testbed
        self.scripted = scripted
        self.project = LoopbackProject(folder, interval, scripted.url)
        self.story = Story(self.seconds)
        self.deaths = 0

    async def _clusters(self) -> None:
        self.kubeconfig = self.folder / "kubeconfig"
        named = {f"cluster-{number}": name for number, name in enumerate(NAMES, 1)}
        write_renamed(self.testbed.kubeconfig, self.kubeconfig, named)
        for cluster, name in named.items():
            self._audit[name] = self.testbed.directory / "clusters" / cluster / "audit.log"
            access = load(SystemClock().now, str(self.kubeconfig), name)
            self._clients[name] = Client(HttpTransport(access), user_agent="demo")

    async def attend(self) -> None:
        """Start `volary run` again whenever it ends."""
        while True:
            await self.children.running["run"].wait()
            if "run" not in self.children.running:
                return
            self.deaths += 1
            await asyncio.sleep(PAUSE_SECONDS)
            await self._controllers()

    def kill(self) -> None:
        """End `volary run` as a power cut would; one that has just ended is dead enough."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.children.running["run"].pid, signal.SIGKILL)

    def image_of(self, cluster: str) -> str:
        """Return the image that is in the target's template now."""
        if self._world is None:
            return ""
        target = self._world.deployments(cluster).get(APP, NAMESPACE)
        return str(dig(target, "spec", "template", "spec", "containers", 0, "image") or "")


def write_renamed(old: Path, new: Path, names: Mapping[str, str]) -> None:
    """Write a kubeconfig whose contexts, clusters and users have other names."""
    config = msgspec.json.decode(old.read_bytes())
    for kind in ("clusters", "users", "contexts"):
        for entry in config[kind]:
            entry["name"] = names[entry["name"]]
            entry.get("context", {}).update(cluster=entry["name"], user=entry["name"])
    config["current-context"] = HUB
    new.touch(mode=0o600)
    new.write_bytes(msgspec.json.encode(config))


Meanwhile = Callable[[RealStage, Story], Coroutine[Any, Any, None]]


class Told:
    """What came of a telling: how each act ended, and everything that was seen."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.endings: list[Ending] = []
        self.deaths = 0  # of `volary run`

    @property
    def differences(self) -> list[str]:
        return [sentence for ending in self.endings for sentence in judge(ending)]


async def nothing(_: RealStage) -> None:
    """Do nothing after the last act."""


async def tell(
    folder: Path,
    testbed: Any,
    meanwhile: Mapping[int, Meanwhile] | None = None,
    acts: Sequence[Act] = ACTS,
    afterwards: Callable[[RealStage], Coroutine[Any, Any, None]] = nothing,
) -> Told:
    """Play the acts; from the act of that number on, `meanwhile` does its mischief. Return how they ended."""
    holder: list[RealStage] = []
    async with Scripted(BAD, lambda cluster: holder[0].image_of(cluster)) as scripted:
        stage = RealStage(folder, testbed, scripted)
        holder.append(stage)
        told = Told(stage.story)
        try:
            await stage.raise_curtain()
            async with asyncio.TaskGroup() as group:
                await stage.watch(group, told.story)
                attending = group.create_task(stage.attend())
                await play_acts(stage, told, acts, meanwhile or {})
                await afterwards(stage)
                attending.cancel()
                stage.unwatch()
        finally:
            told.deaths = stage.deaths
            await stage.clear()
    return told


async def play_acts(stage: RealStage, told: Told, acts: Sequence[Act], meanwhile: Mapping[int, Meanwhile]) -> None:
    ended = 0.0
    async with asyncio.TaskGroup() as group:
        mischief: list[asyncio.Task[None]] = []
        for act in acts:
            began = ended
            if act.number in meanwhile:
                mischief.append(group.create_task(meanwhile[act.number](stage, told.story)))
            in_time = await play(act, stage.world, stage.project, stage.settings.interval_seconds)
            ended = stage.seconds()
            await stage.settle()
            if not act.flows_on:
                ended = stage.seconds()
            seen = [one for one in told.story.observations if began <= one.t < ended]
            told.endings.append(await read_ending(act, in_time, seen, stage))
            if not in_time:
                break
        for task in mischief:
            task.cancel()
