"""The program is killed right after each of its writes, before it hears the answer: same lines, same end.

A crash before a write is the one after the write before it.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.simulation.canary_cluster import Play, play
from tests.simulation.canary_manifests import V1, V2, canary

TWO_STEPS = {**canary()["spec"]["analysis"], "stepWeight": 25}
WRITES_OF_A_GOOD_RELEASE = 20
WRITES_OF_A_BAD_RELEASE = 19
FIRST_OTHER_WRITE = 9  # until then a bad release is as a good one
LINES = [
    "New revision detected! Scaling up podinfo.test",
    "Starting canary analysis for podinfo.test",
    "Pre-rollout check acceptance-test passed",
    "Advance podinfo.test canary weight 25",
    "Advance podinfo.test canary weight 50",
    "Copying podinfo.test template spec to podinfo-primary.test",
    "Routing all traffic to primary",
    "Promotion completed! Scaling down podinfo.test",
]
HALT = "! Halt podinfo.test advancement success rate 80.00% < 99%"
BAD_LINES = [
    *LINES[:4],
    HALT,
    HALT,
    "! Rolling back podinfo.test failed checks threshold reached 2",
    "! Canary failed! Scaling down podinfo.test",
]


def released(crash_at: int, end: str, **script: Any) -> tuple[Play, list[str]]:
    """Play a release in which the program is killed at its n-th write; return what was told of it."""
    kept: list[Play] = []

    async def story(at: Play) -> None:
        kept.append(at)
        await at.installed(analysis=TWO_STEPS)
        told = len(at.told)
        for name, value in script.items():
            setattr(at.script, name, value)
        assert at.transport is not None
        at.transport.writes, at.transport.crash_at = 0, crash_at
        await at.push(V2)
        await at.until(end)
        await asyncio.sleep(5)
        assert (await at.weights(), await at.replicas("podinfo"), await at.phase()) == ((100, 0), 0, end)
        assert await at.image("podinfo-primary") == (V2 if end == "Succeeded" else V1)
        at.told = at.told[told:]

    play(story)
    return kept[0], kept[0].told


@pytest.mark.parametrize("crash_at", range(1, WRITES_OF_A_GOOD_RELEASE + 1))
def test_a_good_release_survives_a_crash(crash_at: int) -> None:
    at, told = released(crash_at, "Succeeded")
    assert told == LINES, "none lost, none doubled"
    assert at.kills == 1


@pytest.mark.parametrize("crash_at", range(FIRST_OTHER_WRITE, WRITES_OF_A_BAD_RELEASE + 1))
def test_a_bad_release_survives_a_crash(crash_at: int) -> None:
    at, told = released(crash_at, "Failed", success=80.0)
    assert [line for line in told if line != HALT] == [line for line in BAD_LINES if line != HALT]
    assert told.count(HALT) in (2, 3), "a crash may count the line in flight twice"
    assert at.kills == 1


def test_these_are_all_the_writes() -> None:
    for end, writes, script in (
        ("Succeeded", WRITES_OF_A_GOOD_RELEASE, {}),
        ("Failed", WRITES_OF_A_BAD_RELEASE, {"success": 80.0}),
    ):
        at, _ = released(0, end, **script)
        assert at.transport is not None
        assert at.transport.writes == writes


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_an_hour_off_changes_little(hours: int) -> None:
    async def story(at: Play) -> None:
        at.skew = timedelta(hours=hours)
        assert at.program is not None
        at.program.cancel()
        at.start()
        await at.installed(progressDeadlineSeconds=60)
        await at.push(V2)
        await at.until_weight(20)
        at.skew = -at.skew  # another computer takes over
        at.killed()
        await asyncio.sleep(1)
        await at.until("Succeeded", seconds=120)
        assert [line for line in at.told if line.startswith("!")] == []
        assert len(at.told) == 12, "every line once"

    play(story)
