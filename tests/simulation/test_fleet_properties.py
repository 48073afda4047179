"""Random fleets, plans and faults: the invariants hold on every move, and everything comes to rest once faults end.

| | what | where |
|---|---|---|
| I1 | never more than maxConcurrency between dispatched and done | `check_run` |
| I2 | no cluster of a stage before the stages in front of it are done | `check_dispatch` |
| I3 | every cluster in exactly one stage | `test_every_cluster_falls_into_exactly_one_stage` |
| I4 | verified only if proven at the run's commit, seen after the dispatch | `check_run` |
| I5 | soak begins with the last proof | `test_soak_begins_with_the_last_proof` |
| I6 | over the budget nothing new is dispatched | `check_dispatch` |
| I7, I8 | Succeeded means within the budget, and somewhere | `check_rest` here |
| I9, I10 | the way back visits who was dispatched, ends at each one's own, needs all | `check_end`, `check_rest` here |
| I13 | a crash at any point, a stale write: same end | every state of the walk is between two writes; `stale` |
| I16 | a newer commit never overtakes an older one | `check_rest` here: runs in order, one at a time |
| I17 | a bad commit is never dispatched | `check_dispatch` |
| I22 | revisions partition the members | `check_shown` |
| I23, I24 | what stands still has a hold, and each hold a way out | `check_shown`, `check_rest` here |
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulation.fleet_explorer import check_end, check_move, steps
from tests.unit.fleet.world import OWNER, Member, World, commit, rollout, stage
from volary.fleet.budget import entries, failures
from volary.fleet.facts import Look
from volary.fleet.plan import Pin
from volary.fleet.spec import Amount, OnFailure, Requirement, Rollback, Rollout, Selector
from volary.fleet.stages import assign

RINGS = ("one", "two", "")
SLOW = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

amounts = st.builds(Amount, st.integers(0, 3)) | st.builds(Amount, st.integers(0, 100), st.just(True))


@st.composite
def plans(draw: st.DrawFn) -> Rollout:
    """A rollout of two stages by ring, and the rest."""
    stages = [
        stage(
            ring or "rest",
            ring,
            max_concurrency=draw(amounts),
            max_failures=draw(st.just(Amount(0)) | amounts),
            soak=timedelta(minutes=draw(st.sampled_from([0, 0, 10]))),
        )
        for ring in RINGS
    ]
    back = Rollback(draw(amounts), timedelta(minutes=30))
    return rollout(*stages, on_failure=draw(st.sampled_from(list(OnFailure))), rollback=back)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A fleet on which the first commit is proven, with canaries that fail here and there."""
    count = draw(st.integers(1, 6))
    members = tuple((f"c{i}", Member(ring=draw(st.sampled_from(RINGS)), uid=f"u{i}")) for i in range(count))
    world = World(draw(plans()), members).settle()
    for name, _ in world.members:
        world = world.with_member(name, fails=draw(st.integers(0, 3)) == 0)
    return replace(world, bad=frozenset(draw(st.sets(st.sampled_from([commit("b"), commit("c")]), max_size=1))), log=())


def disturbed(world: World, rng: Random) -> World:
    """Return the world after one thing that went wrong, or that a person did."""
    name, member = rng.choice(world.members)
    choice = rng.randrange(12)
    if choice == 0:
        return world.push(rng.choice("bcd"))
    if choice == 1 and world.runs and world.run.phase:
        return world.say(rng.choice(["Run", "Pause", "Abort", "Rollback"]))
    if choice == 2:
        return world.later(minutes=rng.choice([1, 10, 31]))
    if choice == 3 and not member.drift:
        return world.with_member(name, pin="", owner="", version=member.version + 1)
    if choice == 4 and member.owner == OWNER and rng.random() < 0.3:
        return world.with_member(name, pin=commit("e"), drift="kubectl", version=member.version + 1)
    if choice == 5 and len(world.members) > 1 and rng.random() < 0.2:
        return replace(world, members=tuple(pair for pair in world.members if pair[0] != name))
    if choice == 6 and rng.random() < 0.2:
        return world.with_member(name, uid=f"{member.uid}x", pin="", owner="")
    if choice == 7 and rng.random() < 0.2 and "n0" not in dict(world.members):
        return replace(world, members=(*world.members, ("n0", Member(ring=rng.choice(RINGS), uid="n0"))))
    if choice == 8:
        return world.with_member(name, suspended=not member.suspended)
    if choice == 9:
        return world.with_member(name, ready=rng.choice(["True", "Unknown"]))
    return world.with_member(name, reachable=not member.reachable)


def walk(world: World, rng: Random, length: int) -> World:
    """Let everything happen in a random order; every move must be safe."""
    stale: list[Pin] = []
    for _ in range(length):
        choices = [after for _, after in steps(world)]
        if not choices or rng.random() < 0.15:
            world = disturbed(world, rng)
            continue
        if stale and rng.random() < 0.2:  # a former leader wakes up and writes what it had decided
            pin = rng.choice(stale)
            if pin.cluster in dict(world.members):
                after = world.pinned(pin)
                assert after == world or str(world.member(pin.cluster).version) == pin.version
        stale += [a for run in world.runs for a in world.run_plan(run).actions if isinstance(a, Pin)]
        after = rng.choice(choices)
        check_move(world, after)
        world = after
    return world


