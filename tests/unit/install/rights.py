"""Which rights each feature really uses: the whole story in virtual time, each feature a process of its own.

A right is (API group, resource or resource/subresource, verb), as RBAC has it; read from what reached the API servers.
Each process asks as an account that has what `volary install` gives and nothing else, so a right that is missing, or
that is in another namespace, stops the story.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from tests.simulation.canary_cluster import NAMESPACE, Play, play
from tests.simulation.canary_manifests import V2, V3, autoscaler, canary, deployment
from volary import install
from volary.demo.world import HUB, MEMBERS
from volary.embedded.api.auth.identity import User, account_groups, account_name
from volary.embedded.audit import Recorder
from volary.embedded.transport import InProcess
from volary.fleet.names import NUMBER, RETRY, TAKE_PIN
from volary.kube.client import Client
from volary.kube.objects import labels_of, name_of
from volary.kube.resources import (
    AUTOSCALERS,
    CANARIES,
    CLUSTERS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    FLEET_ROLLOUT_RUNS,
    FLEET_ROLLOUTS,
    SECRETS,
)
from volary.sim.cluster import SimulatedCluster
from volary.sim.life import Life, Process
from volary.sim.loop import run_virtually
from volary.sim.stage import VirtualStage, staged

Right = tuple[str, str, str]


class Overheard:
    """A cluster as one process knows it, with an audit log of that process alone."""

    def __init__(self, cluster: SimulatedCluster, account: str) -> None:
        self.cluster = cluster
        self.account = account
        self.audit: list[dict[str, Any]] = []

    def grant(self, roles: Iterable[Mapping[str, Any]]) -> None:
        """Give the account of this process what `roles` have, roles and bindings under names of its own."""
        local = self.cluster.api.local
        if local.get("/namespaces", "", install.NAMESPACE) is None:
            local.create("/namespaces", install.namespace(), "kubectl")
        subject = {**install.subject(), "name": self.account}
        for role in roles:
            obj = {**role, "metadata": {**role["metadata"], "name": f"{name_of(role)}-{self.account}"}}
            if "roleRef" in role:
                reference = {**role["roleRef"], "name": f"{role['roleRef']['name']}-{self.account}"}
                obj |= {"roleRef": reference, "subjects": [subject]}
            local.create(f"rbac.authorization.k8s.io/{role['kind'].lower()}s", obj, "kubectl")

    def transport(self) -> InProcess:
        recorder = Recorder(self.audit.append, self.cluster.clock.now, self.cluster.clock.new_id)
        groups = (*account_groups(install.NAMESPACE), "system:authenticated")
        user = User(account_name(install.NAMESPACE, self.account), groups)
        return InProcess(self.cluster.api, user, outside=self.cluster.services, audit=recorder)


class Alone:
    """A `volary run` of one feature in one cluster, beside others: its Lease has a name of its own."""

    def __init__(self, stage: VirtualStage, feature: str, home: str) -> None:
        self.heard = {name: Overheard(cluster, feature) for name, cluster in stage.clusters.items()}
        for name, heard in self.heard.items():
            if name == home:
                more = ("proxy",) if feature == "canary" else ()
                heard.grant([*install.roles((feature,)), *install.cluster_roles(more)])
            elif feature == "fleet":
                heard.grant(install.cluster_roles(install.member_roles(())))
        process = Process(f"{feature}-{home}", home, self.heard, stage.fetcher)  # type: ignore[arg-type]
        process.features = (feature,)
        life = Life(process, 0)
        process.lives.append(life)
        life.program.leadership.name = f"volary-{feature}"
        life.program.options = replace(life.program.options, metrics_server="http://prometheus.istio-system:9090")
        stage.begin(life.program.run())

    def rights(self, *clusters: str) -> set[Right]:
        return {right for name in clusters for right in rights_in(self.heard[name].audit)}


def rights_in(audit: list[dict[str, Any]]) -> set[Right]:
    """Return the rights that the requests in an audit log need; those in our own namespace are the Role's."""
    return {right_of(entry["verb"], entry["objectRef"]) for entry in audit if "objectRef" in entry}


def right_of(verb: str, about: Mapping[str, str]) -> Right:
    resource = "/".join(filter(None, (about["resource"], about.get("subresource", ""))))
    return about.get("apiGroup", ""), resource, verb


