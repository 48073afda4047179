"""A FleetRollout's eyes and hands: reads hub and members, writes what the plan asks for; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from volary.fleet import wire
from volary.fleet.decide_rollout import decide_rollout
from volary.fleet.facts import Look, RolloutFacts, RunView, Source
from volary.fleet.hub import STORE_SECONDS, Hub, remove_annotations
from volary.fleet.interest import Topic
from volary.fleet.look import commit_of, observed_generation, ready_of
from volary.fleet.names import DECIDED_AT, FINALIZER, MANAGER, NUMBER
from volary.fleet.observe import Asked, Observer, all_looks
from volary.fleet.plan import (
    AddFinalizer,
    CreateRun,
    DeleteRun,
    Pin,
    Plan,
    Release,
    RemoveAnnotations,
    RemoveFinalizer,
)
from volary.fleet.reconcile_run import number, owner_uid, read_rollout_status, read_run
from volary.fleet.spec import Rollout, Selector, Target
from volary.kube.decoding import BadField
from volary.kube.errors import AlreadyExists
from volary.kube.objects import (
    NewObject,
    Object,
    annotations_of,
    controller_ref,
    deleting,
    dig,
    generation_of,
    key_of,
    metadata,
    name_of,
    namespace_of,
    parse_time,
    split_key,
    uid_of,
    version_of,
)
from volary.kube.resources import FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS, GIT_REPOSITORIES
from volary.runtime.errors import Stalled, TryAgain


class Rollouts:
    """The feature of the controller for FleetRollouts."""

    def __init__(self, hub: Hub, observer: Observer) -> None:
        self.hub = hub
        self.observer = observer
        self.rollouts = hub.cluster.informers.get(FLEET_ROLLOUTS)
        self.runs = hub.cluster.informers.get(FLEET_ROLLOUT_RUNS)
        self.sources = hub.cluster.informers.get(GIT_REPOSITORIES)
        self._written: dict[str, str] = {}  # the version of our own last write, by key
        self._created: dict[str, tuple[str, str]] = {}  # the last run made: name and version
        self._closer: dict[str, frozenset[str]] = {}
        self._objects: dict[str, Object] = {}

    async def observe(self, key: str) -> RolloutFacts | None:
        self.hub.must_lead()
        obj = await self._current(key)
        if obj is None:
            self._forget(key)
            return None
        await self.hub.learn_uid(self.observer)
        self._objects[key] = obj
        spec, problem = read_spec(obj)
        views = self._views(obj)
        target = spec.target if spec else views[-1].run.target if views else None
        topics: set[Topic] = set()
        looks = await self._looks(key, spec, target, topics)
        self.observer.interests.set(key, topics)
        return RolloutFacts(
            name=name_of(obj),
            owner=key,
            generation=generation_of(obj),
            annotations=annotations_of(obj),
            spec=spec,
            problem=problem,
            status=read_rollout_status(obj),
            source=self._source(spec),
            looks=looks,
            runs=views,
            now=self.hub.clock.now(),
            finalizer=FINALIZER in (metadata(obj).get("finalizers") or ()),
            deleted_at=parse_time(metadata(obj)["deletionTimestamp"]) if deleting(obj) else None,
        )

    async def _current(self, key: str) -> NewObject | None:
        """Return the FleetRollout, never older than our last write, its newest run included. Raises: TryAgain."""
        namespace, name = split_key(key)
        if key in self._created:
            run, version = self._created[key]
            await self.runs.at_least(run, namespace, version, STORE_SECONDS)
            del self._created[key]
        version = self._written.get(key, "")
        if not version:
            return self.rollouts.by_key(key)
        return await self.rollouts.at_least(name, namespace, version, STORE_SECONDS)

    def _forget(self, key: str) -> None:
        for memory in (self._written, self._closer, self._objects):
            memory.pop(key, None)
        self._created.pop(key, None)
        self.observer.interests.set(key, ())

    def _views(self, obj: Object) -> tuple[RunView, ...]:
        """Return its runs, oldest first; one that cannot be read is its own controller's to complain about."""
        found = []
        for made in self.runs.items():
            if owner_uid(made) != uid_of(obj):
                continue
            try:
                run, status = read_run(made)
            except Stalled:
                continue
            decided_at = annotations_of(made).get(DECIDED_AT, "")
            view = RunView(name_of(made), number(made), run, status, decided_at, uid_of(made), deleting(made))
            found.append(view)
        return tuple(sorted(found, key=lambda view: (view.number, view.name)))

    async def _looks(
        self, key: str, spec: Rollout | None, target: Target | None, topics: set[Topic]
    ) -> Mapping[str, Look]:
        if target is None:
            return {}
        closer = self._closer.pop(key, frozenset())
        selector = spec.selector if spec else Selector()
        asked = Asked(target, spec.source if spec else None)
        chosen = [member for member in self.hub.members.all() if selector.matches(member.labels)]
        return await all_looks(
            self.observer.look(key, member, replace(asked, fresh=member.name in closer), topics) for member in chosen
        )

    def _source(self, spec: Rollout | None) -> Source | None:
        obj = self.sources.get(spec.source.name, spec.source.namespace) if spec else None
        if obj is None:
            return None
        observed = observed_generation(obj) == generation_of(obj)
        return Source(
            commit=commit_of(dig(obj, "status", "artifact", "revision")) if observed else "",
            branch=str(dig(obj, "spec", "ref", "branch") or ""),
            ready=ready_of(obj),
            suspended=bool(dig(obj, "spec", "suspend")),
        )

    def decide(self, facts: RolloutFacts, now: datetime) -> Plan:
        plan = decide_rollout(facts)
        again = now if plan.look_closer else self.hub.local(plan.look_again_at)
        return replace(plan, look_again_at=again)

    async def act(self, key: str, facts: RolloutFacts, plan: Plan) -> None:
        obj = self._objects[key]
        self.hub.must_lead()
        await self.hub.announce(obj, plan.announce)
        if plan.look_closer:
            self._closer[key] = frozenset(plan.look_closer)
        if plan.rollout is not None:
            stored = await self.hub.write_status(FLEET_ROLLOUTS, obj, plan.rollout)
            self._written[key] = version_of(stored)
        pins = [action for action in plan.actions if isinstance(action, Pin | Release)]
        if pins:
            target = facts.spec.target if facts.spec else facts.runs[-1].run.target
            await self.hub.write_pins(pins, target.repository, facts.owner, self.observer)
        for action in plan.actions:
            match action:
                case CreateRun():
                    await self._create(obj, action)
                case DeleteRun(name, uid):
                    await self.hub.client.delete(FLEET_ROLLOUT_RUNS, name, namespace_of(obj), uid)
                case RemoveAnnotations(names):
                    await remove_annotations(self.hub.client, FLEET_ROLLOUTS, obj, names)
                case AddFinalizer():
                    await self._finalizers(obj, add=True)
                case RemoveFinalizer():
                    await self._finalizers(obj, add=False)

    async def _create(self, obj: Object, action: CreateRun) -> None:
        annotations = {DECIDED_AT: action.decided_at} if action.decided_at else {}
        body: NewObject = {
            "apiVersion": FLEET_ROLLOUT_RUNS.api_version,
            "kind": FLEET_ROLLOUT_RUNS.kind,
            "metadata": {
                "name": action.name,
                "namespace": namespace_of(obj),
                "labels": {NUMBER: str(action.number)},
                "annotations": annotations,
                "ownerReferences": [controller_ref(obj)],
            },
            "spec": wire.run_spec_json(action.run),
        }
        try:
            made = await self.hub.client.create(FLEET_ROLLOUT_RUNS, body, MANAGER)
        except AlreadyExists:
            message = (
                f"a FleetRolloutRun {action.name} is there that is not this FleetRollout's; waiting until it is gone"
            )
            raise TryAgain(message) from None
        self._created[key_of(obj)] = (action.name, version_of(made))

    async def _finalizers(self, obj: Object, add: bool) -> None:
        others = [entry for entry in metadata(obj).get("finalizers") or () if entry != FINALIZER]
        wanted = [*others, FINALIZER] if add else others
        body = {"metadata": {"finalizers": wanted, "resourceVersion": version_of(obj)}}
        stored = await self.hub.client.patch(FLEET_ROLLOUTS, name_of(obj), body, namespace_of(obj), manager=MANAGER)
        if add:
            self._written[key_of(obj)] = version_of(stored)

    async def stall(self, key: str, why: Stalled) -> None:
        obj = self.rollouts.by_key(key)
        if obj is not None:
            await self.hub.stalled(obj, why)


def read_spec(obj: Object) -> tuple[Rollout | None, str]:
    """Return the spec, or a sentence why it cannot be used."""
    try:
        return wire.rollout(obj), ""
    except BadField as error:
        return None, str(error)
