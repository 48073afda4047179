"""People (fifth section of the interface), and letting go: each test is one of their sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.fleet.test_dispatch import entry, hold
from tests.unit.fleet.world import P, R, World, installed
from volary.fleet.names import RELEASE_PINS, TAKE_PIN
from volary.fleet.plan import RemoveFinalizer


def in_flight() -> World:
    """Return the moment when west's canary measures R."""
    world = installed().push("b").settle_controllers()
    while world.member("west").phase != "Progressing":
        world = world.one_pass() or next(world.environment())
    return world.settle_controllers()


def states(world: World) -> list[str]:
    return [decision.state for decision in world.run.decisions]


def test_run_and_pause_in_turn() -> None:
    world = in_flight()
    for word in ("Pause", "Run", "Pause", "Run"):
        world = world.say(word).settle_controllers()
    assert states(world) == ["Pause", "Run", "Pause", "Run"]
    assert world.settle().run.phase == "Succeeded"


def test_pause_dispatches_nothing_new_and_canaries_in_flight_go_on() -> None:
    world = in_flight().say("Pause").settle()
    assert entry(world, "west").phase == "Verified"
    assert entry(world, "east").dispatched_at is None
    assert world.run.phase == "Paused"
    assert hold(world) == ("PausedByUser", "")
    assert world.run.hold is not None
    assert world.run.hold.unblock == "volary resume podinfo"
    assert world.say("Run").settle().run.phase == "Succeeded"


def test_pause_holds_a_way_back_only_if_given_during_it() -> None:
    failing = in_flight().say("Pause").settle_controllers().with_member("west", fails=True)
    assert failing.settle().run.phase == "RolledBack", "the Pause was said before it"
    back = in_flight().say("Rollback")
    while back.run.rollback is None:
        back = back.one_pass() or back
    held = back.say("Pause").settle()
    assert held.run.phase == "RollingBack"
    assert held.member("west").pin == R
    assert hold(held) == ("PausedByUser", "")
    assert held.say("Run").settle().run.phase == "RolledBack"


def test_abort_ends_the_run_where_it_is_pins_stay_and_the_fleetrollout_is_suspended() -> None:
    world = in_flight().say("Abort", "ann", "wrong day").settle()
    assert world.run.phase == "Aborted"
    assert world.pins() == {"west": R, "east": P}
    assert world.spec.suspend
    assert len(world.push("c").settle().runs) == 1, "nothing starts by itself"
    assert any("`volary rollback` stops them" in line for line in world.log)


def test_abort_does_not_stop_a_canary_in_flight() -> None:
    world = in_flight().say("Abort").settle()
    assert world.member("west").primary == R


def test_the_fleetrollout_is_suspended_before_the_run_ends() -> None:
    world = in_flight().say("Abort")
    while not world.run.ended:
        suspended = world.spec.suspend
        world = world.one_pass() or world
    assert suspended


def test_abort_from_pause() -> None:
    assert in_flight().say("Pause").settle_controllers().say("Abort").settle().run.phase == "Aborted"


@pytest.mark.parametrize("before", ["Pause", "Abort"])
def test_rollback_from_all(before: str) -> None:
    world = in_flight().say(before).settle_controllers().say("Rollback").settle()
    assert world.run.phase == "RolledBack"
    assert world.pins() == {"west": P, "east": P}


def test_rollback_of_an_ended_run_only_for_the_newest() -> None:
    world = installed().push("b").settle().push("c").settle()
    old = world.runs[0]
    asked = world.with_run(replace(old, run=replace(old.run, state=type(old.run.state)("Rollback")))).settle()
    assert asked.runs[0].status.phase == "Succeeded"
    refusal = asked.runs[0].status.decisions[-1]
    assert refusal.state == "refused: Rollback"
    assert "newest" in refusal.reason
    assert world.say("Rollback").settle().pins() == {"west": R, "east": R}


def test_pause_of_an_ended_run_is_refused_with_a_sentence() -> None:
    world = installed().push("b").settle().say("Pause").settle()
    assert states(world) == ["refused: Pause"]
    assert any("Pause is refused: the run has ended" in line for line in world.log)


