"""The way back (fourth section of the interface): each test is one of its sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.unit.fleet.test_dispatch import entry, hold, spec_with
from tests.unit.fleet.world import P, R, World, installed, rollout, stage
from volary.fleet.spec import Amount, Rollback


def rejected(world: World) -> World:
    """Push R to a fleet where the last cluster's canary turns it down, and stop when the way back has begun."""
    world = world.push("b")
    for _ in range(400):
        if world.runs and world.run.rollback is not None:
            return world
        world = world.one_pass() or next(world.environment())
    raise AssertionError("no way back")


def changes(world: World, most: int = 400) -> tuple[World, list[tuple[str, str]]]:
    """Let the world come to rest; return also the pins that changed, in order."""
    seen: list[tuple[str, str]] = []
    for _ in range(most):
        after = world.one_pass() or next(world.environment(), None)
        if after is None:
            return world, seen
        for name, member in after.members:
            if member.pin != world.member(name).pin:
                seen.append((name, member.pin))
        world = after
    raise AssertionError("no rest")


def four(back: Rollback | None = None) -> World:
    spec = rollout(stage("west", "first"), stage("rest"))
    spec = replace(spec, rollback=back or spec.rollback)
    return installed("west", "b", "c", "d", spec=spec).with_member("d", fails=True)


def test_pins_go_to_the_commit_before_in_reverse_order_of_dispatch_all_at_once() -> None:
    world, pins = changes(rejected(four()))
    assert world.run.phase == "RolledBack"
    assert sorted(pins) == [("b", P), ("c", P), ("d", P), ("west", P)]
    begun = rejected(four())
    while not any(e.phase == "RollingBack" for e in begun.run.clusters):
        begun = begun.one_pass() or begun
    assert [e.phase for e in begun.run.clusters] == ["RollingBack"] * 4, "all at once"


def test_rollback_max_concurrency_says_less() -> None:
    world, pins = changes(rejected(four(Rollback(Amount(1), timedelta(minutes=30)))))
    assert pins == [("d", P), ("c", P), ("b", P), ("west", P)], "the last dispatched first, one by one"
    assert world.run.phase == "RolledBack"


def test_an_unreachable_member_takes_no_place() -> None:
    world = rejected(four(Rollback(Amount(1), timedelta(minutes=30)))).with_member("d", reachable=False)
    world, pins = changes(world)
    assert pins == [("c", P), ("b", P), ("west", P)]
    assert entry(world, "d").phase == "RollingBack"


def test_a_member_that_was_never_sent_the_commit_is_not_touched() -> None:
    world = installed("west", "b", "c").with_member("b", fails=True).push("b").settle()
    assert world.run.phase == "RolledBack"
    assert entry(world, "c").dispatched_at is None
    assert entry(world, "c").phase == "Pending"


def test_promoted_goes_back_through_its_canary_and_is_proven_like_the_commit() -> None:
    world = rejected(four())
    while world.member("west").applied != P:
        world = world.one_pass() or next(world.environment())
    world = world.settle_controllers()
    assert entry(world, "west").phase == "RollingBack", "applied is not proven: the primary still runs R"
    assert world.settle().member("west").primary == P


def test_canary_failed_needs_no_canary_and_the_proof_holds_as_soon_as_the_commit_before_is_applied() -> None:
    world = installed().with_member("west", fails=True).push("b").settle()
    west = world.member("west")
    assert (west.phase, west.pin, west.primary) == ("Failed", P, P), "Flagger stays in Failed"
    assert entry(world, "west").phase == "RolledBack"


def test_canary_in_flight_is_ended_and_proven() -> None:
    world = installed().push("b").settle_controllers()
    while world.member("west").phase != "Progressing":
        world = world.one_pass() or next(world.environment())
    world = world.say("Rollback").settle()
    assert world.run.phase == "RolledBack"
    assert world.member("west").phase == "Initialized"


