"""The demo's stage in virtual time: the same hub and members, platform manifests, repository and acts.

What the demo starts as processes runs here in one event loop: embedded clusters, `volary run`, and a model of the load.
Everything is watched as the demo watches it, so its observers and its judge work unchanged.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import msgspec
import yaml

from volary import install
from volary.demo import observers, platform
from volary.demo.acts import ACTS, Act, play
from volary.demo.ending import Look, ending_of
from volary.demo.judge import judge
from volary.demo.stage import RINGS
from volary.demo.story import Story
from volary.demo.traffic import PATHS, RATE
from volary.demo.world import APP, HUB, MEMBERS, NAMESPACE, World
from volary.fleet.why import why
from volary.kube.objects import NewObject, Object, dig
from volary.sim.cluster import Shape, SimulatedCluster
from volary.sim.crowd import Load
from volary.sim.life import Process, server_of
from volary.sim.project import VirtualProject
from volary.sources.memory import MemoryFetcher, MemoryRepository

URL = "https://git.sim/podinfo.git"
REPORT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Setting:
    """What a play is made of."""

    seed: int | str = 0
    interval: str = "1s"
    interval_seconds: float = 1.0
    patience_seconds: float = 0.0  # that an act may take beside what the story allows
    definitions: Sequence[NewObject] = field(default_factory=install.definitions)


class VirtualStage:
    """Clusters, repository, platform; and the processes that somebody starts there."""

    def __init__(self, setting: Setting, group: asyncio.TaskGroup) -> None:
        self.setting = setting
        self.group = group
        window = max(3.0, setting.interval_seconds * 1.2)
        loads = {name: Load(NAMESPACE, APP, RATE, path_shares(PATHS[name])) for name in MEMBERS}
        self.clusters = {
            name: SimulatedCluster(Shape(name, setting.seed, loads.get(name, Load("", "")), window, name in loads))
            for name in (HUB, *MEMBERS)
        }
        self.fetcher = MemoryFetcher()
        self.repository: MemoryRepository = self.fetcher.repository(URL)
        self.project = VirtualProject(self.repository, setting.interval)
        self.templates: dict[tuple[str, str], bytes] = {}
        self.processes: dict[str, Process] = {}
        self.story = Story(asyncio.get_running_loop().time)
        clock = self.clusters[HUB].clock
        self.world = World({name: cluster.client("demo") for name, cluster in self.clusters.items()}, clock)
        self._running: list[asyncio.Task[Any]] = []
        self._audited: dict[str, int] = dict.fromkeys(self.clusters, 0)

    def start(self, name: str = "volary") -> Process:
        """Start a `volary run` against the hub."""
        process = Process(name, HUB, self.clusters, self.fetcher)
        process.seed = self.setting.seed
        self.processes[name] = process
        self.begin(process.run())
        return process

    def begin(self, work: Any) -> None:
        """Run something until the play is over."""
        self._running.append(self.group.create_task(work))

    def end(self) -> None:
        for task in self._running:
            task.cancel()

    async def raise_curtain(self) -> None:
        """Bring everything up to the point where only the controllers are missing; version 1 is pushed."""
        for cluster in self.clusters.values():
            self.begin(cluster.run())
        await self.project.release(1)
        clients = {name: cluster.client("platform-engineer") for name, cluster in self.clusters.items()}
        for client in clients.values():
            await platform.prepare(client, list(self.setting.definitions))
        git = {"GIT_USER": "volary", "GIT_PASSWORD": "secret", "GIT_URL": URL}
        for name in MEMBERS:
            await platform.apply(clients[name], "member", {**git, "CLUSTER": name})
            values = {"CLUSTER": name, "RING": RINGS[name], "KUBECONFIG": kubeconfig(name)}
            await platform.apply(clients[HUB], "cluster", values)
        await platform.apply(clients[HUB], "hub", git)

    def watch(self) -> None:
        """Begin to observe as the demo does."""
        observers.observe_world(self.world, self.story)
        for name in MEMBERS:
            self.world.deployments(name).listen(partial(self._note_template, name))
            self.world.canaries(name).listen(partial(self._let_users_come, name))
        for place in self.world.places.values():
            self.begin(place.informers.run())

    def _let_users_come(self, cluster: str, _old: Object | None, new: Object | None) -> None:
        if dig(new, "status", "phase") == "Initialized" and not self.clusters[cluster].crowd.on:
            self.clusters[cluster].crowd.begin()
            self.begin(self._report(cluster))

    async def _report(self, cluster: str) -> None:
        """Tell of the traffic twice a second, as the load does."""
        crowd = self.clusters[cluster].crowd
        before: dict[str, float] = {}
        lost = 0.0
        while True:
            await asyncio.sleep(max(REPORT_SECONDS, self.setting.interval_seconds / 4))
            now, lost_now = crowd.answered, crowd.lost
            sides = {side: now.get(side, 0.0) - before.get(side, 0.0) for side in (f"{APP}-primary", APP)}
            primary, canary = (round(count) for count in sides.values())
            self.story.tell(cluster, "traffic", primary=primary, canary=canary, lost=round(lost_now - lost))
            before, lost = now, lost_now

    def _note_template(self, cluster: str, _old: Object | None, new: Object | None) -> None:
        if new is not None and dig(new, "metadata", "name") == APP:
            template = dig(new, "spec", "template")
            image = str(dig(template, "spec", "containers", 0, "image"))
            self.templates[cluster, image] = msgspec.json.encode(template, order="deterministic")

    def tell_of_writes(self) -> None:
        """Add what the audit logs hold since the last call to the story, as the demo's tail does."""
        for name, cluster in self.clusters.items():
            fresh = cluster.audit[self._audited[name] :]
            self._audited[name] = len(cluster.audit)
            for entry in fresh:
                observers.write_seen(self.story, cluster.clock, name, msgspec.json.encode(entry))

    def why(self) -> str:
        """Return the sentence of `volary why podinfo`."""
        return why(self.world.rollout() or {}, self.world.runs.items())

    async def act(self, act: Act) -> list[str]:
        """Play one act; return how it differs from the story."""
        self.tell_of_writes()
        began = len(self.story.observations)
        self.story.tell("", "act", n=act.number, title=act.title)
        act = replace(act, seconds=act.seconds + self.setting.patience_seconds)
        in_time = await play(act, self.world, self.project, self.setting.interval_seconds)
        if not act.flows_on:
            await asyncio.sleep(REPORT_SECONDS)
        self.tell_of_writes()
        seen = self.story.observations[began:]
        look = Look(self.world, self.project.commits, self.templates, self.why())
        return judge(ending_of(act, in_time, seen, look))

    async def acts(self, *numbers: int) -> list[str]:
        """Play acts in their order; return all differences."""
        found: list[str] = []
        for act in ACTS:
            if act.number in numbers:
                found += await self.act(act)
        return found


@asynccontextmanager
async def staged(setting: Setting | None = None) -> AsyncIterator[VirtualStage]:
    """Give a stage on which only the controllers are missing."""
    async with asyncio.TaskGroup() as group:
        stage = VirtualStage(setting or Setting(), group)
        await stage.raise_curtain()
        stage.watch()
        try:
            yield stage
        finally:
            stage.end()


def path_shares(arguments: Sequence[str]) -> dict[str, float]:
    """Return path -> share, from the load's own arguments PATH=PARTS."""
    parts = {path: float(count) for path, _, count in (argument.rpartition("=") for argument in arguments)}
    total = sum(parts.values())
    return {path: count / total for path, count in parts.items()}


def kubeconfig(cluster: str) -> str:
    """Return a kubeconfig for one simulated cluster."""
    entry = {"name": cluster, "cluster": {"server": server_of(cluster)}}
    user = {"name": cluster, "user": {"token": "simulated"}}
    context = {"name": cluster, "context": {"cluster": cluster, "user": cluster}}
    made = {"apiVersion": "v1", "kind": "Config", "current-context": cluster}
    return yaml.safe_dump({**made, "clusters": [entry], "users": [user], "contexts": [context]})
