"""Order and waiting: what stands on what, health, dependencies; and a crash at any write changes nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.simulation.sync_world import (
    WRITES,
    Crash,
    World,
    config_map,
    kustomization,
    message,
    play,
    ready,
    tree,
)
from volary.kube.objects import NewObject, dig, labels_of
from volary.kube.resources import CONFIG_MAPS, DEFINITIONS, DEPLOYMENTS, KUSTOMIZATIONS
from volary.kube.transport import Request
from volary.sync.order import id_of
from volary.sync.wire import format_id

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:%s"}]}
"""
WIDGETS = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  names: {kind: Widget, plural: widgets, singular: widget, listKind: WidgetList}
  scope: Namespaced
  versions:
  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object,
     x-kubernetes-preserve-unknown-fields: true}}}
"""
WIDGET = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: w, namespace: new}}"
NAMESPACE = "{apiVersion: v1, kind: Namespace, metadata: {name: new}}"


async def set_health(world: World, healthy: bool) -> None:
    """Play the Deployment's controller."""
    web = await world.person.get(DEPLOYMENTS, "web", "apps")
    assert web is not None
    counts: NewObject = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
    conditions = [
        {"type": "Available", "status": "True"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ]
    if not healthy:
        counts["readyReplicas"] = counts["availableReplicas"] = 0
        conditions[0]["status"] = "False"
    status = {**counts, "conditions": conditions, "observedGeneration": web["metadata"]["generation"]}
    await world.person.patch(DEPLOYMENTS, "web", {"status": status}, "apps", subresource="status")


def test_a_set_that_brings_its_own_namespace_and_kind_is_applied_in_one_go() -> None:
    async def story(world: World) -> None:
        await world.install(targetNamespace=None)
        async with world.running():
            files = {"deploy/a.yaml": WIDGET, "deploy/b.yaml": WIDGETS, "deploy/c.yaml": NAMESPACE}
            await world.until_applied(world.repository.push(files), seconds=40)
            order = [path.rpartition("/")[2] for path in world.ours.writes() if "/events" not in path]
            assert [name for name in order if name in ("w", "new", "widgets.example.com")] == [
                "widgets.example.com",
                "new",
                "w",
            ]
            # The kind is deleted by hand: pruning what was of it must not get stuck.
            await world.person.delete(DEFINITIONS, "widgets.example.com")
            await world.until_applied(world.repository.push({"deploy/c.yaml": NAMESPACE}), seconds=60)

    play(story)


def test_health_is_waited_for_and_the_moment_it_comes_is_noticed() -> None:
    async def story(world: World) -> None:
        await world.install(wait=True, timeout="1m")
        async with world.running():
            commit = world.repository.push({"deploy/web.yaml": DEPLOYMENT % 1})

            async def waiting() -> bool:
                return "Running health checks" in message(await world.ks(), "Healthy")

            await world.until(waiting)
            assert ready(await world.ks()) == ("Unknown", "Progressing")
            await set_health(world, True)
            await world.until_applied(commit, seconds=0.5)
            version = (await world.ks())["metadata"]["resourceVersion"]
            await set_health(world, False)  # later: its own business, not this revision's
            await asyncio.sleep(120)
            assert (await world.ks())["metadata"]["resourceVersion"] == version

    play(story)


def test_health_that_does_not_come_is_said_and_a_newer_revision_does_not_wait_for_it() -> None:
    async def story(world: World) -> None:
        await world.install(wait=True, timeout="5m")
        async with world.running():
            world.repository.push({"deploy/web.yaml": DEPLOYMENT % 1})
            await asyncio.sleep(40)
            fixed = world.repository.push({"deploy/web.yaml": DEPLOYMENT % 2})
            await asyncio.sleep(35)
            image = dig(await world.person.get(DEPLOYMENTS, "web", "apps"), "spec", "template", "spec", "containers", 0)
            assert image["image"] == "web:2"
            ks = await world.until_reason("HealthCheckFailed", seconds=330)
            assert "timeout waiting for: [Deployment/apps/web status: 'InProgress'" in message(ks)
            await set_health(world, True)
            await world.until_applied(fixed, seconds=1)

    play(story)


def test_named_health_checks_and_dependencies() -> None:
    async def story(world: World) -> None:
        check = {"apiVersion": "v1", "kind": "ConfigMap", "name": "from-elsewhere", "namespace": "apps"}
        await world.install(healthChecks=[check])
        second = kustomization(path="./second", dependsOn=[{"name": "app"}])
        second["metadata"]["name"] = "second"
        await world.person.create(KUSTOMIZATIONS, second)

        async def second_is(reason: str) -> bool:
            found = await world.person.get(KUSTOMIZATIONS, "second", "apps")
            return found is not None and ready(found)[1] == reason

        async with world.running():
            commit = world.repository.push({**tree("one"), "second/two.yaml": config_map("two", a="1")})
            await world.until(lambda: second_is("DependencyNotReady"))
            assert await world.config_map("two") is None
            made = {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "from-elsewhere", "namespace": "apps"},
            }
            await asyncio.sleep(30)
            await world.person.create(CONFIG_MAPS, made)
            await world.until_applied(commit, seconds=1)
            await world.until(lambda: second_is("ReconciliationSucceeded"), seconds=1)

    play(story)


FIRST = {**tree("one", "two", "three"), "deploy/c.yaml": NAMESPACE}
SECOND = {**tree("two", "four", a="2"), "deploy/c.yaml": NAMESPACE}


async def everything(world: World) -> list[Any]:
    found = (await world.person.list(CONFIG_MAPS, "apps")).items
    return [(obj["metadata"]["name"], obj["data"], dict(labels_of(obj))) for obj in found]


async def unlisted(world: World) -> list[str]:
    """Return our objects that the inventory does not name: they would leak."""
    ks = await world.ks()
    listed = {entry["id"] for entry in dig(ks, "status", "inventory", "entries") or ()}
    found = (await world.person.list(CONFIG_MAPS, "apps", labels="kustomize.toolkit.fluxcd.io/name=app")).items
    return [format_id(id_of(obj)) for obj in found if format_id(id_of(obj)) not in listed]


def writes_of(story_of_crash: int | None, after: bool) -> int:
    """Play install and a second revision, die at one write, start again; return the number of writes."""
    count = 0

    def die(request: Request) -> None:
        nonlocal count
        if request.method in WRITES:
            count += 1
            if count == story_of_crash:
                raise Crash

    async def story(world: World) -> None:
        await world.install(targetNamespace="apps")
        if after:
            world.ours.after = die
        else:
            world.ours.before = die
        first = world.repository.push(FIRST)
        second = ""
        while True:
            try:
                async with world.running():
                    if not second:
                        await world.until_applied(first)
                        second = world.repository.push(SECOND)
                    await world.until_applied(second)
                    await asyncio.sleep(120)
                    break
            except* Crash:
                assert await unlisted(world) == []
        assert [name for name, _, _ in await everything(world)] == ["four", "two"]
        assert await unlisted(world) == []
        assert len(dig(await world.ks(), "status", "inventory", "entries")) == 3

    play(story)
    return count


WRITES_OF_THE_STORY = 27


def test_the_story_has_as_many_writes_as_the_crashes_below_cover() -> None:
    assert writes_of(None, after=False) == WRITES_OF_THE_STORY


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_write_changes_nothing_in_the_outcome(after: bool) -> None:
    for at in range(1, WRITES_OF_THE_STORY + 1):
        writes_of(at, after)
