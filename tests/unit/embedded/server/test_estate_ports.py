"""The clusters of one folder: a port each, or one for all; the kubeconfig leads to them either way."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from volary.embedded.cluster import Wanted
from volary.embedded.estate import Estate
from volary.embedded.listen import Listen
from volary.kube.client import Client
from volary.kube.http import HttpTransport
from volary.kube.kubeconfig import load
from volary.kube.resources import NAMESPACES
from volary.runtime.clock import SystemClock

PATIENCE_SECONDS = 20


async def names(kubeconfig: Path, context: str) -> list[str]:
    client = Client(HttpTransport(load(SystemClock().now, str(kubeconfig), context)), "test")
    try:
        return [str(it["metadata"]["name"]) for it in (await client.list(NAMESPACES)).items]
    finally:
        await client.close()


@pytest.mark.parametrize("one_port", [False, True])
@pytest.mark.parametrize("tls", [False, True])
def test_a_kubeconfig_leads_to_each(tmp_path: Path, one_port: bool, tls: bool) -> None:
    async def test() -> None:
        listen = Listen(tls=tls)
        wanted = [Wanted(name, listen, pods=False) for name in ("west", "east")]
        estate = Estate(tmp_path, wanted, SystemClock(), listen if one_port else None)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(estate.run())
            await estate.ready.wait()
            for name, cluster in estate.clusters.items():
                assert ("/clusters/" in cluster.server.url) == one_port
                assert cluster.server.url.startswith("https://" if tls else "http://")
                cluster.api.local.create("/namespaces", {"metadata": {"name": f"only-{name}"}}, "test")
                found = await names(estate.kubeconfig, name)
                assert [it for it in found if it.startswith("only-")] == [f"only-{name}"]
            running.cancel()

    asyncio.run(asyncio.wait_for(test(), PATIENCE_SECONDS))
