"""A small world around the canary's brain: every order of events, moves, late moves and crashes can be walked.

The world is what the cluster would show, with two or three revisions, three weights, and Pods that are ready or not.
`ghost` is what the controller does not know: which weights were measured, for which revision, and came out well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from volary.canary.facts import Answer, Facts, Names, Outcome, Workload
from volary.canary.hashes import trial_of
from volary.canary.plan import METRIC, Action, Ask, Copy, Ensure, MakePrimary, Part, Plan, Question, Scale, SetWeight
from volary.canary.spec import Hook, HookType, Metric, Phase, Progress, Service, Spec

T0 = datetime(2030, 1, 1, tzinfo=UTC)
INTERVAL = timedelta(seconds=10)
SPEC = Spec(
    target="app",
    service=Service("app", 80),
    weights=(20, 40, 60),
    interval=INTERVAL,
    threshold=2,
    metrics=(Metric("request-success-rate", INTERVAL, low=99),),
    hooks=(Hook("acceptance", HookType.PRE_ROLLOUT, "http://tester/"),),
)
SPECS = {
    "plain": SPEC,
    "back in steps": replace(SPEC, promotion_step=40),
    "skipping": replace(SPEC, skip_analysis=True),
}
NAMES = Names("app.test", "app.test", "app-primary.test")
OUTCOMES = {
    "pass": Answer(Outcome.VALUE, T0, 100.0),
    "fail": Answer(Outcome.VALUE, T0, 50.0),
    "nothing": Answer(Outcome.EMPTY, T0),
    "unknown": Answer(Outcome.UNKNOWN, T0, text="refused"),
}


def revision(name: str) -> str:
    return f"v1:{name}"


@dataclass(frozen=True, slots=True)
class Asked:
    """The one question under way or answered, and what was true of the world when it was answered."""

    question: Question
    outcome: str = ""  # "": not answered yet
    about: tuple[str, int] = ("", 0)  # revision and weight that were really measured
    old: bool = False  # answered an interval ago


@dataclass(frozen=True, slots=True)
class World:
    progress: Progress
    target: str = "a"  # revision of the target's template
    replicas: int = 1
    ready: str = "ready"  # ready | waiting | hopeless, of the target
    primary: str = ""  # revision of the primary; "": not made
    primary_mark: str = ""
    primary_ready: str = "ready"
    early: bool = True  # the early parts are missing
    late: bool = True
    weight: int | None = None
    foreign: bool = False
    asked: Asked | None = None
    aged: bool = False  # the interval has passed since the step began
    gone: bool = False  # the target was deleted
    kind: str = "plain"  # of canary: a name in SPECS
    pushes: int = 2
    troubles: int = 1
    ghost: tuple[str, frozenset[int]] = ("", frozenset())


INSTALL = World(Progress(since=T0, entered=T0, turned=T0))
STARTS = (INSTALL, replace(INSTALL, kind="back in steps", pushes=1), replace(INSTALL, kind="skipping", pushes=1))


def facts_of(world: World) -> Facts:
    """Return what one look at this world shows."""
    serving = world.replicas > 0 and world.ready == "ready"
    target = None
    if not world.gone:
        target = Workload(world.replicas, world.ready == "ready", serving, world.ready == "hopeless", "not ready")
    primary = None
    if world.primary:
        # A primary that is rolled keeps old Pods until new ones are ready; one that was never ready has none.
        serves = world.primary_ready == "ready" or world.progress.phase not in (Phase.NEW, Phase.INITIALIZING)
        primary = Workload(1, world.primary_ready == "ready", serves, world.primary_ready == "hopeless", "not ready")
    answers = {}
    if world.asked is not None and world.asked.outcome:
        answer = OUTCOMES[world.asked.outcome]
        if world.asked.question.kind != METRIC:
            answer = Answer(Outcome.YES if world.asked.outcome == "pass" else Outcome.NO, T0, text="refused")
        answers[world.asked.question] = replace(answer, at=T0 - INTERVAL if world.asked.old else T0 + INTERVAL)
    return Facts(
        names=NAMES,
        spec=SPECS[world.kind],
        progress=world.progress,
        revision="" if world.gone else revision(world.target),
        target=target,
        primary=primary,
        same=world.primary == world.target and not world.gone,
        primary_trial=world.primary_mark,
        weight=world.weight,
        route_differs=world.weight is None or world.foreign,
        foreign=world.foreign,
        early=(Part("Service", "app-canary"),) if world.early else (),
        late=(Part("Service", "app"),) if world.late else (),
        answers=answers,
        asked=frozenset({world.asked.question} if world.asked is not None and not world.asked.outcome else ()),
    )


def now_of(world: World) -> datetime:
    return T0 + INTERVAL if world.aged else T0


def perform(world: World, action: Action, seen: World) -> World:
    """Return the world after an action that was decided when `seen` was seen; a write on condition may not happen."""
    match action:
        case Ensure(part):
            return replace(
                world, early=world.early and part.name != "app-canary", late=world.late and part.name != "app"
            )
        case MakePrimary() if not world.primary:
            mark = trial_of(revision(seen.target), ())
            return replace(world, primary=seen.target, primary_mark=mark, primary_ready="waiting")
        case Copy(trial) if world.primary == seen.primary:
            return replace(world, primary=seen.target, primary_mark=trial, primary_ready="waiting")
        case Scale(replicas) if target_of(world) == target_of(seen):
            ready = "waiting" if replicas and not world.replicas else world.ready
            return replace(world, replicas=replicas, ready=ready if replicas else "ready")
        case SetWeight(percent) if (world.weight, world.foreign) == (seen.weight, seen.foreign):
            return replace(world, weight=percent, foreign=False)
        case Ask(question):
            return replace(world, asked=Asked(question))
        case _:
            return world


def target_of(world: World) -> tuple[object, ...]:
    """Return what changes the target's version."""
    return world.target, world.replicas, world.ready, world.gone


