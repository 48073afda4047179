"""Clusters come, go, fall silent and return: the real membership on embedded servers in virtual time."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from tests.simulation.fleet_scene import cluster_of
from volary.embedded.api.server import ApiServer
from volary.embedded.transport import InProcess
from volary.fleet import wire
from volary.fleet.membership import Membership
from volary.kube.client import Client
from volary.kube.kubeconfig_file import BadKubeconfig
from volary.kube.listwatch import WATCH_SECONDS
from volary.kube.objects import NewObject, dig
from volary.kube.resources import CLUSTERS, DEFINITIONS, NAMESPACES, SECRETS
from volary.runtime.cluster import Cluster
from volary.sim.clock import VirtualClock
from volary.sim.faults import Faulty
from volary.sim.loop import run_virtually


class Place:
    """A hub and some servers to be its members; a kubeconfig here is a server's name."""

    def __init__(self) -> None:
        self.clock = VirtualClock(3)
        self.servers = {name: self.server(name, n) for n, name in enumerate(("hub", "west", "east", "other"))}
        self.hub = Client(InProcess(self.servers["hub"]), "person")
        self.ways: dict[str, Faulty] = {}
        self.working: dict[str, Sequence[str]] = {}
        self.changes: list[str] = []
        cluster = cluster_of("", InProcess(self.servers["hub"]), self.clock)
        self.program = cluster
        self.members = Membership(cluster, self.connect, self.run_member)
        self.members.listen(self.changes.append)

    def server(self, name: str, seed: int) -> ApiServer:
        clock = VirtualClock(seed + 100)
        return ApiServer(name, clock.now, clock.rng, clock.new_id)

    def connect(self, name: str, kubeconfig: bytes, metrics_server: str) -> Cluster:
        where = kubeconfig.decode()
        if where not in self.servers:
            raise BadKubeconfig(f"the kubeconfig of Cluster {name}: no server {where}")
        self.ways[name] = Faulty(InProcess(self.servers[where]), name)
        return cluster_of(name, self.ways[name], self.clock)

    async def run_member(self, cluster: Cluster, features: Sequence[str]) -> None:
        self.working[cluster.name] = features
        try:
            await asyncio.Event().wait()
        finally:
            del self.working[cluster.name]

    async def prepare(self) -> None:
        for server in self.servers.values():
            client = Client(InProcess(server), "person")
            for name in ("kube-system", "volary-system"):
                if await client.get(NAMESPACES, name) is None:
                    await client.create(
                        NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
                    )
        for definition in wire.definitions():
            await self.hub.create(DEFINITIONS, definition)

    async def add(self, name: str, server: str = "", **spec: Any) -> None:
        await self.hub.create(SECRETS, secret(name, server or name))
        await self.hub.create(CLUSTERS, cluster(name, **spec))
        await asyncio.sleep(3)

    async def condition(self, name: str) -> tuple[str, str, str]:
        found = await self.hub.get(CLUSTERS, name)
        entry = dig(found, "status", "conditions", 0) or {}
        return str(entry.get("status")), str(entry.get("reason")), str(entry.get("message") or "")

    def reachable(self, name: str) -> str:
        member = self.members.get(name)
        assert member is not None
        return member.reachable


def secret(name: str, server: str, key: str = "value") -> NewObject:
    data = {key: base64.b64encode(server.encode()).decode()}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "volary-system"},
        "data": data,
    }


def cluster(name: str, **spec: Any) -> NewObject:
    ref = {"secretRef": {"namespace": "volary-system", "name": name}}
    meta = {"name": name, "labels": {"ring": "first"}}
    return {
        "apiVersion": "volary.dev/v1alpha1",
        "kind": "Cluster",
        "metadata": meta,
        "spec": {"kubeConfig": ref, **spec},
    }


@asynccontextmanager
async def place() -> AsyncIterator[Place]:
    made = Place()
    await made.prepare()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(made.program.informers.run()), group.create_task(made.members.run())]
        yield made
        for task in tasks:
            task.cancel()


def test_a_cluster_with_its_secret_becomes_a_member_and_says_so() -> None:
    async def story() -> None:
        async with place() as fleet:
            await fleet.add("west", features=["sync"])
            assert await fleet.condition("west") == ("True", "Connected", "")
            found = await fleet.hub.get(CLUSTERS, "west")
            kube_system = await Client(InProcess(fleet.servers["west"])).get(NAMESPACES, "kube-system")
            assert dig(found, "status", "uid") == dig(kube_system, "metadata", "uid")
            assert str(dig(found, "status", "version")).startswith("v1.")
            member = fleet.members.get("west")
            assert member is not None
            assert (member.reachable, member.labels, member.suspend) == ("True", {"ring": "first"}, False)
            assert fleet.working == {"west": ("sync",)}
            assert "west" in fleet.changes

    run_virtually(story())


