"""Walks every state of the small world, checks each move, and then whether a helpful world always comes to rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from tests.simulation.canary_world import SPEC, STARTS, World, events, facts_of, moves, now_of, revision
from volary.canary.facts import Facts
from volary.canary.phases import ALLOWED, AT_REST
from volary.canary.plan import Copy, MakePrimary, Plan, Scale, SetWeight
from volary.canary.spec import Phase, Progress

Decide = Callable[[Facts, datetime], Plan]
LATE = (
    "push",
    "hand",
    "canary lost",
    "route deleted",
    "target",
    "primary deleted",
)  # events that may fall between a look and the write
HELP = ("target back", "canary ready", "primary ready", "pass", "time")
MOST_MOVES = 150  # from any state to rest


@dataclass
class Walk:
    """What was found."""

    states: dict[World, tuple[str, World] | None] = field(default_factory=dict)
    edges: int = 0
    violations: dict[str, World] = field(default_factory=dict)
    stuck: list[World] = field(default_factory=list)

    def trace(self, world: World) -> list[str]:
        """Return the shortest way to a state."""
        labels = []
        step = self.states[world]
        while step is not None:
            labels.append(step[0])
            step = self.states[step[1]]
        return labels[::-1]


def explore(decide: Decide, to_the_end: bool = True) -> Walk:
    """Walk everything that can be reached from the installation; or until something wrong was found."""
    walk = Walk(dict.fromkeys(STARTS))
    todo = deque(STARTS)
    plans: dict[World, Plan] = {}

    def plan_for(world: World) -> Plan:
        if world not in plans:
            plans[world] = decide(facts_of(world), now_of(world))
        return plans[world]

    settled: dict[World, bool] = {}
    while todo and (to_the_end or not (walk.violations or walk.stuck)):
        world = todo.popleft()
        if not comes_to_rest(plan_for, world, settled):
            walk.stuck.append(world)
        plan = plan_for(world)
        for sentence in broken(world, plan):
            walk.violations.setdefault(sentence, world)
        for label, after in successors(world, plan):
            walk.edges += 1
            if after not in walk.states:
                walk.states[after] = (label, world)
                todo.append(after)
    return walk


def successors(world: World, plan: Plan) -> Iterator[tuple[str, World]]:
    yield from moves(world, plan, world)
    for label, after in events(world):
        yield label, after
        if label.startswith(LATE):
            for late, end in moves(after, plan, world):
                yield f"{label}, then late {late}", end


def broken(world: World, plan: Plan) -> Iterator[str]:
    """Yield a sentence for each promise that a plan would break."""
    yield from broken_by_actions(world, plan)
    at, after = world.progress, plan.progress
    if after is not None:
        yield from broken_by_step(world, at, after)
    if after is not None and after.phase is not at.phase:
        yield from broken_by_phase(world, at, after)
    if not plan.actions and after is None and at.phase in AT_REST and world.weight != at.weight:
        yield "at rest and the route is not what the status says"
    if not plan.actions and after is None and at.phase in AT_REST and at.weight and at.phase is not Phase.FAILED:
        yield "at rest with a weight"


def broken_by_phase(world: World, at: Progress, after: Progress) -> Iterator[str]:
    if after.phase not in ALLOWED[at.phase]:
        yield f"phase {at.phase} may not become {after.phase}"
    if after.phase is Phase.PROMOTING and not measured(world, after.applied, set(SPEC.weights)):
        yield "promotion of what was not measured at every weight"
    if after.phase is Phase.FINALISING and world.primary_ready != "ready":
        yield "traffic taken from the canary before the primary is ready"
    if after.phase in AT_REST and after.phase is not Phase.FAILED and (world.weight or world.replicas):
        yield "at rest with traffic on the canary, or with Pods of it"


def broken_by_step(world: World, at: Progress, after: Progress) -> Iterator[str]:
    outcome = world.asked.outcome if world.asked is not None else ""
    if (
        after.failed_checks == at.failed_checks + 1
        and outcome not in ("fail", "nothing")
        and not given_up(world, after)
    ):
        yield "a check counted as failed that did not fail"
    if after.phase is not Phase.PROGRESSING:
        return
    below = {weight for weight in SPEC.weights if weight < after.weight}
    if not measured(world, after.applied, below):
        yield "a weight without good measurements at the weights before"
    if after.weight > at.weight > 0 and not world.aged:
        yield "a step that was shorter than its interval"


def given_up(world: World, after: Progress) -> bool:
    return after.failed_checks == SPEC.threshold + 1 and after.weight == 0


def broken_by_actions(world: World, plan: Plan) -> Iterator[str]:
    at, live = world.progress, world.weight or 0
    for action in plan.actions:
        match action:
            case SetWeight(percent) if percent > live:
                if not serves(world):
                    yield "traffic to a canary that is not ready"
                if revision(world.target) != at.applied:
                    yield "traffic to another revision than the one on trial"
                if at.failed_checks > SPEC.threshold:
                    yield "traffic to a canary that was given up"
            case SetWeight(percent) if percent < live and serves(world) and not facts_of(world).primary_can_serve:
                yield "traffic to a primary that cannot serve"
            case Scale(0) if live and at.phase not in (Phase.NEW, Phase.INITIALIZING):
                yield "scaled down with traffic on it"
            case Scale(0) if world.primary_ready != "ready" and at.phase is Phase.INITIALIZING:
                yield "scaled down before the first primary is ready"
            case Copy() if at.phase is not Phase.INITIALIZING and not measured(
                world, revision(world.target), set(SPEC.weights)
            ):
                yield "copied what was not measured"
            case Copy() if at.phase not in (Phase.INITIALIZING, Phase.PROMOTING):
                yield "copied in another phase"
            case MakePrimary() if at.phase is not Phase.INITIALIZING and not may_be_primary(world):
                yield "a primary made of what was not promoted"


def serves(world: World) -> bool:
    return world.replicas > 0 and world.ready == "ready" and not world.gone


def may_be_primary(world: World) -> bool:
    name = revision(world.target)
    return name == world.progress.promoted or measured(world, name, set(SPEC.weights))


def measured(world: World, name: str, wanted: set[int]) -> bool:
    """Was this revision measured well at these weights? The last answer may still be on its way into the status."""
    ghost, weights = world.ghost
    if world.asked is not None and world.asked.outcome == "pass" and revision(world.asked.about[0]) == name:
        weights |= {world.asked.about[1]}
    if world.kind == "skipping":
        return True  # the user does without
    return not wanted or (ghost == name and weights >= wanted)


def comes_to_rest(plan_for: Callable[[World], Plan], world: World, known: dict[World, bool]) -> bool:
    """Does it end well when the world only helps: Pods get ready, checks pass, time goes on?"""
    path: list[World] = []
    result = False
    while world not in known and len(path) < MOST_MOVES:
        path.append(world)
        after = helped(world, plan_for(world))
        if after is None:
            result = is_rest(world)
            break
        world = after
    else:
        result = known.get(world, False)
    for seen in path:
        known[seen] = result
    return result


def helped(world: World, plan: Plan) -> World | None:
    after = [end for _, end in moves(world, plan, world)]
    if after:
        return after[-1]
    kind = {label: end for label, end in events(world) if label in HELP}
    for label in HELP:
        if label in kind:
            return kind[label]
    return None


def is_rest(world: World) -> bool:
    """Nothing to do, and everybody is served by what was promoted, or where a promotion failed."""
    at = world.progress
    if at.phase is Phase.FAILED and at.weight:
        return world.weight == 100 and world.replicas > 0
    if at.phase is Phase.INITIALIZING:
        return world.primary_ready == "hopeless"
    if world.primary_ready == "hopeless" and at.phase is Phase.PROMOTING:
        return world.ready != "ready" or revision(world.target) != at.applied
    if not world.primary:  # somebody deleted it, and what it ran is not there any more: a person is needed
        return revision(world.target) != at.promoted
    if world.weight or at.phase not in AT_REST:
        return False
    return world.target == world.primary or (at.phase is Phase.FAILED and revision(world.target) == at.applied)
