from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.embedded.mesh.fakes import FakeLocal, FakePods, service, split, virtual_service
from tests.unit.embedded.mesh.running import VIRTUAL_SERVICES, needs_envoy
from volary.embedded.traffic import LONGEST_NOTE, Traffic, no_effect


@pytest.mark.envoy
@needs_envoy
def test_an_object_hears_once_which_of_its_fields_have_no_effect(tmp_path: Path) -> None:
    local, said = FakeLocal(), list[tuple[str, str]]()
    local.put("/services", service("podinfo", 9898))

    async def write(traffic: Traffic, policy: str) -> None:
        before = traffic.mesh.generation
        http = {**split(podinfo=100), policy: {"anything": "x"}}
        local.put(VIRTUAL_SERVICES, virtual_service(http))
        async with asyncio.timeout(10):
            while traffic.mesh.generation == before:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    async def run() -> None:
        traffic = Traffic(
            local,
            FakePods(),
            tmp_path,
            lambda: datetime.now(UTC),
            say=lambda about, text: said.append((about["metadata"]["name"], text)),
        )
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(traffic.run("10.1.255.2"))
            await asyncio.wait_for(traffic.ready.wait(), 20)
            for policy in ("corsPolicy", "corsPolicy", "delegate"):
                await write(traffic, policy)
            task.cancel()

    asyncio.run(run())
    assert said == [
        ("podinfo", "Without effect at the embedded gateway: spec.http[0].corsPolicy"),
        ("podinfo", "Without effect at the embedded gateway: spec.http[0].delegate"),
    ]


def test_a_note_is_no_longer_than_an_event_may_be() -> None:
    text = no_effect(["spec.http[0].corsPolicy"] * 100)
    assert len(text) == LONGEST_NOTE
    assert text.endswith("…")