def of_the_story() -> dict[str, set[Right]]:
    """Play all acts, then delete the FleetRollout with its pins; return the rights by who needed them where."""
    found: dict[str, set[Right]] = {}

    async def story() -> None:
        async with staged() as stage:
            hub = stage.clusters[HUB].client("person")
            for name in MEMBERS:
                await hub.patch(CLUSTERS, name, {"spec": {"features": []}})
            fleet = Alone(stage, "fleet", HUB)
            syncs = [Alone(stage, "sync", name) for name in (HUB, *MEMBERS)]
            canaries = {name: Alone(stage, "canary", name) for name in MEMBERS}
            assert syncs
            assert await stage.acts(1, 2, 3, 4, 5) == []
            await with_words(hub)
            release = {"metadata": {"annotations": {"volary.dev/release-pins": "true"}}}
            await hub.patch(FLEET_ROLLOUTS, "podinfo", release, "apps")
            await hub.delete(FLEET_ROLLOUTS, "podinfo", "apps")
            await asyncio.sleep(30)
            assert await hub.get(FLEET_ROLLOUTS, "podinfo", "apps") is None
            found["fleet"] = fleet.rights(HUB)
            found["member"] = fleet.rights(*MEMBERS)
            found["canary"] = set().union(*(one.rights(name) for name, one in canaries.items()))

    run_virtually(story())
    return found


async def with_words(hub: Client) -> None:
    """Try a bad commit again, say something to its run, and let old runs be thrown away."""
    await hub.patch(FLEET_ROLLOUTS, "podinfo", {"spec": {"historyLimit": 1}}, "apps")
    await hub.patch(FLEET_ROLLOUTS, "podinfo", {"metadata": {"annotations": {RETRY: "true"}}}, "apps")
    await asyncio.sleep(5)
    newest = max((await hub.list(FLEET_ROLLOUT_RUNS)).items, key=lambda run: int(labels_of(run)[NUMBER]))
    await hub.patch(FLEET_ROLLOUT_RUNS, name_of(newest), {"metadata": {"annotations": {TAKE_PIN: "west"}}}, "apps")
    await asyncio.sleep(40)


def of_a_canary_with_everything() -> set[Right]:
    """Play a canary with tracked configuration, a traffic policy and a rival, through good and bad."""
    found: set[Right] = set()

    async def story(at: Play) -> None:
        for resource, kind in ((CONFIG_MAPS, "ConfigMap"), (SECRETS, "Secret")):
            meta = {"name": "settings", "namespace": NAMESPACE}
            await at.apply(resource, {"apiVersion": "v1", "kind": kind, "metadata": meta, "data": {"color": "cmVk"}})
        target = deployment()
        both: list[Any] = [{"configMapRef": {"name": "settings"}}, {"secretRef": {"name": "settings"}}]
        target["spec"]["template"]["spec"]["containers"][0]["envFrom"] = both
        policy = {"port": 9898, "trafficPolicy": {"loadBalancer": {"simple": "ROUND_ROBIN"}}}
        await at.apply(DEPLOYMENTS, target)
        await at.apply(AUTOSCALERS, autoscaler())
        await at.apply(CANARIES, canary(service=policy))
        await at.until("Initialized")
        for resource in (CONFIG_MAPS, SECRETS):
            await at.client.patch(resource, "settings", {"data": {"color": "Ymx1ZQ=="}}, NAMESPACE)
        await at.until("Progressing")
        await at.until("Succeeded")
        await at.client.patch(AUTOSCALERS, "podinfo", {"spec": {"maxReplicas": 5}}, NAMESPACE)
        policy["trafficPolicy"] = {"loadBalancer": {"simple": "LEAST_REQUEST"}}
        await at.change_canary({"service": {**policy, "port": 80, "targetPort": 9898}})
        await at.push(V2)
        await at.until_weight(20)
        await at.push(V3)
        await at.until("Succeeded")
        await at.client.delete(CANARIES, "podinfo", NAMESPACE)
        await asyncio.sleep(20)
        found.update(rights_in([entry for entry in at.audit if entry["userAgent"].startswith("volary")]))

    play(story)
    return found
