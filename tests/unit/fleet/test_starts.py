"""What starts a run (first section of the interface): each test is one of its sentences."""

from __future__ import annotations

from dataclasses import replace

from msgspec.structs import replace as with_fields

from tests.unit.fleet.world import NO_STATUS, P, R, S, World, commit, fleet, installed
from volary.fleet.names import BY, REASON, RETRY
from volary.fleet.starting import next_name


def condition(world: World, kind: str) -> tuple[str, str]:
    found = next(entry for entry in world.status.conditions if entry.type == kind)
    return found.status, found.reason


def message(world: World, kind: str) -> str:
    return next(entry.message for entry in world.status.conditions if entry.type == kind)


def failing(world: World, name: str) -> World:
    return world.with_member(name, fails=True)


def test_a_run_is_due_when_the_hubs_commit_differs_from_handled() -> None:
    world = installed()
    assert not world.runs
    assert [run.name for run in world.push("b").settle_controllers().runs] == ["podinfo-bbbbbbb"]


def test_handled_is_written_right_after_a_run_has_been_created() -> None:
    world = installed().push("b")
    while not world.runs:
        after = world.one_pass()
        assert after is not None
        world = after
    assert world.status.handled == P
    after = world.one_pass()
    assert after is not None
    assert after.settle_controllers().status.handled == R


def test_a_crash_between_the_run_and_handled_makes_no_second_run() -> None:
    world = installed().push("b")
    while not world.runs:
        world = world.one_pass() or world
    assert len(world.settle().runs) == 1


def test_at_the_creation_handled_is_the_hubs_commit_of_that_moment_so_creating_moves_nothing() -> None:
    world = fleet("west", "east", source=R).settle()
    assert world.status.handled == R
    assert not world.runs
    assert world.pins() == {"west": P, "east": P}, "each stays at what it had observed"


def test_deleting_a_fleetrollout_and_creating_it_again_moves_nothing() -> None:
    world = failing(installed(), "east").push("b").settle()
    again = replace(world, status=NO_STATUS, runs=()).settle()
    assert again.pins() == {"west": P, "east": P}
    assert not again.runs


def test_the_first_installation_is_the_first_pins_and_not_a_run() -> None:
    world = installed()
    assert world.pins() == {"west": P, "east": P}
    assert world.status.current is not None
    assert (world.status.current.commit, world.status.current.run) == (P, "")
    assert not world.runs


def test_one_run_is_active_at_a_time_and_a_commit_that_arrives_meanwhile_waits() -> None:
    world = installed().push("b").settle_controllers().push("c").settle_controllers()
    assert len(world.runs) == 1
    assert world.status.queued is not None
    assert world.status.queued.commit == S


def test_after_the_run_the_hubs_commit_of_that_moment_decides_so_of_several_the_newest_wins() -> None:
    world = installed().push("b").settle_controllers().push("c").settle_controllers().push("d").settle()
    assert [run.run.commit for run in world.runs] == [R, commit("d")]
    assert world.status.queued is None


def test_of_several_commits_the_newest_may_contain_a_bad_one_as_an_ancestor() -> None:
    world = replace(installed().push("b").settle_controllers(), bad=frozenset({R})).push("c").settle()
    assert world.status.is_bad(R)
    assert world.runs[-1].run.commit == S
    assert world.run.phase == "Succeeded"


def test_a_commit_is_bad_when_a_canary_failed_at_it() -> None:
    assert failing(installed(), "west").push("b").settle().status.is_bad(R)


def test_a_commit_is_bad_when_a_kustomization_failed_at_it() -> None:
    world = installed().push("b").settle_controllers()
    world = world.with_member("west", applied=R, ready="False", ready_reason="BuildFailed").settle_controllers()
    assert world.status.is_bad(R)
    assert world.run.cluster("west").failure == "BuildFailed"  # type: ignore[union-attr]


def test_a_commit_is_bad_when_a_person_took_it_back() -> None:
    assert installed().push("b").settle().say("Rollback").settle().status.is_bad(R)


def test_a_commit_is_not_bad_by_abort() -> None:
    world = installed().push("b").settle_controllers().say("Abort").settle()
    assert world.run.phase == "Aborted"
    assert not world.status.bad


def test_a_commit_is_not_bad_because_a_cluster_was_unreachable() -> None:
    world = installed().with_member("west", reachable=False).push("b").settle_controllers()
    world = world.later(hours=1).settle_controllers()
    assert not world.status.bad
    assert world.run.hold is not None
    assert world.run.hold.reason == "ClusterUnreachable"


def test_the_mark_is_written_before_the_first_pin_of_the_way_back() -> None:
    world = failing(installed(), "west").push("b")
    marked_at_pin = []
    for _ in range(200):
        after = world.one_pass() or next(world.environment(), None)
        if after is None:
            break
        if world.member("west").pin == R and after.member("west").pin == P:
            marked_at_pin.append(world.status.is_bad(R))
        world = after
    assert marked_at_pin == [True]