def test_failed_with_the_traffic_on_the_target_is_rollback_failed_at_once() -> None:
    world = installed().push("b").settle_controllers()
    world = world.with_member("west", applied=R, phase="Failed", weight=100, updated=3).settle_controllers()
    assert world.run.phase == "RollbackIncomplete"
    assert "traffic is on the target" in entry(world, "west").message
    assert world.member("west").pin == P, "the wish stays"


def test_some_not_proven_is_rollback_incomplete_with_names_and_a_late_member_is_still_taken_back() -> None:
    world, _ = changes(rejected(four()).with_member("west", reachable=False))
    world = world.later(minutes=31).settle()
    assert world.run.phase == "RollbackIncomplete"
    assert "not back: west" in world.run.summary
    assert world.member("west").pin == R
    late = world.with_member("west", reachable=True).settle()
    assert late.member("west").pin == P
    assert late.member("west").primary == P


def test_rolled_back_needs_all() -> None:
    world, _ = changes(rejected(four()).with_member("b", reachable=False))
    assert not world.run.ended
    assert world.with_member("b", reachable=True).settle().run.phase == "RolledBack"


def test_a_member_with_no_known_previous_cannot_be_taken_back() -> None:
    from volary.fleet.names import AS_IS

    world = (
        installed().with_member("west", ready="False", ready_reason="HealthCheckFailed").push("b").settle_controllers()
    )
    world = (
        world.annotate_run(AS_IS, "west").settle_controllers().with_member("west", ready="True", fails=True).settle()
    )
    assert world.run.phase == "RollbackIncomplete"
    assert "no commit that was proven there" in entry(world, "west").message
    assert world.member("west").pin == R


def test_the_branch_in_git_is_never_rewritten_and_git_is_ahead() -> None:
    world, _ = changes(rejected(four()))
    assert world.source == R
    ahead = world.status.conditions[1]
    assert (ahead.status, ahead.reason) == ("True", "RevisionMarkedBad")
    assert ahead.message.startswith("rejected, Git ahead of cluster")


def test_a_rollback_deadline_shorter_than_the_kustomizations_timeout_is_warned_about() -> None:
    world = four(Rollback(Amount(1), timedelta(minutes=1))).push("b").settle_controllers()
    assert any("rollback.progressDeadline is shorter than the timeout of Kustomization" in line for line in world.log)


def test_a_way_back_that_takes_too_long_is_rollback_failed() -> None:
    world = rejected(four())
    for name in ("west", "b", "c", "d"):
        world = world.with_member(name, ready="Unknown")
    world = world.settle_controllers().later(minutes=31).settle_controllers()
    assert world.run.phase == "RollbackIncomplete"
    assert "rollback.progressDeadline has passed" in entry(world, "west").message


def test_a_foreign_pin_is_not_overwritten_on_the_way_back_either() -> None:
    world = rejected(four()).with_member("west", pin="e" * 40, drift="kubectl-edit")
    world, pins = changes(world)
    assert ("west", P) not in pins
    assert hold(world) == ("DeliveryDrift", "west")
    assert world.later(hours=3).settle().run.phase == "RollingBack", "a person's part stops the clock"
    from volary.fleet.names import TAKE_PIN

    assert world.annotate_run(TAKE_PIN, "west").settle().run.phase == "RolledBack"


def test_after_a_rollback_current_is_what_was_good_everywhere_before() -> None:
    world = installed().push("b").settle()
    assert world.status.current is not None
    assert world.status.current.commit == R
    back = world.say("Rollback").settle()
    assert back.status.current is not None
    assert back.status.current.commit == P
    assert back.run.phase == "RolledBack"


def test_the_way_back_begins_within_one_pass_of_the_failure_and_nothing_new_is_dispatched() -> None:
    world = spec_with(max_concurrency=Amount(2)).with_member("b", fails=True).push("b").settle()
    assert entry(world, "d").dispatched_at is None
    assert set(world.pins().values()) == {P}
