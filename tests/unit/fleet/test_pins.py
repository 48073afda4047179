"""Pins (second section of the interface): each test is one of its sentences."""

from __future__ import annotations

from dataclasses import replace

from msgspec.structs import replace as with_fields

from tests.unit.fleet.test_dispatch import entry, hold
from tests.unit.fleet.test_starts import condition, message
from tests.unit.fleet.world import OWNER, Member, P, R, World, fleet, installed, rollout
from volary.fleet.facts import Look
from volary.fleet.names import TAKE_PIN


def joined(world: World, name: str, **changes: object) -> World:
    member = replace(Member(uid="u9"), **changes)  # type: ignore[arg-type]
    return replace(world, members=tuple(sorted((*world.members, (name, member)))))


def without(world: World, name: str) -> World:
    return replace(world, members=tuple(pair for pair in world.members if pair[0] != name))


def test_a_pin_that_is_gone_is_put_back_with_a_warning() -> None:
    world = installed().with_member("west", pin="", owner="").settle_controllers()
    assert world.member("west").pin == P
    assert world.log[-1] == "west: the pin to aaaaaaa was gone and is put back"


def test_a_pin_that_is_gone_in_mid_run_is_put_back_with_a_warning() -> None:
    world = installed().push("b").settle_controllers().with_member("east", pin="", owner="").settle_controllers()
    assert world.member("east").pin == P
    assert "east: the pin to aaaaaaa was gone and is put back" in world.log


def test_a_pin_of_another_manager_holds_the_run_and_nothing_is_overwritten() -> None:
    other = "e" * 40
    world = installed().with_member("west", pin=other, drift="kubectl-edit").push("b").settle_controllers()
    assert hold(world) == ("DeliveryDrift", "west")
    assert world.member("west").pin == other
    assert world.run.hold is not None
    assert 'set by "kubectl-edit"' in world.run.hold.message
    assert world.run.hold.unblock == "volary resume podinfo --take-pin west"


def test_take_pin_releases_it() -> None:
    world = installed().with_member("west", pin="e" * 40, drift="kubectl-edit").push("b").settle_controllers()
    world = world.annotate_run(TAKE_PIN, "west").settle()
    assert world.run.phase == "Succeeded"
    assert world.run.decisions[0].state == "take-pin west"
    assert not entry(world, "west").take_pin, "the word is used up"
    again = world.with_member("west", pin="e" * 40, drift="kubectl-edit").settle()
    assert again.member("west").pin == "e" * 40, "a second drift needs a second word"


def test_take_pin_without_a_run_is_asked_of_the_fleetrollout() -> None:
    world = installed().with_member("west", pin="e" * 40, drift="kubectl-edit").settle()
    assert "`volary resume podinfo --take-pin west` overwrites it" in message(world, "Ready")
    world = world.annotate(TAKE_PIN, "west").settle()
    assert world.member("west").pin == P
    assert not world.status.member("west").take_pin  # type: ignore[union-attr]
    assert not world.annotations


def test_pinned_by_another_fleetrollout_is_invalid_spec() -> None:
    world = fleet("west", "east").with_member("west", owner="apps/other", pin=R).settle()
    assert condition(world, "Ready") == ("False", "InvalidSpec")
    assert "pinned by FleetRollout apps/other; allowed: one FleetRollout for each GitRepository" in message(
        world, "Ready"
    )
    assert world.member("west").pin == R
    assert not world.push("b").settle().runs, "and starts no run"


def test_the_first_pin_is_the_commit_that_the_members_repository_has_observed() -> None:
    world = fleet("west", "east", source=R).with_member("west", branch=R, applied=R, primary=R).settle()
    assert world.pins() == {"west": R, "east": P}
    assert world.status.current is None, "not one commit everywhere yet"


def test_the_first_pin_is_else_the_hubs() -> None:
    world = fleet("west", "east", source=R).with_member("west", branch="").settle_controllers()
    assert world.member("west").pin == R


def test_once_there_is_a_current_a_newcomer_is_pinned_to_that() -> None:
    world = joined(installed(), "north", branch=R, applied=R, primary=R).settle()
    assert world.member("north").pin == P
    assert world.member("north").primary == P


def test_a_first_pin_is_never_a_bad_commit() -> None:
    world = installed()
    from volary.fleet.progress import Bad

    bad = replace(world, status=with_fields(world.status, bad=(Bad(P),)))
    assert joined(bad, "north").settle().member("north").pin == ""


def test_a_cluster_that_joins_belongs_to_no_active_run() -> None:
    world = joined(installed().push("b").settle_controllers(), "north").settle_controllers()
    assert world.run.cluster("north") is None
    assert world.member("north").pin == P, "never the active run's commit"


