"""A fleet as small as it can be and still lie: what the tests put in the place of hub and members.

A member is its pin, what Flux has applied, what the primary runs, and the canary's phase; helpful moves bring these
forward, people and accidents disturb them. The rules under test are the real ones. Everything is immutable, so that a
world can be a node of a graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace as with_fields

from volary.fleet.decide_rollout import decide_rollout
from volary.fleet.decide_run import decide_run
from volary.fleet.facts import CanaryLook, Kustomized, Look, Ready, Repository, RolloutFacts, RunFacts, RunView, Source
from volary.fleet.plan import (
    AddFinalizer,
    CreateRun,
    DeleteRun,
    Pin,
    Plan,
    Release,
    RemoveAnnotations,
    RemoveFinalizer,
    Suspend,
)
from volary.fleet.progress import RolloutStatus, RunStatus
from volary.fleet.spec import (
    Amount,
    OnFailure,
    Ref,
    Requirement,
    Rollback,
    Rollout,
    Run,
    Selector,
    Stage,
    State,
    Target,
)

T0 = datetime(2026, 11, 24, 10, tzinfo=UTC)
OWNER = "apps/podinfo"
TARGET = Target(Ref("apps", "podinfo"), Ref("apps", "podinfo"), Ref("test", "podinfo"))


def commit(letter: str) -> str:
    return letter * 40


NO_STATUS, NO_RUN_STATUS = RolloutStatus(), RunStatus()
P, R, S = commit("a"), commit("b"), commit("c")


def stage(name: str, ring: str = "", **changes: object) -> Stage:
    selector = Selector((Requirement("ring", "In", (ring,)),)) if ring else Selector()
    made = Stage(name, selector, Amount(1), Amount(0), timedelta(minutes=30), timedelta())
    return replace(made, **changes)  # type: ignore[arg-type]


def rollout(*stages: Stage, **changes: object) -> Rollout:
    made = Rollout(
        suspend=False,
        source=Ref("apps", "podinfo"),
        target=TARGET,
        selector=Selector(),
        stages=stages or (stage("first", "first"), stage("rest")),
        on_failure=OnFailure.ROLLBACK_PROMOTED,
        rollback=Rollback(Amount(100, percent=True), timedelta(minutes=30)),
        history_limit=10,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Member:
    """One cluster: Flux and the canary reduced to what the proof asks of them."""

    pin: str = ""
    owner: str = ""
    branch: str = P  # what the branch would bring, were there no pin
    applied: str = P
    primary: str = P
    phase: str = "Succeeded"
    weight: int = 0
    tried: str = ""  # the commit that was turned down and is still applied
    updated: int = 0  # tells changes of the canary's condition apart
    fails: bool = False  # the canary here turns every commit but P down
    reachable: bool = True
    drift: str = ""
    suspended: bool = False
    ready: str = "True"
    ready_reason: str = ""
    version: int = field(default=1, compare=False)  # nothing follows from it but whether a write is stale
    ring: str = ""
    uid: str = "u1"

    @property
    def wanted(self) -> str:
        return self.pin or self.branch

    def look(self, name: str) -> Look:
        reachable = "True" if self.reachable else "Unknown"
        return Look(
            name=name,
            uid=self.uid,
            labels={"ring": self.ring},
            suspended=self.suspended,
            reachable=reachable,
            fresh=True,
            repository=Repository(
                version=str(self.version), pin=self.pin, owner=self.owner, artifact=self.wanted, drift=self.drift
            ),
            kustomization=Kustomized(
                applied=self.applied,
                attempted=self.applied,
                ready=Ready(self.ready, self.ready_reason, self.ready_reason),
            ),
            canary=CanaryLook(
                phase=self.phase, weight=self.weight, updated=str(self.updated), same=self.primary == self.applied
            ),
        )

    # what Flux and the canary do, when they work

    def flux(self) -> Member | None:
        """Apply what is wanted; a canary in flight is ended when the target is what the primary runs again."""
        if self.applied == self.wanted or self.ready != "True":
            return None
        after = replace(self, applied=self.wanted, tried="", version=self.version + 1)
        if after.applied == after.primary and self.phase == "Progressing":
            return replace(after, phase="Initialized", weight=0, updated=(self.updated + 1) % 8)
        return after

    def canary(self, bad: frozenset[str]) -> Member | None:
        """Notice a change, measure it, promote it or turn it down."""
        if self.phase == "Progressing":
            if self.applied in bad or (self.fails and self.applied != P):
                return replace(self, phase="Failed", weight=0, tried=self.applied, updated=(self.updated + 1) % 8)
            return replace(self, phase="Succeeded", weight=0, primary=self.applied, updated=(self.updated + 1) % 8)
        if self.applied not in (self.primary, self.tried):
            return replace(self, phase="Progressing", weight=10, updated=(self.updated + 1) % 8)
        return None


@dataclass(frozen=True)
class RunObject:
    """A FleetRolloutRun as it is stored."""

    name: str
    number: int
    run: Run
    status: RunStatus = NO_RUN_STATUS
    decided_at: str = ""
    annotations: tuple[tuple[str, str], ...] = ()
    generation: int = 1


@dataclass(frozen=True)
class World:
    """Hub and members."""

    spec: Rollout
    members: tuple[tuple[str, Member], ...]
    source: str = P
    now: datetime = T0
    status: RolloutStatus = NO_STATUS
    runs: tuple[RunObject, ...] = ()
    annotations: tuple[tuple[str, str], ...] = ()
    finalizer: bool = True
    deleted_at: datetime | None = None
    bad: frozenset[str] = frozenset()  # commits that the canaries will turn down
    gone: bool = False
    log: tuple[str, ...] = field(default=(), compare=False)

    def member(self, name: str) -> Member:
        return dict(self.members)[name]

    def with_member(self, name: str, **changes: object) -> World:
        changed = tuple((n, replace(m, **changes) if n == name else m) for n, m in self.members)  # type: ignore[arg-type]
        return replace(self, members=changed)

    def looks(self) -> Mapping[str, Look]:
        return {name: member.look(name) for name, member in self.members}

    def rollout_facts(self) -> RolloutFacts:
        views = tuple(RunView(r.name, r.number, r.run, r.status, r.decided_at, r.name) for r in self.runs)
        return RolloutFacts(
            name="podinfo",
            owner=OWNER,
            generation=1,
            annotations=dict(self.annotations),
            spec=self.spec,
            problem="",
            status=self.status,
            source=Source(self.source, "main") if self.source else None,
            looks={n: look for n, look in self.looks().items() if self.spec.selector.matches(look.labels)},
            runs=views,
            now=self.now,
            finalizer=self.finalizer,
            deleted_at=self.deleted_at,
        )

    def run_facts(self, made: RunObject) -> RunFacts:
        looks = self.looks()
        return RunFacts(
            key=f"apps/{made.name}",
            name=made.name,
            generation=made.generation,
            annotations=dict(made.annotations),
            run=made.run,
            status=made.status,
            looks={name: looks[name] for name in made.run.clusters if name in looks},
            rollout="podinfo",
            owner=OWNER,
            fleet=self.status,
            now=self.now,
            newest=made is self.runs[-1],
            orphan=self.deleted_at is not None,
            suspended=self.spec.suspend,
        )

    # one pass of each controller

    def rollout_plan(self) -> Plan:
        return decide_rollout(self.rollout_facts())

    def run_plan(self, made: RunObject) -> Plan:
        return decide_run(self.run_facts(made))

    def apply(self, plan: Plan, run: RunObject | None) -> Iterator[World]:
        """Yield the world after each write of a plan: a crash may come after any of them."""
        world = self.said(plan)
        if plan.rollout is not None:
            yield replace(world, status=plan.rollout)
        elif plan.run is not None:
            assert run is not None
            yield world.with_run(replace(run, status=plan.run))
        for action in plan.actions:
            world = world.act(action, run)
            yield world

    def said(self, plan: Plan) -> World:
        lines = tuple(note.message for note in plan.announce)
        return replace(self, log=(*self.log, *lines))

    def with_run(self, changed: RunObject) -> World:
        return replace(self, runs=tuple(changed if r.name == changed.name else r for r in self.runs))

    def act(self, action: object, run: RunObject | None) -> World:
        match action:
            case Pin():
                return self.pinned(action)
            case Release(cluster):
                return self.with_member(cluster, pin="", owner="", version=self.member(cluster).version + 1)
            case CreateRun(name, number, made, decided_at):
                assert name not in {r.name for r in self.runs}
                return replace(self, runs=(*self.runs, RunObject(name, number, made, decided_at=decided_at)))
            case DeleteRun(name):
                return replace(self, runs=tuple(r for r in self.runs if r.name != name))
            case Suspend():
                return replace(self, spec=replace(self.spec, suspend=True))
            case RemoveAnnotations(names) if run is not None:
                return self.with_run(replace(run, annotations=tuple(a for a in run.annotations if a[0] not in names)))
            case RemoveAnnotations(names):
                return replace(self, annotations=tuple(a for a in self.annotations if a[0] not in names))
            case AddFinalizer():
                return replace(self, finalizer=True)
            case RemoveFinalizer():
                return replace(self, finalizer=False, gone=self.deleted_at is not None)
        raise AssertionError(action)

    def pinned(self, pin: Pin) -> World:
        """Server-side apply: refused when the object changed, or when another manager owns the field."""
        there = self.member(pin.cluster)
        if not there.reachable:
            return self
        if str(there.version) != pin.version or (there.drift and not pin.force):
            return self
        return self.with_member(pin.cluster, pin=pin.commit, owner=OWNER, drift="", version=there.version + 1)

    # the world at work

    def settle_controllers(self, most: int = 200) -> World:
        """Let both controllers work until neither has anything to do."""
        world = self
        for _ in range(most):
            after = world.one_pass()
            if after is None:
                return world
            world = after
        raise AssertionError(f"the controllers do not come to rest: {world.log[-6:]}, {world.rollout_plan()}")

    def one_pass(self) -> World | None:
        """Return the world after the first pass that changes something, or None."""
        if self.gone:
            return None
        for run in self.runs:
            for after in self.apply(self.run_plan(run), run):
                if after != self:
                    return after
        for after in self.apply(self.rollout_plan(), None):
            if after != self:
                return after
        return None

    def environment(self) -> Iterator[World]:
        """Yield what Flux and the canaries may do next."""
        for name, member in self.members:
            for after in (member.flux(), member.canary(self.bad)):
                if after is not None:
                    changed = tuple((n, after if n == name else m) for n, m in self.members)
                    yield replace(self, members=changed)

    def settle(self, most: int = 400) -> World:
        """Let everybody work until nothing moves."""
        world = self
        for _ in range(most):
            world = world.settle_controllers()
            after = next(world.environment(), None)
            if after is None:
                return world
            world = after
        raise AssertionError(f"the world does not come to rest: {world.log[-10:]}")

    def later(self, **time: float) -> World:
        return replace(self, now=self.now + timedelta(**time))

    # what people do

    def push(self, letter: str) -> World:
        return replace(self, source=letter if len(letter) == 40 else commit(letter))

    def say(self, state: str, by: str = "ann", reason: str = "because") -> World:
        newest = self.runs[-1]
        notes = (("volary.dev/by", by), ("volary.dev/reason", reason))
        return self.with_run(replace(newest, run=replace(newest.run, state=State(state)), annotations=notes))

    def annotate_run(self, name: str, value: str) -> World:
        newest = self.runs[-1]
        return self.with_run(replace(newest, annotations=(*newest.annotations, (name, value))))

    def annotate(self, name: str, value: str) -> World:
        return replace(self, annotations=(*self.annotations, (name, value)))

    @property
    def run(self) -> RunStatus:
        return self.runs[-1].status

    def pins(self) -> dict[str, str]:
        return {name: member.pin for name, member in self.members}


def fleet(*names: str, spec: Rollout | None = None, **changes: object) -> World:
    """Return a fleet whose first cluster is in ring `first`, with nothing pinned yet."""
    members = tuple((name, Member(ring="first" if index == 0 else "")) for index, name in enumerate(names))
    return replace(World(spec or rollout(), members), **changes)  # type: ignore[arg-type]


def installed(*names: str, spec: Rollout | None = None, **changes: object) -> World:
    """Return a fleet on which P is proven everywhere."""
    return fleet(*(names or ("west", "east")), spec=spec, **changes).settle()


__all__ = [
    "OWNER",
    "T0",
    "TARGET",
    "Member",
    "P",
    "R",
    "S",
    "World",
    "commit",
    "fleet",
    "installed",
    "rollout",
    "stage",
    "with_fields",
]
