"""The client while a real control plane is compacted, stopped, killed and given other certificates.

Each ends with the right objects in the cache, after a number of requests that does not grow with the outage.
"""

from __future__ import annotations

import asyncio
import json
import signal
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.client_stories import (
    PATIENCE_SECONDS,
    client_of,
    config_map,
    counted,
    kubeconfig_of,
    names,
    play,
    watching,
    who,
)
from tests.conformance.conftest import testbed
from volary.embedded.certificate import Authority
from volary.kube.client import Client
from volary.kube.credentials import REREAD
from volary.kube.errors import Expired, KubeError, Unreachable
from volary.kube.kubeconfig import Access, load
from volary.kube.resources import CONFIG_MAPS
from volary.runtime.clock import SystemClock
from volary.runtime.informer import Informer

pytestmark = pytest.mark.conformance
SHORT_SECONDS = 2.0  # for an answer, where none is to come


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start one control plane that may be mistreated."""
    with testbed().Clusters(tmp_path_factory.mktemp("alone"), clusters=1) as running:
        yield running


async def written(client: Client, namespace: str, name: str) -> None:
    """Create, as soon as the server lets us."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                await client.create(CONFIG_MAPS, config_map(namespace, name))
                return
            except KubeError:
                await asyncio.sleep(0.2)


async def compacted(running: Any, client: Client, namespace: str) -> None:
    """Have etcd forget all versions but the last."""
    version = (await client.list(CONFIG_MAPS, namespace)).version
    url = f"http://127.0.0.1:{running.clusters[0].etcd_port}/v3/kv/compaction"
    body = json.dumps({"revision": version, "physical": True}).encode()

    def post() -> None:
        with urllib.request.urlopen(urllib.request.Request(url, body), timeout=10) as answer:
            assert answer.status == 200

    await asyncio.to_thread(post)


def test_pages_that_expired_are_listed_anew(alone: Any) -> None:
    async def story(access: Access, namespace: str) -> None:
        async with client_of(access) as client:
            for number in range(6):
                await written(client, namespace, f"n{number}")
            page = json.loads(await client.ask("GET", CONFIG_MAPS.path(namespace), {"limit": "2"}))
            await written(client, namespace, "n6")
            await compacted(alone, client, namespace)
            alone.stop("cluster-1/apiserver")  # or its memory of the past would still serve the page
            alone.start("cluster-1/apiserver")
            await written(client, namespace, "n7")
            query = {"limit": "2", "continue": page["metadata"]["continue"]}
            with pytest.raises(Expired):
                await client.ask("GET", CONFIG_MAPS.path(namespace), query)
            client.streams_lists = False
            old = Informer(client, CONFIG_MAPS, SystemClock(), namespace)
            old._watcher.listed([config_map(namespace, "ghost")], "1")  # as one that slept for very long
            counted(client).paths.clear()
            async with asyncio.TaskGroup() as group:
                running = group.create_task(old.run())
                wanted = {f"n{number}" for number in range(8)}
                assert await old.until(lambda: names(old) == wanted, PATIENCE_SECONDS)
                running.cancel()
            assert len(counted(client).paths) <= 3  # the old watch, the list, the new watch

    play(alone.kubeconfig, story)


def test_a_killed_server_costs_few_requests_and_leaves_no_gap(alone: Any) -> None:
    async def story(access: Access, namespace: str) -> None:
        async with client_of(access) as client, watching(client, namespace) as informer:
            await written(client, namespace, "before")
            counted(client).paths.clear()
            alone.stop("cluster-1/apiserver")
            assert await until_true(informer, lambda: informer.trouble is not None)
            alone.start("cluster-1/apiserver")
            async with client_of(access) as other:
                await written(other, namespace, "after")
                await other.delete(CONFIG_MAPS, "before", namespace)
            assert await informer.until(lambda: names(informer) == {"after"}, PATIENCE_SECONDS)
            assert informer.trouble is None
            assert len(counted(client).paths) < 40

    play(alone.kubeconfig, story)


async def until_true(informer: Informer, true: Callable[[], bool]) -> bool:
    """Wait for something that the informer's health decides."""
    changed = asyncio.Event()
    informer.on_health(lambda: changed.set() if true() else None)
    if not true():
        async with asyncio.timeout(PATIENCE_SECONDS):
            await changed.wait()
    return true()


def test_a_stopped_etcd_opens_the_breaker_and_all_is_well_when_it_goes_on(alone: Any) -> None:
    async def story(access: Access, namespace: str) -> None:
        etcd = alone.processes["cluster-1/etcd"]
        async with client_of(access) as calm, client_of(access, SHORT_SECONDS) as client:
            async with watching(calm, namespace) as informer:
                await written(client, namespace, "before")
                counted(client).paths.clear()
                etcd.send_signal(signal.SIGSTOP)
                try:
                    for number in range(20):
                        with pytest.raises(Unreachable) as caught:
                            await client.create(CONFIG_MAPS, config_map(namespace, f"lost{number}"))
                        assert caught.value.reason == "Timeout"
                    assert len(counted(client).paths) < 10, "most failed at once"
                finally:
                    etcd.send_signal(signal.SIGCONT)
                await written(client, namespace, "after")
                assert await informer.until(lambda: {"before", "after"} <= names(informer), PATIENCE_SECONDS)
                there = await calm.list(CONFIG_MAPS, namespace)
                wanted = {obj["metadata"]["name"] for obj in there.items} - {"kube-root-ca.crt"}
                assert await informer.until(lambda: names(informer) >= wanted, PATIENCE_SECONDS)

    play(alone.kubeconfig, story)


def test_a_client_certificate_that_is_replaced_is_shown_on_new_connections(alone: Any, tmp_path: Path) -> None:
    authority, cluster = Authority(), alone.clusters[0]
    (tmp_path / "clients.crt").write_bytes(authority.certificate)
    alone.stop("cluster-1/apiserver")
    alone.start("cluster-1/apiserver", *cluster.apiserver(False), f"--client-ca-file={tmp_path}/clients.crt")

    def show(name: str) -> None:
        made = authority.client(name, ["system:masters"])
        (tmp_path / "me.crt").write_bytes(made.certificate)
        (tmp_path / "me.key").write_bytes(made.key)

    async def story(access: Access, namespace: str) -> None:
        show("first")
        user = {"client-certificate": str(tmp_path / "me.crt"), "client-key": str(tmp_path / "me.key")}
        moment = [SystemClock().now()]
        own = load(lambda: moment[0], str(kubeconfig_of(access, user, tmp_path)))
        async with client_of(own) as client, watching(client, namespace) as informer:
            assert (await who(client))["username"] == "first"
            show("second")
            moment[0] += 2 * REREAD
            assert (await who(client))["username"] == "second"
            await written(client, namespace, "after")  # and the old connection's watch still brings it
            assert await informer.until(lambda: names(informer) == {"after"}, PATIENCE_SECONDS)
            assert informer.trouble is None

    wait_for(alone)
    play(alone.kubeconfig, story)


def wait_for(running: Any) -> None:
    running._wait(running.clusters[0], "apiserver", lambda it: it.request("/readyz")[0] == 200)
