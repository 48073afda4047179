"""The people of a simulation, from a seed: they push releases, talk to rollouts, and do what holds ask for."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import yaml

from volary.demo.project import RELEASED_FILE
from volary.demo.world import APP, HUB, HUB_NAMESPACE
from volary.fleet import commands
from volary.fleet.commands import Fleet, Impossible, Patch, Words
from volary.kube.client import Client
from volary.kube.objects import NewObject, dig
from volary.kube.resources import FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS
from volary.sim.project import VirtualProject
from volary.sim.stage import VirtualStage

GOOD, BAD, BAD_FOR_BETA, README, BROKEN = "good", "bad", "bad for /beta", "of the README only", "that cannot be built"
FAULTS = {BAD: "path=/;every=3;status=500", BAD_FOR_BETA: "path=/beta;every=2;status=500"}
Say = Callable[[str], None]


class Author:
    """Pushes releases to the repository of a stage."""

    def __init__(self, project: VirtualProject, say: Say) -> None:
        self.project = project
        self.say = say
        self.number = max(project.commits, default=0)

    def push(self, kind: str) -> int:
        """Push a release; return its number."""
        self.number += 1
        if kind == README:
            self.project.write("README.md", f"number {self.number}\n")
        elif kind == BROKEN:
            self.project.write(RELEASED_FILE, "kind: Deployment\n  metadata: [")
        else:
            self.project.write(RELEASED_FILE, release(self.number, FAULTS.get(kind, "")))
        commit = self.project.push(f"Release version {self.number}")
        self.project.commits[self.number] = commit
        self.say(f"push of version {self.number}, one {kind}: {commit[:7]}")
        return self.number


def release(number: int, fault: str) -> str:
    """Return the file of a release as the demo's are."""
    env = [{"name": "PODINFO_UI_MESSAGE", "value": f"version {number}"}]
    if fault:
        env.append({"name": "PODINFO_FAULT", "value": fault})
    container = {"name": "podinfod", "image": f"ghcr.io/stefanprodan/podinfo:6.1.{number}", "env": env}
    spec = {"template": {"spec": {"containers": [container]}}}
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": APP}, "spec": spec}
    return yaml.safe_dump(made, sort_keys=False)


class Person:
    """Somebody with the command line, and with luck on the way to the hub."""

    def __init__(self, stage: VirtualStage, say: Say) -> None:
        self.client: Client = stage.clusters[HUB].client("person")
        self.say = say

    async def fleet(self) -> Fleet:
        rollout = await self.client.get(FLEET_ROLLOUTS, APP, HUB_NAMESPACE)
        assert rollout is not None
        runs = (await self.client.list(FLEET_ROLLOUT_RUNS, HUB_NAMESPACE)).items
        return Fleet(rollout, [run for run in runs if owned(run, rollout)])

    async def tell(self, command: Callable[[Fleet, Words], Patch]) -> bool:
        """Say a command as `volary` would; return whether it could be said."""
        try:
            wanted = command(await self.fleet(), Words("simulated", "from a seed"))
        except Impossible:
            return False
        await self.client.patch(wanted.resource, wanted.name, wanted.body, wanted.namespace, manager="volary-cli")
        self.say(f"a person: {wanted.note}")
        return True

    async def say_anything(self, rng: random.Random) -> None:
        words: Sequence[Callable[[Fleet, Words], Patch]] = (
            commands.pause,
            commands.resume,
            commands.resume,
            commands.abort,
            commands.rollback,
            commands.retry,
        )
        await self.tell(rng.choice(words))

    async def help(self) -> None:
        """Let go on what waits for a person."""
        fleet = await self.fleet()
        reason = fleet.run.hold.reason if fleet.active and fleet.run.hold else ""
        if reason == "DeliveryDrift":
            await self.tell(commands.take_pin)
        elif reason == "ClusterDegradedBefore":
            await self.tell(commands.as_is)
        await self.tell(commands.resume)


def owned(run: NewObject, rollout: NewObject) -> bool:
    refs = dig(run, "metadata", "ownerReferences") or ()
    return any(ref.get("uid") == rollout["metadata"]["uid"] for ref in refs)
