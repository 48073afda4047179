"""Others in the cluster: a server that prunes, people who change things back, Flagger before us, event hooks."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import msgspec

from tests.simulation.canary_cluster import NAMESPACE, Play, play
from tests.simulation.canary_manifests import TESTER, V1, V2, V3, canary, deployment
from volary.canary.rewrites import TRIAL
from volary.kube.objects import NewObject, Object, dig
from volary.kube.resources import (
    CANARIES,
    DEFINITIONS,
    DEPLOYMENTS,
    DESTINATION_RULES,
    REPLICA_SETS,
    SERVICES,
    VIRTUAL_SERVICES,
)
from volary.kube.transport import Request
from volary.providers.routers.istio import definitions

THEIRS = "54bbb77544"  # a hash of Flagger's


async def quiet(at: Play, seconds: float = 600) -> None:
    before = len(at.requests())
    await asyncio.sleep(seconds)
    assert at.requests()[before:] == []


def test_a_server_that_prunes_what_we_ask_for_is_not_asked_for_ever() -> None:
    async def story(at: Play) -> None:
        [_, rules] = copy.deepcopy(definitions())
        del rules["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"][
            "trafficPolicy"
        ]
        await at.client.apply(DEFINITIONS, rules, "kubectl", force=True)
        await at.installed(service={"port": 9898, "trafficPolicy": {"tls": {"mode": "DISABLE"}}})
        live = await at.client.get(DESTINATION_RULES, "podinfo-canary", NAMESPACE)
        assert dig(live, "spec") == {"host": "podinfo-canary"}
        await quiet(at)
        await at.push(V2)
        await at.until("Succeeded")

    play(story)


def test_somebody_who_changes_the_route_back_meets_a_limit() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        route = await at.client.get(VIRTUAL_SERVICES, "podinfo", NAMESPACE)
        fighting = True

        def on_write(resource: str, old: Object | None, new: Object | None) -> None:
            if (
                fighting
                and resource == "networking.istio.io/virtualservices"
                and dig(new, "spec") == dig(route, "spec")
            ):
                asyncio.get_running_loop().call_soon(change)

        def change() -> None:
            live = at.api.local.get("networking.istio.io/virtualservices", NAMESPACE, "podinfo")
            at.api.local.update(
                "networking.istio.io/virtualservices", {**(live or {}), "spec": {"hosts": ["x"]}}, "war"
            )

        at.api.local.listen(on_write)
        change()
        before = len(at.requests())
        await asyncio.sleep(60)
        assert 20 < len(at.requests()) - before < 300, "5 requests a second at most"
        fighting = False
        await asyncio.sleep(15)
        live = await at.client.get(VIRTUAL_SERVICES, "podinfo", NAMESPACE)
        assert dig(live, "spec") == dig(route, "spec")

    play(story)


async def as_flagger_left_it(at: Play, **status: Any) -> None:
    """Stop the program, write into the cluster what Flagger would have, and start the program anew."""
    assert at.program is not None
    at.program.cancel()
    await asyncio.sleep(1)
    primary: NewObject = dict(await at.client.get(DEPLOYMENTS, "podinfo-primary", NAMESPACE) or {})
    annotations = {"spec": {"template": {"metadata": {"annotations": {TRIAL: None}}}}}
    await at.client.patch(DEPLOYMENTS, "podinfo-primary", annotations, NAMESPACE)
    assert primary
    found = dict(await at.canary())
    found["status"] = {**found["status"], "lastAppliedSpec": THEIRS, "lastPromotedSpec": THEIRS, **status}
    await at.client.update_status(CANARIES, found)
    await asyncio.sleep(10)
    at.told.clear()
    at.audit.clear()
    at.start()


def test_a_canary_of_flaggers_is_taken_over_without_a_run() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await as_flagger_left_it(at, lastTransitionTime="2026-11-24T10:00:00Z")
        await asyncio.sleep(10)
        assert at.requests() == ["update canaries/podinfo"]
        assert at.told == []
        applied = dig(await at.canary(), "status", "lastAppliedSpec")
        assert applied.startswith("v1:")
        await quiet(at)
        await at.push(V2)
        await at.until("Succeeded")
        assert len(at.told) == 11

    play(story)


def test_a_run_of_flaggers_is_taken_over_where_it_is() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.push(V2)
        await at.until_weight(30)
        sets = (await at.client.list(REPLICA_SETS, NAMESPACE)).items
        newest = [found for found in sets if dig(found, "spec", "template", "spec", "containers", 0, "image") == V2]
        await as_flagger_left_it(at, lastAppliedSpec=newest[0]["metadata"]["labels"]["pod-template-hash"])
        await at.until("Succeeded")
        assert at.told[0] == "Advance podinfo.test canary weight 40"
        assert at.requests("get") == []
        assert await at.image("podinfo-primary") == V2

    play(story)


def test_event_hooks_hear_every_line_in_order_and_hold_nothing_up() -> None:
    async def story(at: Play) -> None:
        analysis = {**canary()["spec"]["analysis"], "metrics": []}
        analysis["webhooks"] = [{"name": "ears", "type": "event", "url": TESTER, "metadata": {"team": "a"}}]
        await at.installed(analysis=analysis)
        at.script.hook_seconds = 30.0
        await at.push(V2)
        await at.until("Succeeded", seconds=70)
        await asyncio.sleep(600)
        heard = [call["metadata"]["eventMessage"] for call in at.script.calls]
        assert heard == at.told
        assert {call["metadata"]["team"] for call in at.script.calls} == {"a"}
        assert {call["metadata"]["eventType"] for call in at.script.calls} == {"Normal"}

    play(story)


def test_post_rollout_hooks_are_asked_before_the_end_and_cannot_change_it() -> None:
    async def story(at: Play) -> None:
        analysis = {**canary()["spec"]["analysis"], "metrics": []}
        analysis["webhooks"] = [{"name": "report", "type": "post-rollout", "url": TESTER}]
        await at.installed(analysis=analysis)
        await at.push(V2)
        await at.until("Succeeded")
        assert at.told[-2:] == [
            "Post-rollout check report passed",
            "Promotion completed! Scaling down podinfo.test",
        ]
        at.script.hook_status, at.script.hook_body = 403, b"not today"
        await at.push(V1)
        await at.until("Progressing")
        await at.until("Succeeded")
        assert at.told[-2:] == [
            "! Post-rollout hook report failed not today",
            "Promotion completed! Scaling down podinfo.test",
        ]
        assert [call["phase"] for call in at.script.calls] == ["Succeeded", "Succeeded"]

    play(story)


def test_what_was_there_before_the_canary_is_adopted() -> None:
    async def story(at: Play) -> None:
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "podinfo", "namespace": NAMESPACE, "labels": {"team": "a"}},
            "spec": {"selector": {"app": "podinfo"}, "ports": [{"name": "http", "port": 9898, "targetPort": "http"}]},
        }
        await at.apply(SERVICES, service)
        await at.apply(DEPLOYMENTS, deployment())
        await asyncio.sleep(5)
        await at.apply(CANARIES, canary(autoscalerRef=None))
        await at.until("Initialized")
        live = await at.client.get(SERVICES, "podinfo", NAMESPACE)
        assert dig(live, "spec", "selector") == {"app": "podinfo-primary"}
        assert dig(live, "metadata", "labels") == {"team": "a"}
        assert not dig(live, "metadata", "ownerReferences"), "what others made does not go with the Canary"

    play(story)


def test_a_commit_of_two_changes_at_once_is_one_run() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.push("ghcr.io/stefanprodan/podinfo:6.9.9")
        await at.push(V2)
        await at.until("Succeeded")
        await asyncio.sleep(60)
        assert await at.image("podinfo-primary") == V2
        assert len([line for line in at.told if line.startswith("Promotion completed!")]) == 1

    play(story)


def test_a_push_at_the_very_moment_of_the_promotion_is_not_promoted_unmeasured() -> None:
    async def story(at: Play) -> None:
        await at.installed()
        await at.push(V2)
        await at.until_weight(50)
        promoted: list[str] = []

        def before(request: Request) -> None:
            if request.method == "PUT" and request.path.endswith("/deployments/podinfo-primary"):
                live = copy.deepcopy(dict(at.api.local.get("apps/deployments", NAMESPACE, "podinfo") or {}))
                live["spec"]["template"]["spec"]["containers"][0]["image"] = V3
                at.api.local.update("apps/deployments", live, "git")
                body = msgspec.json.decode(request.body)
                promoted.append(body["spec"]["template"]["spec"]["containers"][0]["image"])
                transport.before = lambda request: None

        assert at.transport is not None
        transport = at.transport
        transport.before = before
        await at.until("Finalising")
        assert (promoted, await at.image("podinfo-primary"), await at.image("podinfo")) == ([V2], V2, V3)
        await at.until("Progressing")
        await at.until("Succeeded")
        assert await at.image("podinfo-primary") == V3
        assert len([line for line in at.told if "canary weight 50" in line]) == 2

    play(story)
