"""Looks at the objects of a Kustomization in its cluster: what is there, what differs from Git, what is healthy.

Objects are seen through caches that watch only what carries an owner label, so at rest nothing is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from volary.health import CURRENT, HEALTH, IN_PROGRESS, NOT_FOUND, Verdict, verdict_of
from volary.kube.errors import NotFound
from volary.kube.keeping import PACKED
from volary.kube.objects import NewObject, Object, Resource, labels_of, name_of, namespace_of, version_of
from volary.runtime.cluster import Cluster
from volary.runtime.informer import Informer
from volary.sync.drift import footprint, says_the_same
from volary.sync.memory import Memory, Written
from volary.sync.order import STAGES, USABLE_BEFORE_NEXT, id_of, stage_of
from volary.sync.policy import OWNER_NAME, OWNER_NAMESPACE, never_drifts, says
from volary.sync.spec import ObjectId, Reference
from volary.sync.status import filled, older

Kind = tuple[str, str]  # apiVersion, kind


@dataclass(frozen=True, slots=True)
class Look:
    """What one look showed."""

    unwritten: tuple[Object, ...] = ()
    unusable: tuple[str, ...] = ()
    health: tuple[tuple[ObjectId, Verdict], ...] = ()


class Live:
    """The objects in one cluster. `watch` is told of each cache, so that changes lead to passes."""

    def __init__(self, cluster: Cluster, watch: Callable[[Informer, Callable[[Object], Iterable[str]]], None]) -> None:
        self.cluster = cluster
        self._watch = watch
        self._watched: set[Informer] = set()

    async def resources(self, objects: Iterable[Object]) -> dict[Kind, Resource]:
        """Return the resource of each kind that the server knows."""
        found = {}
        for kind in sorted({(str(obj["apiVersion"]), str(obj["kind"])) for obj in objects}):
            try:
                found[kind] = await self.cluster.client.resource_for(*kind)
            except NotFound:
                continue
        return found

    async def cache(self, resource: Resource) -> Informer:
        """Return the cache of a kind's objects that carry an owner label, filled."""
        informer = self.cluster.informers.get(resource, labels=OWNER_NAME, form=PACKED)
        if informer not in self._watched:
            self._watched.add(informer)
            self._watch(informer, owners)
        await filled(informer)
        return informer

    async def look(self, memory: Memory, trusted: bool, wait: bool) -> Look:
        """Return the first stage that needs work, and with `wait` what is not Current.

        `trusted`: the status says that all of this was applied, so what looks right is right.
        """
        assert memory.rendering is not None
        objects = memory.rendering.objects
        caches = {kind: await self.cache(resource) for kind, resource in (await self.resources(objects)).items()}
        for stage in range(STAGES):
            members = [obj for obj in objects if stage_of(id_of(obj)) == stage]
            unwritten = tuple(obj for obj in members if not self._is_settled(obj, caches, memory, trusted))
            if unwritten:
                return Look(unwritten)
            unusable = [obj for obj in members if stage < STAGES - 1 and obj["kind"] in USABLE_BEFORE_NEXT]
            waiting = self._not_current(unusable, caches, memory)
            if waiting:
                return Look(unusable=tuple(f"{entry} {verdict.message}" for entry, verdict in waiting))
        return Look(health=tuple(self._not_current(objects, caches, memory)) if wait else ())

    def _is_settled(self, obj: Object, caches: Mapping[Kind, Informer], memory: Memory, trusted: bool) -> bool:
        """Does the live object say what Git says? Remembers it when it is seen for the first time."""
        cache = caches.get((obj["apiVersion"], obj["kind"]))
        entry = id_of(obj)
        was, wish = memory.written.get(entry), memory.wishes[entry]
        if cache is None or (was is not None and was.wish != wish):
            return False
        live = find(cache, obj)
        if was is not None and was.left:
            return True
        if live is None:
            # Not there; or written a moment ago, and the cache is behind.
            return was is not None and older(cache.version, was.version)
        if was is None:
            assert memory.rendering is not None
            given_up = never_drifts(obj, memory.rendering.scaled)
            if not (trusted and says_the_same(obj, live, given_up)):
                return False
            memory.written[entry] = Written(wish, version_of(live), footprint(obj, live, given_up), given_up)
            return True
        return version_of(live) == was.version or older(version_of(live), was.version) or self._same(obj, live, memory)

    @staticmethod
    def _same(obj: Object, live: NewObject, memory: Memory) -> bool:
        """The object changed: at a field that Git names?"""
        entry = id_of(obj)
        was = memory.written[entry]
        if says(live, "reconcile", "Disabled"):
            return True
        if footprint(obj, live, was.given_up) != was.footprint:
            return False
        memory.written[entry] = Written(was.wish, version_of(live), was.footprint, was.given_up)
        return True

    def _not_current(
        self, objects: Sequence[Object], caches: Mapping[Kind, Informer], memory: Memory
    ) -> list[tuple[ObjectId, Verdict]]:
        now = self.cluster.clock.now()
        found = []
        for obj in objects:
            entry = id_of(obj)
            was = memory.written.get(entry)
            if was is not None and was.left:
                continue
            live = find(caches[obj["apiVersion"], obj["kind"]], obj)
            verdict = verdict_of(live, now)
            if was is not None and older(version_of(live) if live else "", was.version):
                verdict = Verdict(IN_PROGRESS, "not seen yet")
            if verdict.status != CURRENT:
                found.append((entry, verdict))
        return found

    async def check(
        self, checks: Sequence[Reference], namespace: str, keys: Callable[[Object], Iterable[str]]
    ) -> tuple[tuple[ObjectId, Verdict], ...]:
        """Return what is not Current of objects named one by one, whoever made them."""
        found = []
        now = self.cluster.clock.now()
        for reference in checks:
            api_version = reference.api_version or "apps/v1"
            where = reference.namespace or namespace
            entry = ObjectId(where, reference.name, api_version.rpartition("/")[0], reference.kind)
            try:
                resource = await self.cluster.client.resource_for(api_version, reference.kind)
            except NotFound:
                found.append((entry, Verdict(NOT_FOUND, f"the cluster knows no {reference.kind} in {api_version}")))
                continue
            informer = self.cluster.informers.get(resource, where if resource.namespaced else "", form=HEALTH)
            if informer not in self._watched:
                self._watched.add(informer)
                self._watch(informer, keys)
            await filled(informer)
            verdict = verdict_of(informer.get(reference.name, where if resource.namespaced else ""), now)
            if verdict.status != CURRENT:
                found.append((entry, verdict))
        return tuple(found)


def find(cache: Informer, obj: Object) -> NewObject | None:
    return cache.get(name_of(obj), namespace_of(obj) if cache.resource.namespaced else "")


def owners(obj: Object) -> Iterable[str]:
    """Yield the key of the Kustomization whose labels an object carries."""
    labels = labels_of(obj)
    if OWNER_NAME in labels:
        yield f"{labels.get(OWNER_NAMESPACE, '')}/{labels[OWNER_NAME]}"