def test_a_silent_cluster_is_noticed_within_90_seconds_and_again_when_it_returns() -> None:
    async def story() -> None:
        async with place() as fleet:
            await fleet.add("west")
            fleet.ways["west"].dark_for(600)
            await asyncio.sleep(90 + 1)
            assert (await fleet.condition("west"))[:2] == ("Unknown", "Timeout")
            assert fleet.reachable("west") == "Unknown"
            await asyncio.sleep(600)
            assert await fleet.condition("west") == ("True", "Connected", "")

    run_virtually(story())


def test_at_rest_a_members_way_costs_no_request_besides_its_watch() -> None:
    async def story() -> None:
        async with place() as fleet:
            await fleet.add("west")
            await asyncio.sleep(60)
            before, written = fleet.ways["west"].tally.requests, len(fleet.changes)
            await asyncio.sleep(3600)
            reopened = 3600 // WATCH_SECONDS
            assert fleet.ways["west"].tally.requests - before == reopened, "the one watch, opened again and again"
            assert len(fleet.changes) == written

    run_virtually(story())


def test_a_cluster_without_its_secret_says_what_is_missing_and_works_once_it_is_there() -> None:
    async def story() -> None:
        async with place() as fleet:
            await fleet.hub.create(CLUSTERS, cluster("west"))
            await asyncio.sleep(3)
            status, reason, message = await fleet.condition("west")
            assert (status, reason) == ("False", "Unauthorized")
            assert message == "there is no Secret volary-system/west; spec.kubeConfig.secretRef names it"
            await fleet.hub.create(SECRETS, secret("west", "west", "value.yaml"))
            await asyncio.sleep(3)
            assert await fleet.condition("west") == ("True", "Connected", "")

    run_virtually(story())


def test_a_secret_with_another_key_or_a_bad_kubeconfig_is_a_sentence_without_its_content() -> None:
    async def story() -> None:
        async with place() as fleet:
            await fleet.hub.create(SECRETS, secret("west", "west", "config"))
            await fleet.hub.create(CLUSTERS, cluster("west"))
            await asyncio.sleep(3)
            said = 'Secret volary-system/west has no key "value" or "value.yaml" with a kubeconfig'
            assert (await fleet.condition("west"))[2] == said
            await fleet.hub.update(SECRETS, secret("west", "nowhere"))
            await asyncio.sleep(3)
            assert (await fleet.condition("west"))[2] == "the kubeconfig of Cluster west: no server nowhere"

    run_virtually(story())


def test_a_changed_secret_makes_a_new_way_and_another_cluster_behind_it_is_rebuilt() -> None:
    async def story() -> None:
        async with place() as fleet:
            await fleet.add("west")
            first = fleet.members.get("west")
            await fleet.hub.update(SECRETS, secret("west", "other"))
            await asyncio.sleep(5)
            second = fleet.members.get("west")
            assert first is not None
            assert second is not None
            assert first.cluster is not second.cluster
            assert first.uid != second.uid
            assert (await fleet.condition("west"))[:2] == ("True", "Rebuilt")

    run_virtually(story())


def test_two_clusters_with_one_uid_the_second_is_refused_and_does_no_work() -> None:
    async def story() -> None:
        async with place() as fleet:
            await fleet.add("west", features=["sync"])
            await fleet.add("twin", "west", features=["sync"])
            assert await fleet.condition("west") == ("True", "Connected", "")
            status, reason, message = await fleet.condition("twin")
            assert (status, reason) == ("False", "DuplicateCluster")
            assert "the same cluster as Cluster west" in message
            assert list(fleet.working) == ["west"]
            await fleet.hub.delete(CLUSTERS, "west")
            await asyncio.sleep(3)
            assert list(fleet.working) == ["twin"]
            assert fleet.members.get("west") is None

    run_virtually(story())


def test_changed_features_restart_the_work_and_suspend_does_not() -> None:
    async def story() -> None:
        async with place() as fleet:
            await fleet.add("west", features=["sync"])
            way = fleet.ways["west"]
            await fleet.hub.patch(CLUSTERS, "west", {"spec": {"suspend": True}})
            await asyncio.sleep(3)
            member = fleet.members.get("west")
            assert member is not None
            assert member.suspend
            assert fleet.ways["west"] is way
            await fleet.hub.patch(CLUSTERS, "west", {"spec": {"features": ["sync", "canary"]}})
            await asyncio.sleep(3)
            assert fleet.working == {"west": ("sync", "canary")}
            assert fleet.ways["west"] is not way

    run_virtually(story())
