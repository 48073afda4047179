"""Client, informers, election and events against the real API: what they bear, and what they read out of answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.conformance.conftest import ControlPlanes
from volary.kube.client import Client
from volary.kube.errors import Conflict, Expired, Invalid
from volary.kube.http import HttpTransport
from volary.kube.kubeconfig import load
from volary.kube.objects import NewObject, dig, name_of, version_of
from volary.kube.resources import CONFIG_MAPS, EVENTS, LEASES, NAMESPACES
from volary.kube.watch import Watcher
from volary.runtime.clock import SystemClock
from volary.runtime.events import Line, Recorder
from volary.runtime.informer import Informer
from volary.runtime.leader import Leadership, Terms

pytestmark = pytest.mark.conformance
PATIENCE_SECONDS = 40.0
SHORT = Terms(lease=timedelta(seconds=4), renew=timedelta(seconds=3), retry=timedelta(seconds=0.5))


def play(planes: ControlPlanes, story: Callable[[Client, str], Awaitable[None]]) -> None:
    """Play a story with a client and a new namespace."""

    async def run() -> None:
        async with connected(planes) as client, namespace_in(client) as namespace:
            async with asyncio.timeout(3 * PATIENCE_SECONDS):
                await story(client, namespace)

    asyncio.run(run())


@asynccontextmanager
async def connected(planes: ControlPlanes) -> AsyncIterator[Client]:
    client = Client(HttpTransport(load(SystemClock().now, str(planes.kubeconfig), planes.contexts[0])), "conformance")
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def namespace_in(client: Client) -> AsyncIterator[str]:
    name = f"client-{SystemClock().new_id()[:8]}"
    await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    try:
        yield name
    finally:
        await client.delete(NAMESPACES, name)


def config_map(namespace: str, name: str = "one", **data: str) -> NewObject:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}


def test_a_conflict_names_the_manager_and_the_field(control_planes: ControlPlanes) -> None:
    async def story(client: Client, namespace: str) -> None:
        await client.apply(CONFIG_MAPS, config_map(namespace, key="ours"), "first")
        with pytest.raises(Conflict) as caught:
            await client.apply(CONFIG_MAPS, config_map(namespace, key="theirs"), "second")
        assert caught.value.managers == [("first", ".data.key")]
        forced = await client.apply(CONFIG_MAPS, config_map(namespace, key="theirs"), "second", force=True)
        assert forced["data"] == {"key": "theirs"}

    play(control_planes, story)


def test_a_stale_version_is_a_conflict_without_managers(control_planes: ControlPlanes) -> None:
    async def story(client: Client, namespace: str) -> None:
        first = await client.create(CONFIG_MAPS, config_map(namespace, key="1"))
        await client.update(CONFIG_MAPS, {**first, "data": {"key": "2"}})
        with pytest.raises(Conflict) as caught:
            await client.update(CONFIG_MAPS, {**first, "data": {"key": "3"}})
        assert caught.value.managers == []
        with pytest.raises(Conflict):
            await client.delete(CONFIG_MAPS, "one", namespace, uid="00000000-0000-0000-0000-000000000000")

    play(control_planes, story)


def test_what_the_server_refuses_is_invalid_and_says_why(control_planes: ControlPlanes) -> None:
    async def story(client: Client, namespace: str) -> None:
        with pytest.raises(Invalid, match=r"metadata\.name"):
            await client.create(CONFIG_MAPS, config_map(namespace, "Not_A_Name"))
        assert await client.get(CONFIG_MAPS, "absent", namespace) is None
        assert not await client.delete(CONFIG_MAPS, "absent", namespace)

    play(control_planes, story)


def test_a_long_list_comes_in_pages(control_planes: ControlPlanes) -> None:
    async def story(client: Client, namespace: str) -> None:
        for number in range(7):
            await client.create(CONFIG_MAPS, config_map(namespace, f"n{number}"))
        listing = await client.list(CONFIG_MAPS, namespace, limit=3)
        assert [name_of(item) for item in listing.items if name_of(item).startswith("n")] == [
            f"n{number}" for number in range(7)
        ]
        assert all(item["kind"] == "ConfigMap" for item in listing.items)

    play(control_planes, story)


@asynccontextmanager
async def informer(client: Client, namespace: str) -> AsyncIterator[Informer]:
    watching = Informer(client, CONFIG_MAPS, SystemClock(), namespace)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(watching.run())
        await watching.synced.wait()
        yield watching
        running.cancel()


def test_an_informer_shows_our_own_write(control_planes: ControlPlanes) -> None:
    async def story(client: Client, namespace: str) -> None:
        async with informer(client, namespace) as watching:
            for number in range(20):
                written = await client.apply(CONFIG_MAPS, config_map(namespace, count=str(number)), "test")
                seen = await watching.at_least("one", namespace, version_of(written), PATIENCE_SECONDS)
                assert dig(seen, "data", "count") == str(number)

    play(control_planes, story)


def test_informers_bear_a_restart_of_the_server(control_planes: ControlPlanes) -> None:
    if control_planes.processes is None:
        pytest.skip("A server that is not ours is not restarted.")

    async def story(client: Client, namespace: str) -> None:
        heard: list[str] = []
        async with informer(client, namespace) as watching:
            watching.listen(lambda old, new: heard.append(name_of(new or old or {})))
            await client.create(CONFIG_MAPS, config_map(namespace, "before"))
            assert await watching.until(lambda: "before" in heard, PATIENCE_SECONDS)
            control_planes.processes.stop("cluster-1/apiserver")
            assert await troubled(watching)
            control_planes.processes.start("cluster-1/apiserver")
            assert await watching.until(lambda: watching.trouble is None, PATIENCE_SECONDS)
            await until_created(client, config_map(namespace, "after"))
            assert await watching.until(lambda: "after" in heard, PATIENCE_SECONDS)
            assert watching.get("before", namespace) is not None

    play(control_planes, story)


def test_a_version_from_before_the_restart_has_expired(control_planes: ControlPlanes) -> None:
    if control_planes.processes is None:
        pytest.skip("A server that is not ours is not restarted.")

    async def story(client: Client, namespace: str) -> None:
        control_planes.processes.stop("cluster-1/apiserver")
        control_planes.processes.start("cluster-1/apiserver")
        await until_created(client, config_map(namespace, "real"))
        with pytest.raises(Expired):
            await first_event(client, namespace)
        old = Informer(client, CONFIG_MAPS, SystemClock(), namespace)
        old._watcher.listed([config_map(namespace, "ghost")], "1")  # as one that slept for very long
        async with asyncio.TaskGroup() as group:
            running = group.create_task(old.run())
            assert await old.until(lambda: old.get("real", namespace) is not None, PATIENCE_SECONDS)
            assert old.get("ghost", namespace) is None
            running.cancel()

    play(control_planes, story)


async def first_event(client: Client, namespace: str) -> None:
    """Watch from a version that the server does not have any more. Raises: Expired, whichever way it says so."""
    async with client.watch(CONFIG_MAPS, "1", namespace) as events:
        async for event in events:
            Watcher().happened(event)
            raise AssertionError(f"the server still had it: {event}")


async def troubled(watching: Informer) -> bool:
    """Wait until the informer says that the server is away."""
    changed = asyncio.Event()
    watching.on_health(changed.set)
    if watching.trouble is None:
        await changed.wait()
    return watching.trouble is not None


async def until_created(client: Client, obj: NewObject) -> None:
    """Create, as soon as a server that has just started lets us."""
    while True:
        try:
            await client.create(CONFIG_MAPS, obj)
            return
        except Exception:
            await asyncio.sleep(0.2)


def test_one_leads_and_the_other_follows_when_it_is_gone(control_planes: ControlPlanes) -> None:
    async def story(client: Client, namespace: str) -> None:
        def candidate(name: str) -> Leadership:
            return Leadership(client, SystemClock(), name, "lease", namespace, SHORT)

        first, second = candidate("first"), candidate("second")
        led: list[str] = []
        async with asyncio.TaskGroup() as group:
            one = group.create_task(first.run(lambda: work(led, "first")))
            await seen(led, "first")
            other = group.create_task(second.run(lambda: work(led, "second")))
            await asyncio.sleep(SHORT.lease.total_seconds() + 1)
            assert led == ["first"]
            assert not second.is_leader
            one.cancel()
            await seen(led, "second")
            lease = await client.get(LEASES, "lease", namespace)
            assert dig(lease, "spec", "holderIdentity") == "second"
            assert dig(lease, "spec", "leaseTransitions") == 1
            other.cancel()

    play(control_planes, story)


async def work(led: list[str], name: str) -> None:
    led.append(name)
    await asyncio.Event().wait()


async def seen(led: list[str], name: str) -> None:
    while name not in led:  # noqa: ASYNC110  a listener would be longer than this
        await asyncio.sleep(0.05)


def test_events_are_accepted_and_an_identical_one_is_counted(control_planes: ControlPlanes) -> None:
    async def story(client: Client, namespace: str) -> None:
        about = await client.create(CONFIG_MAPS, config_map(namespace))
        for recorder in (Recorder(client, SystemClock()), Recorder(client, SystemClock())):  # as after a restart
            await recorder.write(about, Line("Advance one weight 10"), "flagger", step="10")
        await recorder.write(about, Line("Advance one weight 20"), "flagger", step="20")
        await recorder.write(about, Line("x" * 3000), "flagger", step="long")
        events: list[Any] = (await client.list(EVENTS, namespace)).items
        assert [(event["message"][:21], event["count"]) for event in events] == [
            ("Advance one weight 10", 2),
            ("Advance one weight 20", 1),
            ("x" * 21, 1),
        ]
        assert {dig(event, "source", "component") for event in events} == {"flagger"}

    play(control_planes, story)
