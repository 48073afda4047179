"""Whole releases in virtual time: the eleven lines, the way back, and everything that people do in between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.simulation.canary_cluster import NAMESPACE, Play, play, stalled
from tests.simulation.canary_manifests import V1, V2, V3, canary, deployment
from volary.kube.objects import condition, dig
from volary.kube.resources import (
    AUTOSCALERS,
    CANARIES,
    CONFIG_MAPS,
    DEPLOYMENTS,
    SERVICES,
    VIRTUAL_SERVICES,
)

ELEVEN = [
    "New revision detected! Scaling up podinfo.test",
    "Starting canary analysis for podinfo.test",
    "Pre-rollout check acceptance-test passed",
    *(f"Advance podinfo.test canary weight {weight}" for weight in (10, 20, 30, 40, 50)),
    "Copying podinfo.test template spec to podinfo-primary.test",
    "Routing all traffic to primary",
    "Promotion completed! Scaling down podinfo.test",
]
DONE = "Initialization done! podinfo.test"


def test_a_good_release_says_the_eleven_lines_and_asks_for_little() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        before = len(at.requests())
        await at.push(V2)
        await at.until("Succeeded")
        assert at.told == [DONE, *ELEVEN]
        assert (await at.image("podinfo-primary"), await at.weights()) == (V2, (100, 0))
        assert (await at.replicas("podinfo"), await at.replicas("podinfo-primary")) == (0, 2)
        asked = at.requests()[before:]
        assert not [request for request in asked if request.startswith("get")]
        assert len(asked) == 29, "18 writes and 11 Events; Flagger needs 195 requests"
        assert at.controller is not None
        assert at.controller.count < 80, "passes for an installation and a release"

    play(story)


def test_a_bad_release_goes_back_and_then_writes_nothing() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.push(V2)
        await at.until_weight(20)
        at.script.success = 80.0
        await at.until("Failed")
        halt = "! Halt podinfo.test advancement success rate 80.00% < 99%"
        assert at.told[1:] == [
            *ELEVEN[:5],
            halt,
            halt,  # one Event with count 2
            "! Rolling back podinfo.test failed checks threshold reached 2",
            "! Canary failed! Scaling down podinfo.test",
        ]
        assert (await at.weights(), await at.replicas("podinfo")) == ((100, 0), 0)
        assert await at.image("podinfo-primary") == V1
        await at_rest(at)

    play(story)


async def at_rest(at: Play) -> None:
    """Hold that nothing is asked of the API server for ten minutes, but for watches."""
    await asyncio.sleep(5)
    before = len(at.requests())
    await asyncio.sleep(600)
    assert at.requests()[before:] == []


def test_nothing_is_asked_at_rest() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at_rest(at)

    play(story)


def test_a_failed_revision_can_be_tried_again_after_it_was_put_back() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        at.script.hook_status, at.script.hook_body = 500, b"no token"
        await at.push(V2)
        await at.until("Failed")
        failure = "! Halt podinfo.test advancement pre-rollout check acceptance-test failed POST"
        assert any(line.startswith(failure) and line.endswith("no token") for line in at.told)
        updated = (condition(await at.canary(), "Promoted") or {})["lastUpdateTime"]
        told = len(at.told)
        await at.push(V1)
        await asyncio.sleep(30)
        assert (await at.phase(), at.told[told:]) == ("Failed", [])
        assert (condition(await at.canary(), "Promoted") or {})["lastUpdateTime"] == updated
        await at_rest(at)
        at.script.hook_status = 200
        await at.push(V2)
        await at.until("Succeeded")
        assert at.told[told:] == ELEVEN

    play(story)


def test_a_target_put_back_in_mid_run_ends_it_at_once() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.push(V2)
        await at.until_weight(30)
        told = len(at.told)
        await at.push(V1)
        await asyncio.sleep(0.5)
        assert await at.weights() == (100, 0)
        await at.until("Initialized", seconds=6)
        assert at.told[told:] == [
            "Target put back to the promoted revision! Ending analysis and scaling down podinfo.test"
        ]
        assert (await at.weights(), await at.replicas("podinfo")) == ((100, 0), 0)
        await at_rest(at)
        await at.push(V2)
        await at.until("Succeeded")
        assert at.told[told + 1 :] == ELEVEN, "the same revision again is a run of its own"

    play(story)


def test_another_revision_in_mid_run_starts_from_the_first_step() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.push(V2)
        await at.until_weight(30)
        told = len(at.told)
        await at.push(V3)
        await at.until("Succeeded")
        assert at.told[told] == "New revision detected! Restarting analysis for podinfo.test"
        assert at.told[told + 1 :] == ELEVEN[1:]
        assert await at.image("podinfo-primary") == V3

    play(story)


def test_a_revision_pushed_while_the_primary_rolls_has_a_run_of_its_own() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.push(V2)
        await at.until("Promoting")
        await asyncio.sleep(0.5)
        told = len(at.told)
        await at.push(V3)
        await at.until("Progressing")
        assert await at.image("podinfo-primary") == V2
        await at.until("Succeeded")
        assert at.told[told:] == [*ELEVEN[-2:], *ELEVEN]
        assert await at.image("podinfo-primary") == V3

    play(story)


@pytest.mark.parametrize("weight", [0, 30])
def test_a_route_edited_by_hand_is_repaired_with_one_warning(weight: int) -> None:
    async def story(at: Play) -> None:
        await at.installed()
        if weight:
            await at.push(V2)
            await at.until_weight(weight)
        told = len(at.told)
        route = await at.client.get(VIRTUAL_SERVICES, "podinfo", NAMESPACE)
        assert route is not None
        good = route["spec"]
        odd = [{**entry, "weight": 50} for entry in good["http"][0]["route"]]
        body = {"spec": {"hosts": ["elsewhere"], "http": [{"route": odd}]}}
        await at.client.patch(VIRTUAL_SERVICES, "podinfo", body, NAMESPACE, manager="somebody")
        await asyncio.sleep(0.5)
        route = await at.client.get(VIRTUAL_SERVICES, "podinfo", NAMESPACE)
        assert dig(route, "spec") == good
        ours = f"{100 - weight}/{weight}"
        assert at.told[told:] == [f"! VirtualService was changed by somebody else; put back to {ours}"]

    play(story)


@pytest.mark.parametrize("resource", [SERVICES, VIRTUAL_SERVICES], ids=["Service", "VirtualService"])
def test_what_was_deleted_is_made_again(resource: Any) -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.client.delete(resource, "podinfo", NAMESPACE)
        await asyncio.sleep(0.5)
        assert await at.client.get(resource, "podinfo", NAMESPACE) is not None
        await at_rest(at)

    play(story)


def test_a_deleted_primary_is_made_again_from_the_promoted_revision_only() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.client.delete(DEPLOYMENTS, "podinfo-primary", NAMESPACE)
        await asyncio.sleep(0.5)
        assert await at.image("podinfo-primary") == V1
        await asyncio.sleep(10)
        await at.push(V2)
        await at.until_weight(30)
        await at.client.delete(DEPLOYMENTS, "podinfo-primary", NAMESPACE)
        await asyncio.sleep(60)
        assert await at.client.get(DEPLOYMENTS, "podinfo-primary", NAMESPACE) is None
        assert at.told[-1].startswith("! deployment podinfo-primary.test get query error: not found")
        await at.push(V1)
        await at.until("Initialized")
        assert await at.image("podinfo-primary") == V1

    play(story)


def test_a_suspended_canary_stays_where_it_is() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.push(V2)
        await at.until_weight(20)
        await at.change_canary({"suspend": True})
        await at_rest(at)
        assert await at.weights() == (80, 20)
        assert at.told[-1] == "skipping canary run as object is suspended"
        await at.change_canary({"suspend": False})
        await at.until("Succeeded")

    play(story)


def test_analysis_can_be_skipped() -> None:
    async def story(at: Play) -> None:
        await at.installed(skipAnalysis=True)
        await at.push(V2)
        await at.until("Succeeded")
        assert at.told[1:] == [
            ELEVEN[0],
            "Copying podinfo.test template spec to podinfo-primary.test",
            "Promotion completed! Canary analysis was skipped for podinfo.test",
        ]
        assert not at.script.calls
        assert not at.script.queries

    play(story)


def test_metrics_that_cannot_be_taken_hold_and_do_not_count() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.push(V2)
        await at.until_weight(20)
        at.script.refuse = "connect: connection refused"
        told = len(at.told)
        await asyncio.sleep(120)
        assert dig(await at.canary(), "status", "failedChecks") == 0
        assert set(at.told[told:]) == {"! Prometheus query failed: connect: connection refused"}
        at.script.refuse = ""
        await at.until("Succeeded")

    play(story)


def test_a_revision_that_is_never_ready_is_rolled_back_at_its_deadline() -> None:
    async def story(at: Play) -> None:
        await at.installed(progressDeadlineSeconds=30)
        await at.push("ghcr.io/nobody/unknown:1")
        await at.until("Failed", seconds=120)
        assert at.told[2].startswith("! canary deployment podinfo.test not ready: deployment")
        assert at.told[3].startswith("! Rolling back podinfo.test progress deadline exceeded")
        assert at.told[4:] == ["! Canary failed! Scaling down podinfo.test"]
        assert (await at.weights(), await at.replicas("podinfo")) == ((100, 0), 0)

    play(story)


def test_a_primary_that_breaks_when_promoted_leaves_the_traffic_on_the_canary() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.push(V2)
        await at.until_weight(50)
        at.processes.start_seconds = 10_000  # whatever starts from now on never listens
        await at.until("Failed", seconds=300)
        await asyncio.sleep(0.5)
        assert at.told[-1].startswith("! Promotion of podinfo.test failed, primary not ready:")
        assert (await at.weights(), await at.replicas("podinfo")) == ((0, 100), 2)
        await at_rest(at)

    play(story)


def test_changed_configuration_goes_through_the_canary_with_its_copy() -> None:
    async def story(at: Play) -> None:
        settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": NAMESPACE}}
        await at.apply(CONFIG_MAPS, {**settings, "data": {"color": "red"}})
        target = deployment()
        container = target["spec"]["template"]["spec"]["containers"][0]
        container["envFrom"] = [{"configMapRef": {"name": "settings"}}]
        await at.apply(DEPLOYMENTS, target)
        await at.apply(CANARIES, canary(autoscalerRef=None))
        await at.until("Initialized")
        assert dig(await at.canary(), "status", "trackedConfigs") == {"configmap/settings": "241889ca0604e333"}
        await at.apply(CONFIG_MAPS, {**settings, "data": {"color": "blue"}})
        await at.until("Succeeded")
        assert at.told == [DONE, *ELEVEN]
        copy = await at.client.get(CONFIG_MAPS, "settings-primary", NAMESPACE)
        assert dig(copy, "data") == {"color": "blue"}
        primary = await at.client.get(DEPLOYMENTS, "podinfo-primary", NAMESPACE)
        assert dig(primary, "spec", "template", "spec", "containers", 0, "envFrom", 0, "configMapRef", "name") == (
            "settings-primary"
        )

    play(story)


def test_a_deleted_target_gets_no_traffic_and_the_run_goes_on_when_it_is_back() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.push(V2)
        await at.until_weight(30)
        await at.client.delete(DEPLOYMENTS, "podinfo", NAMESPACE)
        await asyncio.sleep(1)
        assert await at.weights() == (100, 0)
        assert at.told[-1].startswith("! deployment podinfo.test get query error: not found")
        await at.apply(DEPLOYMENTS, deployment(V2))
        await at.until("Succeeded")
        assert await at.image("podinfo-primary") == V2

    play(story)


def test_a_deleted_canary_takes_its_objects_with_it_and_nothing_makes_them_again() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.push(V2)
        await at.until_weight(30)
        await at.client.delete(CANARIES, "podinfo", NAMESPACE)
        await asyncio.sleep(60)
        for resource, name in (
            (DEPLOYMENTS, "podinfo-primary"),
            (SERVICES, "podinfo"),
            (VIRTUAL_SERVICES, "podinfo"),
            (AUTOSCALERS, "podinfo-primary"),
        ):
            assert await at.client.get(resource, name, NAMESPACE) is None, f"{resource.kind} {name} is still there"
        assert await at.replicas("podinfo") == 2
        await at_rest(at)

    play(story)


def test_the_younger_of_two_canaries_on_one_target_is_refused_until_the_older_goes() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        rival = canary()
        rival["metadata"]["name"] = "rival"
        await asyncio.sleep(1)
        await at.apply(CANARIES, rival)
        await asyncio.sleep(5)
        sentence = "Deployment podinfo is the target of Canary podinfo already; delete one of the two"
        found = await at.client.get(CANARIES, "rival", NAMESPACE)
        assert stalled(found or {}) == sentence
        assert at.told[-1] == f"! {sentence}"
        await at_rest(at)
        await at.client.delete(CANARIES, "podinfo", NAMESPACE)
        await asyncio.sleep(60)
        found = await at.client.get(CANARIES, "rival", NAMESPACE)
        assert dig(found, "status", "phase") == "Initialized"
        assert not stalled(found or {})

    play(story)


def test_a_wrong_field_is_said_once_and_mended_by_an_edit() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.change_canary({"revertOnDeletion": True})
        await asyncio.sleep(5)
        assert stalled(await at.canary()).startswith("Canary test/podinfo: spec.revertOnDeletion is not supported")
        await at_rest(at)
        assert len([line for line in at.told if "revertOnDeletion" in line]) == 1
        await at.change_canary({"revertOnDeletion": False})
        await asyncio.sleep(5)
        assert not stalled(await at.canary())
        assert await at.phase() == "Initialized"

    play(story)


def test_hooks_are_told_what_flagger_tells_them() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.push(V2)
        await at.until("Succeeded")
        phases = {(call["name"], call["namespace"], call["phase"]) for call in at.script.calls}
        assert phases == {("podinfo", "test", "Progressing")}
        assert len({call["checksum"] for call in at.script.calls}) == 1
        assert len(at.script.calls) == 1 + 5, "the pre-rollout hook, then the rollout hook once a step"
        assert at.script.calls[1]["metadata"] == {"cmd": "hey"}
        assert at.script.queries[0].startswith('sum( rate( istio_requests_total{ reporter="destination", ')

    play(story)
