"""All orders of events in a world of two stages and three clusters, with a crash after every write.

The controllers keep nothing in memory, so a crash is no move of its own: every state between two writes is a state of
the graph, from which anything may happen next. Each exploration allows one kind of disturbance, a bounded number of
times, at every moment.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

from tests.unit.fleet.world import OWNER, P, R, RunObject, World, fleet, rollout, stage
from volary.fleet.budget import dispatched, entries, is_bad, over
from volary.fleet.progress import BACK, ENDED, RunStatus
from volary.fleet.spec import Amount, OnFailure, Rollback, Run, State
from volary.fleet.turns import effective_state

NAMES = "abc"  # a is the first stage; b and c are the second

AFTER = {
    "Pending": {"Dispatched", "Failed", "Left", "Progressing"},
    "Dispatched": {"Pending", "Progressing", "Verified", "Failed", "Left", "RollingBack", "RollbackFailed"},
    "Progressing": {"Verified", "Failed", "Left", "RollingBack", "RollbackFailed"},
    "Verified": {"Left", "RollingBack", "RollbackFailed"},
    "Failed": {"Left", "RollingBack", "RollbackFailed", "Dispatched", "Progressing", "Pending"},
    "RollingBack": {"RolledBack", "RollbackFailed", "Left", "Failed"},
    "RolledBack": {"Left"},
    "RollbackFailed": {"Left", "Failed", "RollingBack"},
    "Left": set(),
}


@dataclass(frozen=True)
class Node:
    """A world, and how many disturbances may still come."""

    world: World
    left: int


Move = Callable[[World], Iterator[tuple[str, World]]]


@dataclass
class Exploration:
    """One kind of disturbance, explored to the end."""

    disturb: Move
    budget: int
    start: World
    seen: dict[Node, tuple[Node, str] | None] = field(default_factory=dict)
    moves: int = 0
    ends: dict[str, int] = field(default_factory=dict)

    def run(self) -> None:
        """Visit everything; raise AssertionError with the shortest way to the first bad state."""
        first = Node(self.start, self.budget)
        self.seen[first] = None
        queue = deque([first])
        while queue:
            node = queue.popleft()
            for name, after in self.successors(node):
                self.moves += 1
                try:
                    check_move(node.world, after.world)
                except AssertionError as problem:
                    raise AssertionError(f"{problem}\n" + "\n".join([*self.way(node), name])) from None
                if after not in self.seen:
                    self.seen[after] = (node, name)
                    queue.append(after)

    def way(self, node: Node) -> list[str]:
        steps = []
        at: Node | None = node
        while at is not None and (step := self.seen[at]) is not None:
            at, name = step
            steps.append(name)
        return steps[::-1]

    def successors(self, node: Node) -> Iterator[tuple[str, Node]]:
        yield from ((name, Node(after, node.left)) for name, after in steps(node.world))
        if node.left:
            yield from ((name, Node(after, node.left - 1)) for name, after in self.disturb(node.world))

    def helpful(self) -> None:
        """Check that from every state a world that helps comes to rest, and note where it ends."""
        good: dict[World, str] = {}
        for node in self.seen:
            trail: list[World] = []
            world = mended(node.world)
            while world not in good:
                trail.append(world)
                assert len(trail) < 500, "no rest: " + "\n".join([*self.way(node), *trail[-1].log[-5:]])
                after = next(helped(world), None)
                if after is None:
                    good[world] = self.check_rest(node, world)
                else:
                    world = after
            for each in trail:
                good[each] = good[world]
            self.ends[good[world]] = self.ends.get(good[world], 0) + 1

    def check_rest(self, node: Node, world: World) -> str:
        run = world.runs[-1].status if world.runs else RunStatus()
        if not world.runs:
            assert world.source == world.status.handled, self.way(node)
            return "no run"
        if run.phase in ENDED:
            check_end(world)
            return run.phase
        assert run.hold is not None, "\n".join([*self.way(node), f"at rest without a hold: {run}"])
        return f"{run.phase} {run.hold.reason}"


def steps(world: World) -> Iterator[tuple[str, World]]:
    """Yield what the program, Flux and the canaries may do next."""
    for run in world.runs:
        plan = world.run_plan(run)
        for after in world.apply(plan, run):
            if after != world:
                yield f"run: {plan.because}", after
    plan = world.rollout_plan()
    for after in world.apply(plan, None):
        if after != world:
            yield f"rollout: {plan.because}", after
    for name, member in world.members:
        for what, moved in (("flux", member.flux()), ("canary", member.canary(world.bad))):
            if moved is not None:
                members = tuple((n, moved if n == name else m) for n, m in world.members)
                yield f"{what} {name}", replace(world, members=members)


def mended(world: World) -> World:
    """Return the world with everybody reachable."""
    return replace(world, members=tuple((n, replace(m, reachable=True)) for n, m in world.members))


def helped(world: World) -> Iterator[World]:
    """Yield the next world where all do their work; time passes only when a hold says until when."""
    yield from (after for _, after in steps(world))
    if world.runs and not world.run.ended and world.run.hold is not None and world.run.hold.until is not None:
        yield replace(world, now=world.run.hold.until)


# -- what must hold


def check_move(before: World, after: World) -> None:
    """Safety of one move. Raises: AssertionError."""
    check_pins(before, after)
    for made in after.runs:
        old = next((run.status for run in before.runs if run.name == made.name), None)
        if old is not None and old is not made.status:
            check_run(before, after, made, old)


def check_pins(before: World, after: World) -> None:
    """A pin is written down before it is made; a commit goes nowhere else, and back only once it is marked."""
    run = after.runs[-1] if after.runs else None
    known = dict(before.members)
    for name, new in after.members:
        old = known.get(name)
        if old is None or run is None or old.pin == new.pin or new.owner != OWNER or new.drift:
            continue
        assert old.reachable, f"{name}: written while unreachable"
        commit, entry = run.run.commit, run.status.cluster(name)
        member = after.status.member(name)
        current = before.status.current.commit if before.status.current else ""
        if new.pin == commit and member is not None and (member.newcomer or current == commit or run.status.ended):
            continue  # a newcomer, or a pin that was gone
        if new.pin == commit:
            assert entry is not None, f"{name}: pinned without a run"
            assert entry.dispatched_at is not None, f"{name}: pinned and not dispatched"
            assert not before.status.is_bad(commit) or (entry.phase in ("Verified", "Failed") and not old.pin), (
                f"{name}: bad and pinned"
            )
            assert effective_state(run.status) is not State.ABORT, f"{name}: pinned after Abort"
        elif old.pin == commit and entry is not None and entry.uid == new.uid:
            sent_back = entry.phase in BACK or (entry.phase == "Failed" and run.status.rollback is not None)
            assert sent_back, f"{name}: taken back, and {entry.phase}"
            marked = not is_bad(run.run, run.status) or after.status.is_bad(commit)
            assert marked, f"{name}: goes back before the commit is marked bad"


def check_run(before: World, after: World, made: RunObject, old: RunStatus) -> None:
    new, commit = made.status, made.run.commit
    for was, now in zip(old.clusters, new.clusters, strict=False):
        if was.phase != now.phase:
            assert now.phase in AFTER[was.phase], f"{now.name}: {was.phase} -> {now.phase}"
        if was.phase == "Pending" and now.dispatched_at is not None:
            check_dispatch(before, made.run, old, now.name)
        if was.phase != "Verified" and now.phase == "Verified":
            member = before.member(now.name)
            proven = member.pin == member.applied == member.primary == commit and member.phase != "Progressing"
            assert proven, f"{now.name}: verified and not proven: {member}"
        if was.phase == "RollingBack" and now.phase == "RolledBack":
            member = before.member(now.name)
            assert member.pin == member.applied == member.primary == now.previous, f"{now.name}: not back: {member}"
    for each in made.run.stages:
        at_work = [entry for entry in entries(new, each) if entry.in_flight]
        assert len(at_work) <= each.max_concurrency, f"{[entry.name for entry in at_work]} at once"
    check_shown(new)


def check_dispatch(before: World, run: Run, old: RunStatus, name: str) -> None:
    assert over(run, old) is None, f"{name}: dispatched over the budget"
    assert old.rollback is None, f"{name}: dispatched on the way back"
    assert effective_state(old) is State.RUN, f"{name}: dispatched in {effective_state(old)}"
    assert not before.status.is_bad(run.commit), f"{name}: a bad commit dispatched"
    earlier = run.stages[: next(i for i, each in enumerate(run.stages) if name in each.clusters)]
    for each in earlier:
        for entry in entries(old, each):
            assert entry.phase == "Verified" or entry.failure, f"{name}: dispatched before {entry.name} is done"


def check_shown(status: RunStatus) -> None:
    """The reader's part: every member in exactly one revision; a hold says how it ends."""
    there = sorted(entry.name for entry in status.clusters if entry.phase != "Left")
    assert sorted(name for where in status.revisions for name in where.clusters) == there
    hold = status.hold
    if hold is not None:
        named = hold.cluster is not None and hold.cluster in hold.message
        assert hold.until or hold.unblock or named, f"no way out of {hold}"
        assert not status.ended