def test_a_bad_commit_starts_no_run_and_git_is_ahead() -> None:
    world = failing(installed(), "west").push("b").settle()
    assert len(world.runs) == 1
    assert condition(world, "GitAhead") == ("True", "RevisionMarkedBad")
    assert "rejected, Git ahead of cluster" in message(world, "GitAhead")
    elsewhere = world.push("c").with_member("west", fails=False).settle().push("b").settle()
    assert [run.run.commit for run in elsewhere.runs] == [R, S], "also when it comes back later"


def test_the_same_content_under_a_new_commit_is_another_revision() -> None:
    world = failing(installed(), "west").push("b").settle().with_member("west", fails=False).push("c").settle()
    assert world.run.phase == "Succeeded"


def test_retry_clears_the_mark_with_who_and_why_and_makes_run_2() -> None:
    world = failing(installed(), "west").push("b").settle().with_member("west", fails=False)
    world = world.annotate(RETRY, R).annotate(BY, "ann").annotate(REASON, "flaky test").settle()
    assert [run.name for run in world.runs] == ["podinfo-bbbbbbb", "podinfo-bbbbbbb-2"]
    assert world.run.phase == "Succeeded"
    assert not world.status.is_bad(R)
    decision = world.status.decisions[-1]
    assert (decision.by, decision.reason, decision.state) == ("ann", "flaky test", f"retry {R}")
    assert not world.annotations, "each is taken once and removed"


def test_retry_takes_the_first_digits_of_a_commit() -> None:
    world = failing(installed(), "west").push("b").settle().with_member("west", fails=False)
    assert world.annotate(RETRY, R[:7]).settle().run.phase == "Succeeded"


def test_a_second_retry_after_the_first_makes_run_3() -> None:
    world = failing(installed(), "west").push("b").settle()
    world = world.annotate(RETRY, R).settle().annotate(RETRY, R).settle()
    assert [run.name for run in world.runs][-1] == "podinfo-bbbbbbb-3"


def test_active_run_and_queued_are_derived_again_by_a_controller_that_starts() -> None:
    world = installed().push("b").settle_controllers().push("c").settle_controllers()
    lost = replace(world, status=with_fields(world.status, active_run="", queued=None)).settle_controllers()
    assert lost.status.active_run == "podinfo-bbbbbbb"
    assert lost.status.queued is not None
    assert lost.settle().run.phase == "Succeeded"


def test_a_commit_whose_run_failed_without_being_bad_is_handled_too() -> None:
    world = installed().push("b").settle_controllers()
    world = world.later(hours=1).settle_controllers().settle()  # west's Flux stood still: the deadline passed
    assert world.run.phase == "RolledBack"
    assert not world.status.bad
    assert condition(world, "GitAhead") == ("True", "RunFailed")
    assert len(world.settle().runs) == 1, "until a retry or a newer commit"
    assert world.push("c").settle().run.phase == "Succeeded"


def test_suspend_starts_no_new_run_and_the_active_one_goes_on() -> None:
    world = installed().push("b").settle_controllers()
    asleep = replace(world, spec=replace(world.spec, suspend=True)).push("c").settle()
    assert [run.status.phase for run in asleep.runs] == ["Succeeded"]
    assert condition(asleep, "GitAhead") == ("True", "Suspended")
    assert condition(asleep, "Ready") == ("True", "Suspended")
    assert len(replace(asleep, spec=replace(asleep.spec, suspend=False)).settle().runs) == 2


def test_a_runs_name_has_seven_digits_and_twelve_where_two_commits_share_seven() -> None:
    first, second = "1234567" + "a" * 33, "1234567" + "b" * 33
    world = installed().push(first).settle().push(second).settle()
    assert [run.name for run in world.runs] == ["podinfo-1234567", "podinfo-1234567bbbbb"]


def test_a_force_push_back_to_an_old_commit_is_a_run_of_its_own() -> None:
    world = installed().push("b").settle().push("a").settle()
    assert [run.run.commit for run in world.runs] == [R, P]
    assert world.pins() == {"west": P, "east": P}


def test_history_keeps_the_limit_and_the_newest_that_succeeded() -> None:
    world = installed()
    world = replace(world, spec=replace(world.spec, history_limit=2)).push("b").settle()
    world = world.with_member("west", fails=True)
    for letter in "cdef":
        world = world.push(letter).settle()
    phases = [run.status.phase for run in world.runs]
    assert phases == ["Succeeded", "RolledBack", "RolledBack"]
    assert [run.number for run in world.runs] == [1, 4, 5], "numbers go on"


def test_a_name_of_a_run_that_was_cleaned_up_does_not_come_again_before_a_later_one() -> None:
    assert next_name("podinfo-b", {"podinfo-a", "podinfo-a-2"}) == "podinfo-b"
    assert next_name("podinfo-b", {"podinfo-b"}) == "podinfo-b-2"
    assert next_name("podinfo-b", {"podinfo-b-3"}) == "podinfo-b-4"
    assert next_name("podinfo-b", {"podinfo-b", "podinfo-b-9", "podinfo-b-10"}) == "podinfo-b-11"