def test_run_after_abort_is_refused() -> None:
    world = in_flight().say("Abort").settle().say("Run").settle()
    assert states(world) == ["Abort", "refused: Run"]
    assert world.run.phase == "Aborted"


def test_once_a_way_back_has_begun_a_run_never_goes_forward_again() -> None:
    back = in_flight().say("Rollback")
    while back.run.rollback is None:
        back = back.one_pass() or back
    world = back.say("Run").settle()
    assert world.run.phase == "RolledBack"
    assert world.pins() == {"west": P, "east": P}


def test_each_word_is_kept_in_decisions_when_who_why() -> None:
    world = in_flight().later(seconds=5).say("Pause", "ann", "lunch").settle_controllers()
    decision = world.run.decisions[-1]
    assert (decision.at, decision.by, decision.state, decision.reason) == (world.now, "ann", "Pause", "lunch")
    assert not world.runs[-1].annotations, "who and why do not stand there for the next word"


def test_a_persons_stop_comes_before_everything_else_that_is_due() -> None:
    world = installed().push("b").settle_controllers().say("Pause")
    plan = world.run_plan(world.runs[-1])
    assert plan.because == "Pause was asked for"


def test_a_word_for_a_cluster_that_takes_no_part_is_refused_and_removed() -> None:
    world = in_flight().annotate_run(TAKE_PIN, "mars").settle_controllers()
    assert not world.runs[-1].annotations
    assert any("mars takes no part" in line for line in world.log)


# -- letting go


def deleted(world: World, release: bool = False) -> World:
    world = replace(world, deleted_at=world.now)
    return world.annotate(RELEASE_PINS, "true") if release else world


def test_deleting_a_fleetrollout_keeps_the_pins() -> None:
    world = deleted(installed()).settle()
    assert world.gone
    assert world.pins() == {"west": P, "east": P}


def test_deleting_a_fleetrollout_stops_dispatch_at_once() -> None:
    world = deleted(installed().push("b").settle_controllers())
    plan = world.run_plan(world.runs[-1])
    assert plan.because == "the FleetRollout is being deleted: nothing is dispatched"
    assert not plan.actions


def test_release_pins_gives_the_fields_up_and_each_member_follows_its_own_branch() -> None:
    world = deleted(installed(), release=True).with_member("west", branch=R).settle()
    assert world.gone
    assert world.pins() == {"west": "", "east": ""}
    assert world.member("west").applied == R


def test_unreachable_members_are_waited_for_until_the_deadline_then_named_in_an_event() -> None:
    world = deleted(installed().with_member("west", reachable=False), release=True).settle()
    assert not world.gone
    assert world.pins() == {"west": P, "east": ""}
    back = world.later(minutes=10).with_member("west", reachable=True).settle()
    assert back.gone
    assert back.pins()["west"] == ""
    late = world.later(minutes=30).settle()
    assert late.gone
    assert any("the pin is kept in west" in line for line in late.log)


def test_the_finalizer_is_there_before_anything_is_pinned() -> None:
    from tests.unit.fleet.world import fleet

    world = replace(fleet("west", "east"), finalizer=False)
    first = next(iter(world.apply(world.rollout_plan(), None)))
    assert first.finalizer
    assert first.pins() == {"west": "", "east": ""}


def test_an_object_that_is_going_and_has_no_finalizer_of_ours_is_left_alone() -> None:
    world = replace(deleted(installed()), finalizer=False)
    assert not world.rollout_plan().actions


def test_look_again_when_the_deadline_of_letting_go_has_passed() -> None:
    world = deleted(installed().with_member("west", reachable=False), release=True).settle()
    assert world.rollout_plan().look_again_at == world.now + timedelta(minutes=30)
    assert RemoveFinalizer() not in world.rollout_plan().actions


def test_a_pin_that_is_ours_already_is_not_taken_again_and_again() -> None:
    world = in_flight().annotate_run(TAKE_PIN, "west").settle_controllers()
    assert states(world) == []
    assert not entry(world, "west").take_pin