def test_a_newcomer_is_brought_to_current_when_no_run_is_active() -> None:
    world = joined(installed().push("b").settle_controllers(), "north").settle()
    assert world.member("north").pin == R
    assert world.member("north").primary == R
    assert world.status.member("north").proven == R  # type: ignore[union-attr]
    assert len(world.runs) == 1, "through its canary, and without a run"


def test_newcomers_come_one_at_a_time_in_the_order_of_the_stages() -> None:
    world = installed().push("b").settle_controllers()
    world = joined(joined(world, "alpha"), "omega", ring="first").settle_controllers()
    order = []
    for _ in range(300):
        after = world.one_pass() or next(world.environment(), None)
        if after is None:
            break
        order += [
            name
            for name, member in after.members
            if name in ("alpha", "omega") and member.pin == R != world.member(name).pin
        ]
        world = after
    assert order == ["omega", "alpha"], "omega is in the first stage"


def test_a_member_that_a_run_has_dispatched_is_no_newcomer() -> None:
    world = joined(installed(), "north", fails=True).settle()
    spec = rollout(
        *world.spec.stages[:1],
        replace(world.spec.stages[1], max_failures=replace(world.spec.stages[1].max_failures, value=1)),
    )
    world = replace(world, spec=spec).push("b").settle()
    assert world.run.phase == "Succeeded"
    assert world.member("north").pin == P, "it failed in the run, and is not brought there again by itself"


def test_a_cluster_deleted_in_mid_run_is_left_counted_neither_way_and_its_pin_is_kept() -> None:
    world = without(installed().push("b").settle_controllers(), "east").settle()
    assert entry(world, "east").phase == "Left"
    assert world.run.phase == "Succeeded"
    assert world.run.verified == "1/1"


def test_a_cluster_that_was_built_anew_has_nothing_proven() -> None:
    world = installed().with_member("west", uid="u2", pin="", owner="").settle_controllers()
    assert "west was built anew: what was proven there is void" in world.log
    assert world.settle().status.member("west").proven == P  # type: ignore[union-attr]


def test_the_hubs_own_source_object_is_refused_with_the_way_out() -> None:
    world = installed()
    facts = world.rollout_facts()
    looks = {**facts.looks, "west": replace(facts.looks["west"], is_source=True)}
    ready = ready_with(world, looks)
    assert ready[:2] == ("False", "MemberNotPrepared")
    assert "the hub's own source object" in ready[2]
    assert "give the application a GitRepository of its own" in ready[2]


def test_a_repository_that_feeds_the_kustomization_by_which_it_is_applied_is_refused() -> None:
    world = fleet("west", "east")
    looks = world.looks()
    there = looks["west"].repository
    assert there is not None
    bootstrap = replace(looks["west"], repository=replace(there, applied_by="flux-system/flux-system"))
    ready = ready_with(world, {**looks, "west": bootstrap})
    assert "it feeds Kustomization flux-system/flux-system, which applies it" in ready[2]


def test_other_kustomizations_that_the_pin_moves_are_named_in_the_ready_message() -> None:
    world = installed()
    looks = world.looks()
    there = looks["west"].repository
    assert there is not None
    feeding = replace(looks["west"], repository=replace(there, feeds=("apps/cache",)))
    assert "west: the pin moves Kustomization apps/cache too" in ready_with(world, {**looks, "west": feeding})[2]


def ready_with(world: World, looks: dict[str, Look]) -> tuple[str, str, str]:
    from volary.fleet.conditions import ready_of

    return ready_of(replace(world.rollout_facts(), looks=looks), world.status)


def test_a_selector_that_matches_no_cluster_says_so_and_changes_nothing() -> None:
    world = replace(fleet(), source=R).settle()
    assert condition(world, "Ready") == ("False", "NoClusterSelected")


def test_two_stages_that_name_one_cluster_are_invalid_and_start_nothing() -> None:
    from tests.unit.fleet.world import stage

    world = installed()
    twice = replace(world, spec=rollout(stage("one", "first"), stage("two", "first"), stage("rest"))).push("b").settle()
    assert condition(twice, "Ready") == ("False", "InvalidSpec")
    assert 'Cluster west is selected by stages "one" and "two"' in message(twice, "Ready")
    assert not twice.runs


def test_a_cluster_in_no_stage_is_named() -> None:
    from tests.unit.fleet.world import stage

    world = replace(installed(), spec=rollout(stage("one", "first"))).settle()
    assert condition(world, "Ready") == ("False", "ClusterInNoStage")
    assert "no stage selects east" in message(world, "Ready")


def test_the_owner_stands_on_every_pinned_repository() -> None:
    assert {member.owner for _, member in installed().members} == {OWNER}


def test_status_members_says_what_is_pinned_and_proven() -> None:
    world = installed().push("b").settle()
    assert [(m.name, m.pinned, m.proven) for m in world.status.members] == [("east", R, R), ("west", R, R)]
