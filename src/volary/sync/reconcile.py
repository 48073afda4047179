"""Observe and act for Kustomizations: reads objects, builds, writes; decides nothing."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from volary.kube.decoding import BadField
from volary.kube.errors import KubeError
from volary.kube.objects import (
    Object,
    deleting,
    generation_of,
    key_of,
    metadata,
    name_of,
    namespace_of,
    uid_of,
    version_of,
)
from volary.kube.resources import GIT_REPOSITORIES, KUSTOMIZATIONS
from volary.runtime.cluster import Cluster
from volary.runtime.controller import Controller
from volary.runtime.errors import Stalled, TryAgain
from volary.runtime.events import WARNING, Line
from volary.sources import Checkout, Credentials, Revision, SourceError, Tree
from volary.sync import decide as rules
from volary.sync import reports
from volary.sync.apply import Hand, Refused
from volary.sync.conditions import READY, TRUE
from volary.sync.facts import About, Facts, Failure
from volary.sync.ignore import without_ignored
from volary.sync.kustomize import BuildError
from volary.sync.live import Live, Look
from volary.sync.memory import Memory
from volary.sync.order import id_of
from volary.sync.plan import Build, Plan, Prune, SetFinalizer, Write
from volary.sync.policy import MANAGER
from volary.sync.render import Rendering, render
from volary.sync.source_reconcile import GitRepositories, source_of, spec_of
from volary.sync.spec import GitRepository, Kustomization, Reference, find
from volary.sync.status import StatusWriter
from volary.sync.wire import (
    FINALIZER,
    kustomization,
    kustomization_status,
    kustomization_status_json,
    requested_at,
    revision_of,
)

COMPONENT = "kustomize-controller"
LONGEST_EVENT = 900  # characters; an Event's message may have 1024
MAY_COME = timedelta(seconds=10)  # so long something that is missing may still be on its way


class Kustomizations:
    """The Kustomizations of one cluster."""

    def __init__(self, cluster: Cluster, sources: GitRepositories, namespace: str = "") -> None:
        self.cluster = cluster
        self.sources = sources
        self.kustomizations = cluster.informers.get(KUSTOMIZATIONS, namespace)
        self.repositories = cluster.informers.get(GIT_REPOSITORIES, namespace)
        self.statuses = StatusWriter(cluster.client, KUSTOMIZATIONS, self.kustomizations, MANAGER)
        name = f"sync/kustomizations/{cluster.name or 'local'}"
        self.controller: Controller[Facts, Plan] = Controller(name, self, cluster.clock)
        self.controller.watch(self.kustomizations, lambda obj: [key_of(obj), *self._dependents_of(obj)])
        self.controller.watch(self.repositories, self._users_of)
        self.live = Live(cluster, self.controller.watch)
        self.hand = Hand(cluster, self.live)
        self._memories: dict[str, Memory] = {}

    # -- observe

    async def observe(self, key: str) -> Facts | None:
        obj = await self.statuses.latest(key)
        if obj is None:
            self._memories.pop(key, None)
            return None
        spec, status = read_spec(obj), kustomization_status(obj)
        memory = self._memories.setdefault(key, Memory())
        revision, trouble = self._source(obj, spec)
        about = About(generation_of(obj), revision, requested_at(obj), uid_of(obj))
        if memory.about != about:
            memory.begin(about, self.cluster.clock.now())
        facts = Facts(obj, spec, status, about, trouble, gone=frozenset(memory.gone), began=memory.began)
        if deleting(obj) or isinstance(spec, BadField) or spec.suspend or trouble:
            return facts
        facts = with_failure(facts, memory, self._dependency(obj, spec, revision))
        if memory.rendered != about or memory.rendering is None:
            return facts
        look = await self._look(key, facts, spec, memory)
        return replace(
            facts,
            rendering=memory.rendering,
            unwritten=look.unwritten,
            unusable=look.unusable,
            health=look.health,
            held_until=memory.held_until(spec.retry_interval),
        )

    def _source(self, obj: Object, spec: Kustomization | BadField) -> tuple[str, str]:
        """Return the revision to apply, and why there is none."""
        if isinstance(spec, BadField):
            return "", ""
        source = self._repository(obj, spec.source)
        if source is None:
            return "", f"GitRepository {self._source_key(obj, spec.source)} not found"
        revision = revision_of(source)
        if revision is None:
            return "", f"GitRepository {key_of(source)} has no artifact yet"
        return str(revision), ""

    def _source_key(self, obj: Object, reference: Reference) -> str:
        return f"{reference.namespace or namespace_of(obj)}/{reference.name}"

    def _repository(self, obj: Object, reference: Reference) -> Object | None:
        return self.repositories.by_key(self._source_key(obj, reference))

    def _dependency(self, obj: Object, spec: Kustomization, revision: str) -> str:
        """Return which dependency is not ready, and why; "" if all are."""
        for reference in spec.depends_on:
            key = f"{reference.namespace or namespace_of(obj)}/{reference.name}"
            other = self.kustomizations.by_key(key)
            why = "not found" if other is None else why_not_ready(other, self._same_source(obj, other), revision)
            if why:
                return f"dependency '{key}' is not ready: {why}"
        return ""

    def _same_source(self, obj: Object, other: Object) -> bool:
        mine, theirs = read_spec(obj), read_spec(other)
        if isinstance(mine, BadField) or isinstance(theirs, BadField):
            return False
        return self._source_key(obj, mine.source) == self._source_key(other, theirs.source)

    async def _look(self, key: str, facts: Facts, spec: Kustomization, memory: Memory) -> Look:
        at_rest = rules.rests(facts)
        look = await self.live.look(memory, trusted=at_rest, wait=spec.wait and not at_rest)
        if at_rest or spec.wait or not spec.health_checks or look.unwritten or look.unusable:
            return look
        health = await self.live.check(spec.health_checks, namespace_of(facts.obj), self._checkers_of)
        return Look(health=health)

    # -- decide

    def decide(self, facts: Facts, now: datetime) -> Plan:
        return rules.decide(facts, now)

    # -- act

    async def act(self, key: str, facts: Facts, plan: Plan) -> None:
        memory = self._memories[key]
        try:
            match plan.action:
                case Build():
                    await self._build(facts, memory)
                case Write(objects, rehearse):
                    await self._write(facts, memory, objects, rehearse)
                case Prune(entries):
                    pairs = [(entry, facts.status.inventory[entry]) for entry in entries]
                    await self._tell(facts, await self.hand.prune(pairs, memory, facts.obj))
                case SetFinalizer(present):
                    await self._set_finalizer(key, facts.obj, present)
        except Refused as error:
            self._fail(facts, memory, "ReconciliationFailed", error)
        for line in plan.announce:
            await self.cluster.events.write(facts.obj, line, COMPONENT, facts.about.revision)
        if plan.status is not None:
            await self.statuses.write(key, facts.obj, kustomization_status_json(plan.status))

    async def _write(self, facts: Facts, memory: Memory, objects: Sequence[Object], rehearse: bool) -> None:
        changes = await self.hand.write(objects, memory, rehearse)
        await self._tell(facts, changes)
        if changes and rules.rests(facts) and memory.corrected(self.cluster.clock.now()):
            text = f"{id_of(objects[0])} is changed by others again and again; Git's word is put back less often now"
            line = Line(text, WARNING, "DriftConflict")
            await self.cluster.events.write(facts.obj, line, COMPONENT, facts.about.revision)

    async def stall(self, key: str, why: Stalled) -> None:
        """Say in the status what a person must mend, where we still may write it."""
        self.statuses.complain(key, why)
        obj = self.kustomizations.by_key(key)
        if obj is None or deleting(obj):
            return
        about = About(generation_of(obj), "", requested_at(obj))
        facts = Facts(obj, read_spec(obj), kustomization_status(obj), about)
        plan = reports.stalled(facts, why.reason, str(why), self.cluster.clock.now())
        if plan.status is not None:
            try:
                await self.statuses.write(key, obj, kustomization_status_json(plan.status))
            except KubeError as error:
                self.statuses.complain(key, Stalled(why.reason, f"{why}; and the status cannot be written: {error}"))

    async def _build(self, facts: Facts, memory: Memory) -> None:
        """Bring the revision here and render it, unless nothing that was looked at has changed."""
        assert isinstance(facts.spec, Kustomization)
        try:
            checkout = await self._checkout(facts.obj, facts.spec)
            digest = spec_digest(facts.obj)
            known = memory.rendering
            tree = await asyncio.to_thread(without_ignored, checkout.tree)
            if known is not None and memory.rendered_spec == digest and known.looks.still_true(tree):
                memory.rendered = facts.about
                return
            rendering = await self._render(facts, facts.spec, tree)
        except SourceError as error:
            self._fail(facts, memory, "ArtifactFailed", error)
        except BuildError as error:
            self._fail(facts, memory, "BuildFailed", error)
        else:
            memory.keep(rendering, facts.about, digest)

    async def _checkout(self, obj: Object, spec: Kustomization) -> Checkout:
        """Return the tree of the source's artifact. Raises: SourceError, TryAgain."""
        source = self._repository(obj, spec.source)
        revision = None if source is None else revision_of(source)
        if source is None or revision is None:
            raise TryAgain("the source changed meanwhile")
        repository = spec_of(source)
        if isinstance(repository, BadField):
            raise SourceError("ArtifactFailed", f"the artifact cannot be fetched again: {repository}")
        credentials = await self._credentials(source, repository)
        return await self.sources.fetcher.fetch(source_of(repository), Revision(revision.commit), credentials)

    async def _credentials(self, source: Object, repository: GitRepository) -> Credentials:
        found = await self.sources.credentials(source, repository)
        if found is None:
            raise SourceError("ArtifactFailed", f'there is no Secret "{repository.secret}" to fetch the artifact with')
        return found

    async def _render(self, facts: Facts, spec: Kustomization, tree: Tree) -> Rendering:
        """Render in a thread: a large set must not make a small one wait."""
        return await asyncio.to_thread(render, tree, spec, name_of(facts.obj), namespace_of(facts.obj))

    def _fail(self, facts: Facts, memory: Memory, reason: str, error: Exception) -> None:
        """Remember why the attempt ended. Raises: TryAgain while what is missing may still come."""
        now = self.cluster.clock.now()
        began = memory.began or now
        if isinstance(error, Refused) and error.missing and now - began < MAY_COME:
            raise TryAgain(str(error))
        lasting = isinstance(error, BuildError)
        memory.failure = Failure(facts.about, reason, str(error), now, began, may_pass=not lasting)

    async def _tell(self, facts: Facts, changes: list[str]) -> None:
        if changes:
            text = "\n".join(changes)
            if len(text) > LONGEST_EVENT:
                text = text[:LONGEST_EVENT].rpartition("\n")[0] + f"\nand more, {len(changes)} in all"
            await self.cluster.events.write(
                facts.obj, Line(text, reason="Progressing"), COMPONENT, facts.about.revision
            )

    async def _set_finalizer(self, key: str, obj: Object, present: bool) -> None:
        others = [name for name in metadata(obj).get("finalizers") or () if name != FINALIZER]
        wanted = [*others, FINALIZER] if present else others
        body = {"metadata": {"resourceVersion": version_of(obj), "finalizers": wanted}}
        written = await self.cluster.client.patch(
            KUSTOMIZATIONS, name_of(obj), body, namespace_of(obj), manager=MANAGER
        )
        self.statuses.note(key, written)

    # -- who is concerned

    def _users_of(self, source: Object) -> Iterable[str]:
        """Yield the Kustomizations that apply a source."""
        for obj in self.kustomizations.items():
            reference = (obj.get("spec") or {}).get("sourceRef") or {}
            key = f"{reference.get('namespace') or namespace_of(obj)}/{reference.get('name')}"
            if key == key_of(source):
                yield key_of(obj)

    def _dependents_of(self, changed: Object) -> Iterable[str]:
        """Yield the Kustomizations that wait for another."""
        for obj in self.kustomizations.items():
            for entry in (obj.get("spec") or {}).get("dependsOn") or ():
                if f"{entry.get('namespace') or namespace_of(obj)}/{entry.get('name')}" == key_of(changed):
                    yield key_of(obj)

    def _checkers_of(self, changed: Object) -> Iterable[str]:
        """Yield the Kustomizations that look at an object's health by its name."""
        for obj in self.kustomizations.items():
            for entry in (obj.get("spec") or {}).get("healthChecks") or ():
                if (entry.get("kind"), entry.get("name")) == (changed.get("kind"), name_of(changed)):
                    yield key_of(obj)


def read_spec(obj: Object) -> Kustomization | BadField:
    try:
        return kustomization(obj)
    except BadField as error:
        return error


def with_failure(facts: Facts, memory: Memory, dependency: str) -> Facts:
    """Return the facts with what memory has about exactly this attempt."""
    failure = memory.failure if memory.failure is not None and memory.failure.about == facts.about else None
    return replace(facts, dependency=dependency, failure=failure)


def why_not_ready(other: Object, same_source: bool, revision: str) -> str:
    """Return why a dependency is not ready at what we are about to apply, "" if it is."""
    status = kustomization_status(other)
    ready = find(status.conditions, READY)
    if ready is None or ready.status != TRUE or status.observed_generation != generation_of(other):
        return ready.message if ready is not None and ready.status != TRUE else "not reconciled yet"
    if same_source and status.applied != revision:
        return f"it has not applied {revision} yet"
    return ""


def spec_digest(obj: Object) -> str:
    """Return what stands for everything in the object that a rendering depends on."""
    wish = (name_of(obj), namespace_of(obj), obj.get("spec"))
    return hashlib.sha256(msgspec.json.encode(wish, order="deterministic")).hexdigest()
