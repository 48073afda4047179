"""One port for many clusters: each under its name, at once when it is made, and 404 when it has gone."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from tests.unit.embedded.server.parts import BEARER, TOKEN, FakeApi, FakeWatch
from volary.embedded.clusters import Clusters, Style
from volary.embedded.front.site import Site
from volary.embedded.server import Identity, Listen, Server
from volary.embedded.shared import SharedPort, Sites
from volary.kube.transport import Response

JSON = {"content-type": "application/json"}
PODS = "/api/v1/pods"
PATIENCE_SECONDS = 20


class Clock:
    def __init__(self) -> None:
        self.rng = random.Random(1)

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)

    def new_id(self) -> str:
        return f"id-{self.rng.random()}"


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, PATIENCE_SECONDS))


def test_a_cluster_is_served_while_it_is_there() -> None:
    async def test() -> None:
        clusters = Clusters(Clock(), Style(controllers=False))
        port = SharedPort(Sites(clusters, Identity(TOKEN)))
        await port.start(Listen(tls=False))
        async with aiohttp.ClientSession(headers=BEARER) as client:
            url = port.url("west") + PODS
            assert (await client.get(url)).status == 404
            clusters.create("west")
            assert (await (await client.get(url)).json())["kind"] == "PodList"
            assert (await client.get(url, headers={"Authorization": "Bearer other"})).status == 401
            watch = await client.get(url, params={"watch": "true"})
            clusters.destroy("west")
            assert await watch.read() == b""
            assert (await client.get(url)).status == 404
        await port.close()

    run(test())


def test_clusters_of_one_port_are_apart() -> None:
    async def test() -> None:
        clusters = Clusters(Clock(), Style(controllers=False))
        for name in ("west", "east"):
            clusters.create(name)
        port = SharedPort(Sites(clusters, Identity(TOKEN)))
        await port.start(Listen(tls=False))
        new = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "only-west"}}
        async with aiohttp.ClientSession(headers=BEARER) as client:
            assert (await client.post(f"{port.url('west')}/api/v1/namespaces", json=new)).status == 201
            found = [(await client.get(f"{port.url(it)}/api/v1/namespaces/only-west")).status for it in clusters]
        await port.close()
        assert found == [200, 404]

    run(test())


def test_a_server_may_join_it_instead_of_having_a_port() -> None:
    async def test() -> None:
        sites: dict[str, Site] = {}
        port = SharedPort(sites)
        await port.start(Listen())
        server = Server(FakeApi({PODS: Response(200, JSON, b"{}")}), Identity(TOKEN))
        server.join(port, "west")
        sites["west"] = server.site
        assert server.url == f"https://127.0.0.1:{port.port}/clusters/west"
        assert server.authority is port.authority
        async with aiohttp.ClientSession(headers=BEARER) as client:
            assert (await client.get(server.url + PODS, ssl=False)).status == 200
        await port.close()

    run(test())


def test_a_port_of_one_cluster_answers_for_the_others_too() -> None:
    async def test() -> None:
        other = Server(FakeApi({PODS: FakeWatch(timeout_seconds=0.01)}), Identity("other"))
        server = Server(FakeApi(), Identity(TOKEN))
        server.neighbours({"east": other.site})
        await server.start(tls=False)
        async with aiohttp.ClientSession(server.url) as client:
            url = f"/clusters/east{PODS}"
            assert (await client.get(url, headers=BEARER)).status == 401
            answer = await client.get(url, headers={"Authorization": "Bearer other"})
            assert (answer.status, await answer.read()) == (200, b"first\n")
        await server.close()

    run(test())


@pytest.mark.parametrize(
    ("listen", "fine"),
    [
        (Listen(host="127.0.0.9"), True),
        (Listen(host="::1", tls=False), True),
        (Listen(host="0.0.0.0"), False),
        (Listen(host="192.0.2.1", anyway=True), True),
        (Listen(host="192.0.2.1", anyway=True, tls=False), False),
    ],
)
def test_an_address_that_others_reach_needs_a_word_and_tls(listen: Listen, fine: bool) -> None:
    if fine:
        listen.check()
    else:
        with pytest.raises(ValueError, match="the embedded API server listens on"):
            listen.check()
