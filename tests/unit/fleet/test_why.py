"""`volary why`: one sentence for each state that a person may meet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.fleet.test_people import in_flight
from tests.unit.fleet.world import P, World, fleet, installed, rollout, stage
from volary.fleet import wire
from volary.fleet.names import NUMBER
from volary.fleet.spec import OnFailure
from volary.fleet.why import why


def objects(world: World) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the FleetRollout and its runs as they are stored."""
    made = {
        "kind": "FleetRollout",
        "metadata": {"name": "podinfo", "namespace": "apps"},
        "spec": {"suspend": world.spec.suspend},
        "status": wire.status_json(world.status),
    }
    runs = [
        {
            "kind": "FleetRolloutRun",
            "metadata": {"name": run.name, "namespace": "apps", "labels": {NUMBER: str(run.number)}},
            "spec": wire.run_spec_json(run.run),
            "status": wire.status_json(run.status),
        }
        for run in world.runs
    ]
    return made, runs


def said(world: World) -> str:
    return why(*objects(world))


def failing(name: str, **changes: Any) -> World:
    return replace(installed(spec=rollout(**changes)), log=()).with_member(name, fails=True).push("b")


def test_a_fleetrollout_that_nobody_looks_at() -> None:
    assert said(fleet("west")) == "podinfo has not been looked at yet: is `volary run` at work in the hub?"


def test_installed() -> None:
    assert said(installed()) == "podinfo: aaaaaaa on 2/2 clusters."


def test_moving() -> None:
    assert said(in_flight()) == "bbbbbbb is on 0/2 clusters, stage 1/2 first; it is moving: west: canary 10 %."


def test_held_with_the_command_that_helps() -> None:
    held = in_flight().say("Pause", "ann", "lunch").settle()
    expected = (
        "bbbbbbb is on 1/2 clusters (west), stage 2/2 rest; it is not moving: "
        "PausedByUser, paused by ann: lunch; `volary resume podinfo` goes on."
    )
    assert said(held) == expected


def test_unreachable_with_its_end() -> None:
    text = said(installed().with_member("west", reachable=False).push("b").settle())
    assert "it is not moving: ClusterUnreachable, west: unreachable: no answer, until 2026-11-24T10:30:00Z" in text


def test_rolled_back_with_the_metrics_words_and_what_to_do() -> None:
    expected = (
        "bbbbbbb was rejected and taken back everywhere; the fleet is on aaaaaaa: on west: canary test/podinfo failed; "
        "rejected, Git ahead of cluster; push a new commit, or `volary retry podinfo`."
    )
    assert said(failing("west").settle()) == expected


def test_budget_exceeded_with_hold() -> None:
    text = said(failing("east", on_failure=OnFailure.HOLD).settle())
    assert 'FailureBudgetExceeded, failed on east, stage "rest" allows 0; `volary rollback podinfo` goes on.' in text


def test_taken_back_by_a_person() -> None:
    text = said(installed().push("b").settle().say("Rollback", "ann", "too slow").settle())
    assert "taken back by ann: too slow" in text


def test_aborted() -> None:
    text = said(in_flight().say("Abort").settle())
    assert text == "bbbbbbb was aborted on 0/2 clusters and pins stay; `volary rollback podinfo` takes it back."


def test_succeeded() -> None:
    assert said(installed().push("b").settle()) == "bbbbbbb is on 2/2 clusters."


def test_what_stands_in_the_way_of_the_next_run_is_said() -> None:
    world = failing("west").settle()
    broken = replace(world, spec=rollout(stage("one", "first"))).settle()
    assert "ClusterInNoStage: no stage selects east" in said(broken)


@pytest.mark.parametrize("letter", ["c"])
def test_what_waits_is_said(letter: str) -> None:
    world = in_flight().push(letter).settle_controllers()
    assert said(world).endswith("; ccccccc waits behind it.")
    assert P[:7] not in said(world)
