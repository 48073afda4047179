"""A FleetRolloutRun's eyes and hands: reads hub and members, writes what the plan asks for; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from volary.fleet import wire
from volary.fleet.decide_run import decide_run
from volary.fleet.facts import Look, RunFacts
from volary.fleet.hub import STORE_SECONDS, Hub, remove_annotations
from volary.fleet.interest import Topic
from volary.fleet.names import MANAGER, NUMBER
from volary.fleet.observe import Asked, Observer, all_looks
from volary.fleet.plan import Pin, Plan, RemoveAnnotations, Suspend
from volary.fleet.progress import RolloutStatus, RunStatus
from volary.fleet.spec import Ref, Run
from volary.kube.decoding import BadField
from volary.kube.objects import (
    NewObject,
    Object,
    annotations_of,
    deleting,
    dig,
    generation_of,
    labels_of,
    metadata,
    name_of,
    namespace_of,
    split_key,
    uid_of,
    version_of,
)
from volary.kube.resources import FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS
from volary.runtime.errors import Stalled


class Runs:
    """The feature of the controller for FleetRolloutRuns."""

    def __init__(self, hub: Hub, observer: Observer) -> None:
        self.hub = hub
        self.observer = observer
        self.runs = hub.cluster.informers.get(FLEET_ROLLOUT_RUNS)
        self.rollouts = hub.cluster.informers.get(FLEET_ROLLOUTS)
        self._written: dict[str, str] = {}  # the version of our own last write, by key
        self._closer: dict[str, frozenset[str]] = {}  # members that the next pass reads themselves
        self._objects: dict[str, Object] = {}

    async def observe(self, key: str) -> RunFacts | None:
        self.hub.must_lead()
        obj = await self._current(key)
        if obj is None or deleting(obj):
            self._forget(key)
            return None
        run, status = read_run(obj)
        owner = self._owner(obj)
        self._objects[key] = obj
        fleet = read_rollout_status(owner) if owner is not None else RolloutStatus()
        topics: set[Topic] = set()
        looks = await self._looks(key, run, status, owner, topics)
        self.observer.interests.set(key, () if status.ended else topics)
        return RunFacts(
            key=key,
            name=name_of(obj),
            generation=generation_of(obj),
            annotations=annotations_of(obj),
            run=run,
            status=status,
            looks=looks,
            rollout=owner_name(obj),
            owner=f"{namespace_of(obj)}/{owner_name(obj)}",
            fleet=fleet,
            now=self.hub.clock.now(),
            newest=number(obj) == max(number(other) for other in self._siblings(obj)),
            orphan=owner is None or deleting(owner),
            suspended=bool(dig(owner, "spec", "suspend")),
        )

    async def _current(self, key: str) -> NewObject | None:
        """Return the run, never older than what we wrote last. Raises: TryAgain."""
        namespace, name = split_key(key)
        version = self._written.get(key)
        if version is None:
            return self.runs.by_key(key)
        return await self.runs.at_least(name, namespace, version, STORE_SECONDS)

    def _forget(self, key: str) -> None:
        for memory in (self._written, self._closer, self._objects):
            memory.pop(key, None)
        self.observer.interests.set(key, ())

    def _owner(self, obj: Object) -> Object | None:
        """Return the FleetRollout, if it is still the one that made this run."""
        found = self.rollouts.get(owner_name(obj), namespace_of(obj))
        return found if found is not None and uid_of(found) == owner_uid(obj) else None

    def _siblings(self, obj: Object) -> list[NewObject]:
        uid = owner_uid(obj)
        return [other for other in self.runs.items() if owner_uid(other) == uid]

    async def _looks(
        self, key: str, run: Run, status: RunStatus, owner: Object | None, topics: set[Topic]
    ) -> Mapping[str, Look]:
        """Return a look at each member whose Cluster is there; none once the run has ended."""
        if status.ended and run.state != "Rollback":
            return {}
        closer = self._closer.pop(key, frozenset())
        source = source_of(owner)
        made = []
        for name in run.clusters:
            member, entry = self.hub.members.get(name), status.cluster(name)
            if member is not None:
                since = entry.dispatched_at if entry else None
                asked = Asked(run.target, source, since, fresh=name in closer)
                made.append(self.observer.look(key, member, asked, topics))
        return await all_looks(made)

    def decide(self, facts: RunFacts, now: datetime) -> Plan:
        plan = decide_run(facts)
        again = now if plan.look_closer else self.hub.local(plan.look_again_at)
        return replace(plan, look_again_at=again)

    async def act(self, key: str, facts: RunFacts, plan: Plan) -> None:
        obj = self._objects[key]
        self.hub.must_lead()
        await self.hub.announce(obj, plan.announce)
        if plan.look_closer:
            self._closer[key] = frozenset(plan.look_closer)
        if plan.run is not None:
            stored = await self.hub.write_status(FLEET_ROLLOUT_RUNS, obj, plan.run)
            self._written[key] = version_of(stored)
        pins = [action for action in plan.actions if isinstance(action, Pin)]
        if pins:
            await self.hub.write_pins(pins, facts.run.target.repository, facts.owner, self.observer)
        for action in plan.actions:
            match action:
                case RemoveAnnotations(names):
                    await remove_annotations(self.hub.client, FLEET_ROLLOUT_RUNS, obj, names)
                case Suspend():
                    await self._suspend(facts)

    async def _suspend(self, facts: RunFacts) -> None:
        namespace, _ = split_key(facts.key)
        body = {"spec": {"suspend": True}}
        await self.hub.client.patch(FLEET_ROLLOUTS, facts.rollout, body, namespace, manager=MANAGER)

    async def stall(self, key: str, why: Stalled) -> None:
        obj = self.runs.by_key(key)
        if obj is not None:
            await self.hub.stalled(obj, why)


def read_run(obj: Object) -> tuple[Run, RunStatus]:
    """Return spec and status. Raises: Stalled, when somebody has edited them into something else."""
    try:
        return wire.run(obj), wire.status_of(RunStatus, obj)
    except BadField as error:
        raise Stalled("InvalidSpec", str(error)) from None


def read_rollout_status(obj: Object) -> RolloutStatus:
    """Return a FleetRollout's status. Raises: Stalled, when somebody has edited it into something else."""
    try:
        return wire.status_of(RolloutStatus, obj)
    except BadField as error:
        raise Stalled("InvalidStatus", str(error)) from None


def owner_ref(obj: Object) -> Mapping[str, str]:
    refs = metadata(obj).get("ownerReferences") or ()
    return next((ref for ref in refs if ref.get("controller") and ref.get("kind") == FLEET_ROLLOUTS.kind), {})


def owner_name(obj: Object) -> str:
    return str(owner_ref(obj).get("name") or "")


def owner_uid(obj: Object) -> str:
    return str(owner_ref(obj).get("uid") or "")


def number(obj: Object) -> int:
    """Return which run of its FleetRollout this is; runs that somebody made by hand come first."""
    text = labels_of(obj).get(NUMBER, "")
    return int(text) if text.isdigit() else 0


def source_of(owner: Object | None) -> Ref | None:
    name = dig(owner, "spec", "source", "gitRepositoryRef", "name")
    return Ref(namespace_of(owner), str(name)) if owner is not None and name else None