def mended(world: World) -> World:
    """Return the world with all faults over: a person has put everything right."""
    for name, member in world.members:
        pin, owner = ("", "") if member.drift else (member.pin, member.owner)
        world = world.with_member(
            name,
            reachable=True,
            suspended=False,
            ready="True",
            drift="",
            pin=pin,
            owner=owner,
            version=member.version + 1,
        )
    return world


def brought_to_rest(world: World) -> World:
    """Let everybody work, and time pass where a hold says until when; every move must be safe."""
    quiet = 0
    for _ in range(3000):
        after = next((after for _, after in steps(world)), None)
        if after is not None:
            check_move(world, after)
            quiet = 0
        else:
            hold = world.run.hold if world.runs and not world.run.ended else None
            quiet += 1
            if quiet > 2 and (hold is None or hold.until is None):
                return world
            after = replace(world, now=max((hold and hold.until) or world.now, world.now + timedelta(minutes=3)))
        world = after
    raise AssertionError(f"no rest: {world.log[-6:]}")


def check_rest(world: World) -> None:
    """What must hold once everything has come to rest."""
    assert [run.number for run in world.runs] == sorted(run.number for run in world.runs)
    assert all(run.status.ended for run in world.runs[:-1]), "one run at a time"
    if not world.runs:
        return
    run = world.runs[-1]
    if not run.status.ended:
        assert run.status.hold is not None, f"stands still without a hold: {run.status}"
        return
    check_end(world)
    there = [entry for entry in run.status.clusters if entry.phase != "Left"]
    if run.status.phase == "Succeeded":
        for each in run.run.stages:
            assert len(failures(run.status, each)) <= each.max_failures
            assert all(entry.phase == "Verified" or entry.failure for entry in entries(run.status, each))
    if run.status.phase == "RolledBack":
        assert not any(entry.phase in ("RollbackFailed", "RollingBack", "Verified") for entry in there)
    if run.status.phase == "RollbackIncomplete":
        assert any(entry.name in run.status.summary for entry in there if entry.phase == "RollbackFailed")


@SLOW
@given(worlds(), st.integers(0, 2**32))
def test_random_fleets_plans_and_faults(world: World, seed: int) -> None:
    rng = Random(seed)
    world = walk(world.push("b"), rng, 120)
    check_rest(brought_to_rest(mended(world)))


@SLOW
@given(plans(), st.lists(st.sampled_from(RINGS), min_size=1, max_size=12))
def test_every_cluster_falls_into_exactly_one_stage(plan: Rollout, rings: list[str]) -> None:
    looks = {f"c{i}": Look(f"c{i}", labels={"ring": ring}) for i, ring in enumerate(rings)}
    assert sorted(assign(plan, looks).order) == sorted(looks)


@SLOW
@given(st.lists(st.sampled_from(["a", "b", "ab", ""]), min_size=1, max_size=8))
def test_an_overlap_of_stages_is_found_whoever_comes_first(labels: list[str]) -> None:
    stages = [replace(stage(x), selector=Selector((Requirement(x, "Exists"),))) for x in "ab"]
    looks = {f"c{i}": Look(f"c{i}", labels=dict.fromkeys(text, "")) for i, text in enumerate(labels)}
    found = assign(rollout(*stages), looks)
    expected = "InvalidSpec" if "ab" in labels else "ClusterInNoStage" if "" in labels else ""
    assert found.reason == expected


@SLOW
@given(st.integers(0, 120), st.integers(1, 60))
def test_soak_begins_with_the_last_proof(late: int, soak: int) -> None:
    plan = rollout(stage("all", soak=timedelta(minutes=soak), max_concurrency=Amount(2)), stage("rest", "none"))
    world = World(plan, (("a", Member()), ("b", Member()))).settle().push("b").settle_controllers()
    first = next(w for w in iter_until(world, "a"))
    later = first.later(minutes=min(late, 25)).settle()
    hold = later.run.hold
    assert hold is not None
    verified = [entry.verified_at for entry in later.run.clusters if entry.verified_at is not None]
    assert hold.until == max(verified) + timedelta(minutes=soak)
    assert len(verified) == 2


def iter_until(world: World, name: str) -> list[World]:
    """Let only one member work until it is verified."""
    for _ in range(60):
        world = world.settle_controllers()
        entry = world.run.cluster(name)
        if entry is not None and entry.phase == "Verified":
            return [world]
        member = world.member(name)
        moved = member.flux() or member.canary(world.bad)
        assert moved is not None
        world = replace(world, members=tuple((n, moved if n == name else m) for n, m in world.members))
    raise AssertionError("not verified")