def check_end(world: World) -> None:
    """What an ended run means, once everybody has come to rest."""
    run = world.run
    known = dict(world.members)
    there = [e for e in run.clusters if e.phase != "Left"]
    if run.phase == "Succeeded":
        assert any(entry.phase == "Verified" for entry in there), "succeeded nowhere"
    if run.phase == "RolledBack":
        for entry in dispatched(run):
            if entry.name not in known or known[entry.name].uid != entry.uid:
                continue  # it left after the run had ended
            assert world.member(entry.name).primary == entry.previous, f"{entry.name} is not back"
    for entry in there:
        member = known.get(entry.name)
        if member is None or member.uid != entry.uid:
            continue
        same = member.pin == entry.pin or member.drift or entry.dispatched_at is None
        assert same, f"{entry.name}: pin and word differ"


# -- disturbances


def people(world: World) -> Iterator[tuple[str, World]]:
    if world.runs and world.run.phase:
        for word in ("Run", "Pause", "Abort", "Rollback"):
            if str(world.runs[-1].run.state) != word:
                yield f"person: {word}", world.say(word)


def darkness(world: World) -> Iterator[tuple[str, World]]:
    for name, member in world.members:
        yield (
            f"{name} {'goes dark' if member.reachable else 'returns'}",
            world.with_member(name, reachable=not member.reachable),
        )


def lateness(world: World) -> Iterator[tuple[str, World]]:
    yield "31 minutes pass", replace(world, now=world.now + timedelta(minutes=31))


def departures(world: World) -> Iterator[tuple[str, World]]:
    for name, member in world.members:
        if member.uid == "u1":
            yield f"{name} is built anew", world.with_member(name, uid="u2", pin="", owner="")


def nothing(world: World) -> Iterator[tuple[str, World]]:
    yield from ()


def begin(
    fails: str = "",
    on_failure: OnFailure = OnFailure.ROLLBACK_PROMOTED,
    failures: int = 0,
    at_once: int = 1,
    back_at_once: int = 1,
    names: str = NAMES,
) -> World:
    """Return the world after the push of R, P proven everywhere; the canaries of `fails` turn R down."""
    rest = stage("rest", max_concurrency=Amount(at_once), max_failures=Amount(failures))
    back = Rollback(Amount(back_at_once), timedelta(minutes=30))
    spec = rollout(stage("first", "first"), rest, on_failure=on_failure, rollback=back)
    world = fleet(*names, spec=spec).settle()
    for name in fails:
        world = world.with_member(name, fails=True)
    assert all(member.pin == P for _, member in world.members)
    return replace(world.push(R), log=())