def store(world: World, progress: Progress, seen: World) -> World:
    """Return the world with another progress; times are made equal, so that the world stays small."""
    if world.progress != seen.progress:
        return world  # a conflict
    plain = replace(progress, since=T0, entered=T0, turned=T0)
    return replace(world, progress=plain, aged=False, asked=None, ghost=remembered(world, plain))


def remembered(world: World, after: Progress) -> tuple[str, frozenset[int]]:
    """Return what has been measured well in this trial: a new trial starts with nothing."""
    before, (name, weights) = world.progress, world.ghost
    if after.phase is not Phase.PROGRESSING or before.phase is not Phase.PROGRESSING or after.applied != before.applied:
        name, weights = (after.applied, weights if after.applied == name else frozenset())
        if after.phase is Phase.PROGRESSING:
            weights = frozenset()
    if world.asked is not None and world.asked.outcome == "pass" and before.phase is Phase.PROGRESSING:
        measured, weight = world.asked.about
        if revision(measured) == after.applied and weight == before.weight:
            weights |= {weight}
    return name, weights


def events(world: World) -> Iterator[tuple[str, World]]:
    """Yield what may happen without the controller."""
    if world.replicas and world.ready == "waiting":
        yield "canary ready", replace(world, ready="ready")
        if world.troubles:
            yield "canary never ready", replace(world, ready="hopeless", troubles=world.troubles - 1)
    if world.primary and world.primary_ready == "waiting":
        yield "primary ready", replace(world, primary_ready="ready")
        if world.troubles:
            yield "primary never ready", replace(world, primary_ready="hopeless", troubles=world.troubles - 1)
    yield from answers(world)
    yield from changes(world)
    yield from deletions(world)
    if not world.aged or aged(world.asked) != world.asked:
        yield "time", replace(world, aged=True, asked=aged(world.asked))
    if world.asked is not None:
        yield "crash", replace(world, asked=None)


def aged(asked: Asked | None) -> Asked | None:
    return replace(asked, old=True) if asked is not None and asked.outcome == "unknown" else asked


def answers(world: World) -> Iterator[tuple[str, World]]:
    if world.asked is None or world.asked.outcome:
        return
    about = (world.target, world.weight or 0)
    for outcome in OUTCOMES if world.asked.question.kind == METRIC else ("pass", "fail"):
        yield outcome, replace(world, asked=replace(world.asked, outcome=outcome, about=about))


def changes(world: World) -> Iterator[tuple[str, World]]:
    """Yield what people do: push, put back, edit the route; and a canary that stops being ready."""
    if world.pushes and not world.gone:
        for name in "abc":
            if name != world.target:
                ready = "waiting" if world.replicas else world.ready
                yield f"push {name}", replace(world, target=name, ready=ready, pushes=world.pushes - 1)
    if world.troubles:
        less = world.troubles - 1
        if world.replicas and world.ready == "ready" and world.progress.phase not in (Phase.NEW, Phase.INITIALIZING):
            yield "canary lost", replace(world, ready="waiting", troubles=less)
        if world.weight is not None:
            yield "hand", replace(world, weight=50, foreign=True, troubles=less)
            yield "route deleted", replace(world, weight=None, foreign=True, troubles=less)


def deletions(world: World) -> Iterator[tuple[str, World]]:
    """Yield a target or a primary that somebody deletes, and a target that is applied again."""
    if world.gone:
        yield "target back", replace(world, gone=False, replicas=1, ready="waiting")
    elif world.troubles and world.progress.phase is not Phase.NEW:
        less = world.troubles - 1
        yield "target deleted", replace(world, gone=True, replicas=0, ready="ready", troubles=less)
        if world.primary:
            yield "primary deleted", replace(world, primary="", primary_mark="", troubles=less)


def moves(world: World, plan: Plan, seen: World) -> Iterator[tuple[str, World]]:
    """Yield the world after each write of a plan: a crash may follow any of them."""
    for action in plan.actions:
        world = perform(world, action, seen)
        if not isinstance(action, Ask):
            world = replace(world, asked=None)  # an answer is about the world as it was
        yield f"{type(action).__name__} ({plan.because})", world
    if plan.progress is not None:
        yield f"status ({plan.because})", store(world, plan.progress, seen)
