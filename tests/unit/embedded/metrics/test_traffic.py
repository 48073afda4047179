"""Real requests through the real Envoy, and the numbers that come out at the other end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from tests.unit.embedded.mesh.fakes import FakeLocal, FakePods, endpoint_slice, service, split, virtual_service
from tests.unit.embedded.mesh.running import SLICES, VIRTUAL_SERVICES, needs_envoy
from tests.unit.embedded.metrics.test_istio import deployment
from volary.embedded.load.counts import Counts, Paths
from volary.embedded.load.generator import Generator, Target
from volary.embedded.traffic import Traffic

pytestmark = [pytest.mark.envoy, needs_envoy]
COMMON = 'reporter="destination",destination_workload_namespace="test",destination_workload=~"podinfo"'
BUCKET = f"istio_request_duration_milliseconds_bucket{{{COMMON}}}"
SUCCESS = f"""sum(increase(istio_requests_total{{{COMMON},response_code!~"5.*"}}[10s]))
    / sum(increase(istio_requests_total{{{COMMON}}}[10s])) * 100"""
LATENCY = f"histogram_quantile(0.99, sum(rate({BUCKET}[10s])) by (le))"
COUNT = "sum(istio_requests_total) by (destination_workload)"


@asynccontextmanager
async def serving(folder: Path, pods: FakePods) -> AsyncIterator[Traffic]:
    local = FakeLocal()
    async with pods.run(local, "primary-a", "canary-a"):
        for name, app in (("podinfo", "podinfo-primary"), ("podinfo-canary", "podinfo")):
            local.put("/services", service(name, 9898, selector={"app": app}))
            local.put("apps/deployments", deployment(app, app))
        local.put(SLICES, endpoint_slice("podinfo", "primary-a"))
        local.put(SLICES, endpoint_slice("podinfo-canary", "canary-a"))
        local.put(VIRTUAL_SERVICES, virtual_service(split(podinfo=50, podinfo_canary=50)))
        traffic = Traffic(local, pods, folder, lambda: datetime.now(UTC))
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(traffic.run("10.1.255.2"))
            await asyncio.wait_for(traffic.ready.wait(), 20)
            try:
                yield traffic
            finally:
                task.cancel()


async def value(session: aiohttp.ClientSession, traffic: Traffic, query: str) -> dict[str, float]:
    """Ask as a canary controller does: the Service prometheus.istio-system, through the gateway."""
    url = f"http://{traffic.gateway[0]}:{traffic.gateway[1]}/api/v1/query"
    headers = {"host": "prometheus.istio-system:9090"}
    async with session.get(url, params={"query": query}, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        result = (await answer.json())["data"]["result"]
    return {one["metric"].get("destination_workload", ""): float(one["value"][1]) for one in result}


async def until(
    session: aiohttp.ClientSession, traffic: Traffic, query: str, done: Callable[[dict[str, float]], bool]
) -> dict[str, float]:
    async with asyncio.timeout(10):
        while not done(found := await value(session, traffic, query)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found


def test_the_share_of_errors_and_the_latency_of_a_canary_are_measured(tmp_path: Path) -> None:
    pods, turns = FakePods(), iter(range(10_000))
    pods.answer = lambda head: b"500 Oops" if next(turns) % 4 == 0 else b"200 OK"

    async def run() -> None:
        counts = Counts()
        async with serving(tmp_path, pods) as traffic, aiohttp.ClientSession() as session:
            assert (await value(session, traffic, "vector(1)")) == {"": 1.0}
            await Generator(Target(traffic.gateway, "podinfo.test"), Paths([("/", 1)]), 2000, counts).run(600)
            seen = await until(
                session, traffic, COUNT, lambda found: found["podinfo"] + found["podinfo-primary"] >= 600
            )
            latency = await until(session, traffic, LATENCY, lambda found: found.get("", 0) > 0)
            success = await value(session, traffic, SUCCESS)
            assert traffic.resolve("istio-system", "prometheus", "9090") == traffic.metrics.address
        answered = {
            name: sum(n for (pod, _), n in counts.now.pods.items() if pod.startswith(name)) for name in ("p", "c")
        }
        assert seen["podinfo"] == answered["c"]
        assert seen["podinfo-primary"] == answered["p"]
        failed = counts.now.pods["canary-a", 500] / answered["c"] * 100
        assert success[""] == pytest.approx(100 - failed, abs=0.01)
        assert 0 < latency[""] < 1000

    asyncio.run(run())
