"""Dispatch, failure and budget (third section of the interface): each test is one of its sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace as with_fields

from tests.unit.fleet.world import P, R, World, installed, rollout, stage
from volary.fleet.names import AS_IS
from volary.fleet.plan import Pin
from volary.fleet.progress import ClusterProgress
from volary.fleet.spec import Amount, OnFailure


def entry(world: World, name: str) -> ClusterProgress:
    found = world.run.cluster(name)
    assert found is not None
    return found


def hold(world: World) -> tuple[str, str]:
    assert world.run.hold is not None, world.run
    return world.run.hold.reason, world.run.hold.cluster or ""


def started(**west: object) -> World:
    """Return the moment before anything is dispatched, with west as it is said to be."""
    return installed().with_member("west", **west).push("b").settle_controllers()


def spec_with(**rest: Any) -> World:
    return installed("west", "b", "c", "d", spec=rollout(stage("west", "first"), stage("rest", **rest)))


# -- order of writes


def test_first_comes_the_status_and_then_the_pin() -> None:
    world = installed().push("b")
    while not (world.runs and world.run.phase and entry(world, "west").phase == "Dispatched"):
        world = world.one_pass() or world
    west = entry(world, "west")
    assert world.member("west").pin == P, "the pin comes after the status"
    assert (west.pin, west.previous, west.dispatched_at) == (R, P, world.now)
    assert west.before is not None
    assert (west.before.phase, west.before.last_update_time) == ("Succeeded", "0")
    pins = world.run_plan(world.runs[0]).actions
    assert pins == (Pin("west", R, P, str(world.member("west").version)),)


def test_nothing_is_dispatched_before_the_fleetrollout_has_adopted_the_run() -> None:
    world = installed().push("b")
    while not world.runs:
        world = world.one_pass() or world
    for _ in range(20):  # only the run's own controller works
        plans = list(world.apply(world.run_plan(world.runs[0]), world.runs[0]))
        world = plans[-1] if plans else world
    assert entry(world, "west").phase == "Pending"
    assert world.settle().run.phase == "Succeeded"


# -- before a dispatch


def test_before_its_dispatch_a_member_must_prove_at_its_present_pin_or_the_run_holds() -> None:
    world = started(ready="False", ready_reason="HealthCheckFailed")
    assert hold(world) == ("ClusterDegradedBefore", "west")
    assert world.member("west").pin == P
    assert world.run.hold is not None
    assert world.run.hold.unblock == "volary resume podinfo --as-is west"
    assert world.with_member("west", ready="True").settle().run.phase == "Succeeded"


def test_as_is_goes_on_and_says_that_there_is_then_no_way_back() -> None:
    world = started(ready="False", ready_reason="HealthCheckFailed").annotate_run(AS_IS, "west").settle_controllers()
    assert world.member("west").pin == R
    assert entry(world, "west").previous is None
    assert any("no way back" in line for line in world.log)
    assert not world.runs[-1].annotations
    assert world.run.decisions[-1].state == "as-is west"


def test_ready_unknown_is_a_pass_at_work_and_is_waited_for() -> None:
    world = started(ready="Unknown")
    assert world.run.hold is None
    assert entry(world, "west").phase == "Pending"
    assert world.with_member("west", ready="True").settle().run.phase == "Succeeded"


def test_ready_unknown_is_waited_for_in_the_proof_too() -> None:
    world = started().with_member("west", applied=R, primary=R, ready="Unknown").settle_controllers()
    assert entry(world, "west").phase == "Progressing"
    assert world.with_member("west", ready="True").settle_controllers().run.cluster("west").phase == "Verified"  # type: ignore[union-attr]


def test_a_member_with_no_known_previous_is_announced_before_its_dispatch() -> None:
    world = started(ready="False", ready_reason="HealthCheckFailed")
    assert not any("no commit is proven there yet" in line for line in world.log)
    fresh = installed()
    members = tuple(with_fields(m, proven="") for m in fresh.status.members)
    held = replace(fresh, status=with_fields(fresh.status, members=members)).push("b")
    held = held.with_member("west", ready="Unknown").settle_controllers()
    assert any("west: no commit is proven there yet" in line for line in held.log)


# -- failed


def test_failed_is_a_member_whose_canary_failed_newly_at_the_commit() -> None:
    world = started().with_member("west", applied=R, phase="Failed", updated=2).settle_controllers()
    assert entry(world, "west").failure == "CanaryFailed"


def test_a_canary_that_had_failed_before_is_not_blamed_on_the_commit() -> None:
    world = installed().with_member("west", phase="Failed", updated=5).push("b").settle_controllers()
    assert entry(world, "west").phase == "Progressing", "Failed with both templates the same is a proof at P"
    assert world.with_member("west", applied=R).settle_controllers().run.cluster("west").failure == ""  # type: ignore[union-attr]


def test_a_canary_that_fails_before_the_kustomization_attempted_the_commit_is_not_blamed_on_it() -> None:
    world = started().with_member("west", phase="Failed", updated=2).settle_controllers()
    assert entry(world, "west").failure == ""


def test_failed_is_a_member_whose_kustomization_reports_build_failed_at_the_commit() -> None:
    world = started().with_member("west", applied=R, ready="False", ready_reason="BuildFailed").settle_controllers()
    assert entry(world, "west").failure == "BuildFailed"


@pytest.mark.parametrize("reason", ["ArtifactFailed", "DependencyNotReady", "HealthCheckFailed"])
def test_other_reasons_hold_until_the_deadline(reason: str) -> None:
    world = started().with_member("west", applied=R, ready="False", ready_reason=reason).settle_controllers()
    assert hold(world) == ("KustomizationNotReady", "west")
    assert world.run.hold is not None
    assert world.run.hold.until == entry(world, "west").turn_at + timedelta(minutes=30)  # type: ignore[operator]
    assert entry(world.later(minutes=31).settle_controllers(), "west").failure == "ProgressDeadlineExceeded"


def test_the_deadline_counts_from_the_turn_dispatched_or_not() -> None:
    world = started(ready="Unknown")
    assert entry(world, "west").dispatched_at is None
    assert entry(world.later(minutes=29).settle_controllers(), "west").failure == ""
    assert entry(world.later(minutes=30).settle_controllers(), "west").failure == "ProgressDeadlineExceeded"


@pytest.mark.parametrize(
    "waits", [{"suspended": True}, {"ready": "False", "ready_reason": "BuildFailed"}, {"drift": "kubectl-edit"}]
)
def test_what_waits_for_a_person_stops_the_clock(waits: dict[str, object]) -> None:
    world = started(**waits).later(hours=5).settle_controllers()
    assert entry(world, "west").failure == ""
    assert entry(world, "west").held_since is not None
    mended = {"suspended": False, "ready": "True", "drift": ""}
    world = world.with_member("west", **mended).settle_controllers()
    west = entry(world, "west")
    assert west.turn_at is not None
    assert west.held_since is None
    assert west.turn_at >= world.now - timedelta(seconds=1), "the five hours do not count"
    assert world.settle().run.phase == "Succeeded"


def test_a_suspended_cluster_gets_nothing_new_and_is_waited_for_last() -> None:
    world = spec_with().with_member("b", suspended=True).push("b").settle()
    assert [entry(world, name).phase for name in "bcd"] == ["Pending", "Verified", "Verified"]
    assert hold(world) == ("MemberSuspended", "b")
    assert world.with_member("b", suspended=False).settle().run.phase == "Succeeded"


# -- unreachable


def test_reachable_stands_beside_the_phase_and_never_replaces_it() -> None:
    world = started().with_member("west", reachable=False).settle_controllers()
    assert (entry(world, "west").phase, entry(world, "west").reachable) == ("Progressing", "Unknown")


def test_a_member_whose_turn_has_come_and_that_cannot_be_reached_spends_its_deadline() -> None:
    world = started(reachable=False)
    assert hold(world) == ("ClusterUnreachable", "west")
    assert entry(world.later(minutes=30).settle_controllers(), "west").failure == "ClusterUnreachable"


@pytest.mark.parametrize("policy", list(OnFailure))
def test_unreachable_members_alone_hold_the_run_whatever_the_policy_says(policy: OnFailure) -> None:
    spec = rollout(on_failure=policy)
    world = installed(spec=spec).with_member("west", reachable=False).push("b").settle_controllers()
    world = world.later(hours=1).settle_controllers()
    assert hold(world) == ("ClusterUnreachable", "west")
    assert world.run.rollback is None
    assert not world.status.bad
    back = world.with_member("west", reachable=True).settle()
    assert back.run.phase == "Succeeded", "once it is back, the run goes on with it"


def test_an_unreachable_member_does_not_keep_the_others_of_its_stage_waiting() -> None:
    world = spec_with().with_member("b", reachable=False).push("b").settle()
    assert [entry(world, name).phase for name in "bcd"] == ["Pending", "Verified", "Verified"]


# -- budget


def test_a_failed_member_within_the_budget_is_pinned_back_alone_and_the_run_goes_on() -> None:
    world = spec_with(max_failures=Amount(1)).with_member("b", fails=True).push("b").settle()
    assert world.run.phase == "Succeeded"
    assert world.pins() == {"west": R, "b": P, "c": R, "d": R}
    assert "failed on b" in world.run.summary
    assert world.status.current is not None
    assert world.status.current.commit == P, "current does not advance"


def test_over_the_budget_the_failure_policy_decides() -> None:
    world = (
        spec_with(max_failures=Amount(1)).with_member("b", fails=True).with_member("c", fails=True).push("b").settle()
    )
    assert world.run.phase == "RolledBack"
    assert set(world.pins().values()) == {P}
    assert entry(world, "d").dispatched_at is None, "no new dispatch"


def test_rollback_cluster_takes_back_only_those_that_failed() -> None:
    spec = rollout(on_failure=OnFailure.ROLLBACK_CLUSTER)
    world = installed(spec=spec).with_member("east", fails=True).push("b").settle()
    assert world.pins() == {"west": R, "east": P}
    assert world.run.phase == "Failed"


def test_hold_touches_nothing_and_waits_for_a_person() -> None:
    spec = rollout(on_failure=OnFailure.HOLD)
    world = installed(spec=spec).with_member("east", fails=True).push("b").settle()
    assert hold(world) == ("FailureBudgetExceeded", "east")
    assert world.pins() == {"west": R, "east": R}
    assert world.run.hold is not None
    assert world.run.hold.unblock == "volary rollback podinfo"
    assert world.say("Rollback").settle().pins() == {"west": P, "east": P}


def test_a_run_in_which_every_member_failed_never_succeeds() -> None:
    spec = rollout(stage("all", max_failures=Amount(100, percent=True), max_concurrency=Amount(2)))
    world = installed(spec=spec).with_member("west", fails=True).with_member("east", fails=True).push("b").settle()
    assert world.run.phase == "Failed"


def test_a_canary_at_its_own_gate_awaits_approval_and_stops_the_clock() -> None:
    world = started().with_member("west", applied=R, phase="WaitingPromotion", updated=3).settle_controllers()
    assert hold(world) == ("AwaitingApproval", "west")
    assert entry(world.later(hours=2).settle_controllers(), "west").failure == ""


def test_verified_with_its_time_is_a_fact_and_stays() -> None:
    world = installed().push("b").settle_controllers()
    while entry(world, "west").phase != "Verified":
        world = world.one_pass() or next(world.environment())
    before = entry(world, "west").verified_at
    world = world.with_member("west", reachable=False).later(minutes=5).settle_controllers()
    assert (entry(world, "west").phase, entry(world, "west").verified_at) == ("Verified", before)
    assert entry(world, "west").reachable == "Unknown", "what happens later is shown beside it"


def test_soak_waits_after_the_stages_last_member_is_verified() -> None:
    spec = rollout(stage("west", "first", soak=timedelta(minutes=10)), stage("rest"))
    world = installed(spec=spec).push("b").settle()
    assert hold(world) == ("SoakTime", "")
    assert world.run.hold is not None
    assert (world.run.hold.message, world.run.hold.until) == ("10m after stage west", world.now + timedelta(minutes=10))
    assert world.run.stages[0].phase == "Soaking"
    assert world.member("east").pin == P
    assert world.later(minutes=9).settle().member("east").pin == P
    assert world.later(minutes=10).settle().run.phase == "Succeeded"


def test_a_stage_with_no_cluster_is_skipped() -> None:
    spec = rollout(stage("nobody", "none"), stage("rest"))
    world = installed(spec=spec).push("b").settle()
    assert [entry.phase for entry in world.run.stages] == ["Skipped", "Succeeded"]
