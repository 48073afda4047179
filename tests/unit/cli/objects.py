"""What is in the servers of these tests: a hub with one FleetRollout and its runs, members with a canary each."""

from __future__ import annotations

import base64
from typing import Any

import yaml

from tests.unit.cli.embedded import Servers
from volary.fleet.names import NUMBER
from volary.kube.client import Client
from volary.kube.objects import NewObject, Resource, uid_of
from volary.kube.resources import CANARIES, CLUSTERS, FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS, NAMESPACES, SECRETS

OLD, BAD, NEW = "3b07c11" + "0" * 33, "88aa01c" + "1" * 33, "9f1c2ab" + "2" * 33
SINCE = "2026-11-24T10:00:00Z"


async def create(client: Client, resource: Resource, obj: NewObject, status: NewObject | None = None) -> NewObject:
    """Create an object with its status."""
    made = await client.create(resource, {"apiVersion": resource.api_version, "kind": resource.kind, **obj})
    return await client.update_status(resource, {**made, "status": status}) if status is not None else made


def named(name: str, namespace: str = "", **more: Any) -> NewObject:
    return {"name": name, **({"namespace": namespace} if namespace else {}), **more}


async def fill_member(client: Client, name: str) -> None:
    spec = {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
        "service": {"port": 9898},
        "analysis": {"interval": "10s", "threshold": 2, "maxWeight": 50, "stepWeight": 10},
    }
    phase, weight = ("Progressing", 30) if name == "west" else ("Succeeded", 0)
    status = {"phase": phase, "canaryWeight": weight, "failedChecks": 1, "iterations": 0, "lastTransitionTime": SINCE}
    await create(client, CANARIES, {"metadata": named("podinfo", "test"), "spec": spec}, status)


def kubeconfig_of(servers: Servers, name: str) -> str:
    """Return a kubeconfig that holds one cluster; that of "dark" leads nowhere."""
    whole = yaml.safe_load(servers.kubeconfig.read_text())
    source = "west" if name == "dark" else name
    kept = {key: [one for one in whole[key] if one["name"] == source] for key in ("clusters", "users", "contexts")}
    if name == "dark":
        kept["clusters"] = [{"name": source, "cluster": {"server": "https://127.0.0.1:1"}}]
    return yaml.safe_dump({**whole, **kept, "current-context": source})


async def fill_hub(servers: Servers) -> None:
    client = servers.client("hub")
    for name in ("west", "east", "dark"):
        data = {"value": base64.b64encode(kubeconfig_of(servers, name).encode()).decode()}
        await create(client, SECRETS, {"metadata": named(name, "volary-system"), "data": data})
        condition = {"type": "Reachable", "status": "True", "reason": "Connected", "lastTransitionTime": SINCE}
        if name == "dark":
            condition |= {"status": "False", "reason": "Refused"}
        ref = {"secretRef": {"namespace": "volary-system", "name": name}}
        spec = {"kubeConfig": ref, "features": ["canary"]}
        status = {"version": "v1.36.3", "uid": await uid_of_cluster(servers, name), "conditions": [condition]}
        await create(client, CLUSTERS, {"metadata": named(name), "spec": spec}, status)
    await fill_rollout(client)


async def uid_of_cluster(servers: Servers, name: str) -> str:
    if name == "dark":
        return "dark"
    found = await servers.client(name).get(NAMESPACES, "kube-system")
    assert found is not None
    return uid_of(found)


async def fill_rollout(client: Client) -> None:
    """A commit that was rejected, and one whose run waits for east as it stands."""
    spec = {"source": {"gitRepositoryRef": {"name": "podinfo"}}, "stages": [{"name": "all", "clusterSelector": {}}]}
    status = {
        "handled": NEW,
        "activeRun": "podinfo-9f1c2ab",
        "current": {"commit": OLD},
        "members": [{"name": "west", "pinned": NEW}, {"name": "east", "pinned": OLD}],
        "bad": [{"commit": BAD, "run": "podinfo-88aa01c", "since": SINCE}],
        "conditions": [{"type": "Ready", "status": "True", "reason": "RunInProgress", "message": "9f1c2ab on 0/2"}],
    }
    rollout = await create(client, FLEET_ROLLOUTS, {"metadata": named("podinfo", "apps"), "spec": spec}, status)
    await create(client, FLEET_ROLLOUT_RUNS, run(rollout, 1, BAD), {"phase": "RolledBack", "verified": "0/2"})
    await create(client, FLEET_ROLLOUT_RUNS, run(rollout, 2, NEW), held_run())


def run(rollout: NewObject, number: int, commit: str, state: str = "Run") -> NewObject:
    owner = {"apiVersion": "volary.dev/v1alpha1", "kind": "FleetRollout", "name": "podinfo", "uid": uid_of(rollout)}
    spec = {
        "revision": {"commit": commit, "short": commit[:7], "ref": "main"},
        "member": {"namespace": "apps", "name": "podinfo"},
        "kustomizationRef": {"namespace": "apps", "name": "podinfo"},
        "stages": [{"name": "all", "clusters": ["west", "east"]}],
        "state": state,
    }
    labels = {NUMBER: str(number)}
    return {
        "metadata": named(f"podinfo-{commit[:7]}", "apps", labels=labels, ownerReferences=[owner]),
        "spec": spec,
    }


def held_run() -> NewObject:
    hold = {
        "reason": "ClusterDegradedBefore",
        "since": SINCE,
        "cluster": "east",
        "message": "east: podinfo is not proven at 3b07c11",
        "unblock": "volary resume podinfo --as-is east",
    }
    members = [{"name": "west", "phase": "Progressing", "turnAt": SINCE}, {"name": "east", "phase": "Pending"}]
    return {"phase": "Holding", "stage": "1/1 all", "verified": "0/2", "hold": hold, "clusters": members}
