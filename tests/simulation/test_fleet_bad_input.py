"""Bad input and bad days: each ends in one clear sentence, and nothing is changed."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import replace
from typing import Any

import pytest

from tests.simulation.fleet_scene import FLEET_ROLLOUT, Scene, repository, scene
from volary.kube.objects import condition, dig
from volary.kube.resources import CANARIES, FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS, GIT_REPOSITORIES, KUSTOMIZATIONS
from volary.sim.loop import run_virtually


async def ready(fleet: Scene, name: str = "podinfo") -> tuple[str, str, str]:
    found = await fleet.hub.get(FLEET_ROLLOUTS, name, "apps")
    entry = condition(found or {}, "Ready") or {}
    return str(entry.get("status")), str(entry.get("reason")), str(entry.get("message"))


async def until_ready_says(fleet: Scene, reason: str, name: str = "podinfo") -> str:
    async def says() -> bool:
        return (await ready(fleet, name))[1] == reason

    await fleet.until(says)
    return (await ready(fleet, name))[2]


async def until_held(fleet: Scene, reason: str, run: str = "podinfo-bbbbbbb") -> dict[str, Any]:
    async def held() -> bool:
        found = await fleet.hub.get(FLEET_ROLLOUT_RUNS, run, "apps")
        return bool(dig(found, "status", "hold", "reason") == reason)

    await fleet.until(held)
    return dict(dig(await fleet.run(run), "status", "hold"))


def changed(**spec: Any) -> dict[str, Any]:
    made = copy.deepcopy(FLEET_ROLLOUT)
    made["spec"].update(spec)
    return made


def test_a_wrong_field_in_a_fleetrollout_that_the_schema_lets_through_is_a_condition() -> None:
    twice = [{"name": "one", "clusterSelector": {}}, {"name": "two", "clusterSelector": {}}]

    async def story() -> None:
        async with scene(rollout=changed(stages=twice)) as fleet:
            said = await until_ready_says(fleet, "InvalidSpec")
            assert said.startswith("FleetRollout apps/podinfo: spec.stages[1].clusterSelector is empty")
            assert await fleet.pins() == {"west": "", "east": ""}
            await fleet.hub.patch(
                FLEET_ROLLOUTS, "podinfo", {"spec": {"stages": FLEET_ROLLOUT["spec"]["stages"]}}, "apps"
            )
            await fleet.installed()

    run_virtually(story())


def test_a_broken_spec_in_mid_run_changes_nothing_and_the_run_goes_on() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            await fleet.push("b", "v2")
            await asyncio.sleep(3)
            twice = [{"name": "one", "clusterSelector": {}}, {"name": "two", "clusterSelector": {}}]
            await fleet.hub.patch(FLEET_ROLLOUTS, "podinfo", {"spec": {"stages": twice}}, "apps")
            assert (await fleet.ended("podinfo-bbbbbbb"))["status"]["phase"] == "Succeeded"

    run_virtually(story())


def test_an_edit_of_the_fleetrollout_in_mid_run_aims_nothing_elsewhere() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            await fleet.push("b", "v2")
            await asyncio.sleep(3)
            await fleet.hub.patch(FLEET_ROLLOUTS, "podinfo", {"spec": {"failurePolicy": {"onFailure": "Hold"}}}, "apps")
            fleet.bad["east"].add("v2")
            run = await fleet.ended("podinfo-bbbbbbb")
            assert run["status"]["phase"] == "RolledBack"

    run_virtually(story())


def test_a_selector_that_matches_no_cluster_says_so() -> None:
    async def story() -> None:
        async with scene(rollout=changed(clusterSelector={"matchLabels": {"planet": "mars"}})) as fleet:
            assert await until_ready_says(fleet, "NoClusterSelected") == "spec.clusterSelector selects no Cluster"

    run_virtually(story())


def test_no_source_in_the_hub_is_named() -> None:
    async def story() -> None:
        async with scene(rollout=changed(source={"gitRepositoryRef": {"name": "nowhere"}})) as fleet:
            assert "there is no GitRepository apps/nowhere in the hub" in await until_ready_says(
                fleet, "SourceNotFound"
            )

    run_virtually(story())


def test_two_fleetrollouts_on_one_gitrepository_the_second_is_refused() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            other = copy.deepcopy(FLEET_ROLLOUT)
            other["metadata"]["name"] = "other"
            await fleet.hub.create(FLEET_ROLLOUTS, other)
            said = await until_ready_says(fleet, "InvalidSpec", "other")
            assert "is pinned by FleetRollout apps/podinfo; allowed: one FleetRollout for each GitRepository" in said
            await fleet.push("b", "v2")
            assert (await fleet.ended("podinfo-bbbbbbb"))["status"]["phase"] == "Succeeded"
            assert len((await fleet.hub.list(FLEET_ROLLOUT_RUNS, "apps")).items) == 1

    run_virtually(story())


def test_a_member_without_the_gitrepository_is_not_prepared() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.sites["east"].client.delete(GIT_REPOSITORIES, "podinfo", "apps")
            fleet.sites["east"].asleep = True
            said = await until_ready_says(fleet, "MemberNotPrepared")
            assert said == "cluster east has no GitRepository apps/podinfo; spec.source.member names it"
            await fleet.sites["east"].client.create(GIT_REPOSITORIES, repository("main"))
            fleet.sites["east"].asleep = False
            await fleet.installed()

    run_virtually(story())


def test_a_cluster_that_is_not_there_at_the_start_is_waited_for_at_its_turn() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            east = fleet.members.members["east"]
            fleet.members.set(replace(east, reachable="Unknown", reason="Timeout", message="no answer for 90 s"))
            await fleet.push("b", "v2")
            found = await until_held(fleet, "ClusterUnreachable")
            assert (found["cluster"], found["message"]) == ("east", "east: unreachable: no answer for 90 s")
            assert found["until"]
            fleet.members.set(east)
            assert (await fleet.ended("podinfo-bbbbbbb"))["status"]["phase"] == "Succeeded"

    run_virtually(story())


def test_a_cluster_that_goes_in_mid_run_has_left() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            await fleet.push("b", "v2")
            await asyncio.sleep(3)
            fleet.members.remove("east")
            run = await fleet.ended("podinfo-bbbbbbb")
            assert (run["status"]["phase"], run["status"]["verified"]) == ("Succeeded", "1/1")
            assert (await fleet.pins())["east"] == "a", "its pin is kept"

    run_virtually(story())


def test_a_commit_that_is_not_in_the_branch_holds_with_the_sources_own_words() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            fleet.git.head = "b" * 40  # the hub has seen it; since then it was pushed away
            await fleet.follow_branch()
            found = await until_held(fleet, "SourceNotReady")
            assert found["message"] == f"west: GitRepository apps/podinfo: no {'b' * 40}"
            fleet.git.versions["b" * 40] = "v2"
            assert (await fleet.ended("podinfo-bbbbbbb"))["status"]["phase"] == "Succeeded"

    run_virtually(story())


def test_a_push_in_mid_run_waits_and_then_the_newest_wins() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            await fleet.push("b", "v2")
            await asyncio.sleep(3)
            await fleet.push("c", "v3")
            await asyncio.sleep(3)
            assert dig(await fleet.rollout(), "status", "queued", "commit") == "c" * 40
            await fleet.push("d", "v4")
            assert (await fleet.ended("podinfo-bbbbbbb"))["status"]["phase"] == "Succeeded"
            assert (await fleet.ended("podinfo-ddddddd"))["status"]["phase"] == "Succeeded"
            assert await fleet.hub.get(FLEET_ROLLOUT_RUNS, "podinfo-ccccccc", "apps") is None

    run_virtually(story())


@pytest.mark.parametrize(
    ("resource", "namespace"), [(GIT_REPOSITORIES, "apps"), (KUSTOMIZATIONS, "apps"), (CANARIES, "test")]
)
def test_an_object_suspended_in_mid_run_is_named_and_stops_the_clock(resource: Any, namespace: str) -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            west = fleet.sites["west"].client
            await west.patch(resource, "podinfo", {"spec": {"suspend": True}}, namespace)
            await fleet.push("b", "v2")
            found = await until_held(fleet, "MemberSuspended")
            kind = resource.kind
            assert found["message"] == f"west: {kind} {namespace}/podinfo is suspended; set its spec.suspend to false"
            await asyncio.sleep(7200)
            assert (await fleet.run("podinfo-bbbbbbb"))["status"]["phase"] == "Holding"
            await west.patch(resource, "podinfo", {"spec": {"suspend": False}}, namespace)
            assert (await fleet.ended("podinfo-bbbbbbb"))["status"]["phase"] == "Succeeded"

    run_virtually(story())


def test_a_commit_that_changes_nothing_needs_no_canary() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            await fleet.push("b", "v1")  # only a README
            run = await fleet.ended("podinfo-bbbbbbb")
            assert run["status"]["phase"] == "Succeeded"
            assert run["status"]["clusters"][0]["canary"]["phase"] == "Initialized"

    run_virtually(story())


def test_a_commit_that_flux_cannot_build_fails_and_is_taken_back() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            fleet.git.broken.add("b" * 40)
            await fleet.push("b", "v2")
            run = await fleet.ended("podinfo-bbbbbbb")
            assert run["status"]["phase"] == "RolledBack"
            assert run["status"]["clusters"][0]["failure"] == "BuildFailed"
            assert dig(await fleet.rollout(), "status", "bad", 0, "commit") == "b" * 40

    run_virtually(story())


def test_a_canary_that_is_not_there_is_named() -> None:
    async def story() -> None:
        async with scene() as fleet:
            await fleet.installed()
            await fleet.push("b", "v2")
            await asyncio.sleep(2)
            await fleet.sites["west"].client.delete(CANARIES, "podinfo", "test")
            found = await until_held(fleet, "CanaryNotFound")
            assert "there is no Canary test/podinfo" in found["message"]

    run_virtually(story())
