"""Without a canaryRef the health of the applied objects decides, whether or not the Kustomization waits for it."""

from __future__ import annotations

import asyncio
import copy

from tests.simulation.fleet_scene import FLEET_ROLLOUT, Site, scene
from volary.kube.objects import condition, dig, generation_of
from volary.kube.resources import DEPLOYMENTS
from volary.sim.loop import run_virtually


async def healthy(site: Site) -> None:
    """Report the Deployment as rolled out."""
    there = await site.client.get(DEPLOYMENTS, "podinfo", "test")
    assert there is not None
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    available = {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable", "message": ""}
    rolled = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable", "message": ""}
    status = {"observedGeneration": generation_of(there), **counts, "conditions": [available, rolled]}
    await site.client.patch(DEPLOYMENTS, "podinfo", {"status": status}, "test", subresource="status")


def test_every_object_in_the_inventory_must_be_current() -> None:
    rollout = copy.deepcopy(FLEET_ROLLOUT)
    rollout["spec"]["inCluster"] = {}

    async def story() -> None:
        async with scene(rollout=rollout) as fleet:
            await asyncio.sleep(5)
            ready = condition(await fleet.rollout(), "Ready") or {}
            assert "west: Deployment/test/podinfo: " in ready["message"], "why it is not proven yet is said"
            for site in fleet.sites.values():
                await healthy(site)
            await fleet.installed()
            await fleet.push("b", "v2")
            await asyncio.sleep(60)
            run = await fleet.run("podinfo-bbbbbbb")
            assert dig(run, "status", "clusters", 0, "phase") == "Progressing", "applied, and not rolled out yet"
            assert (await fleet.pins())["east"] == "a"
            await healthy(fleet.sites["west"])
            await asyncio.sleep(10)
            await healthy(fleet.sites["east"])
            ended = await fleet.ended("podinfo-bbbbbbb")
            assert ended["status"]["phase"] == "Succeeded"

    run_virtually(story())
