"""Reads members into looks: from the caches that watches keep, or, where a look must be fresh, the objects themselves.

What is watched: GitRepository, Kustomization, Canary, the two Deployments, Events of a canary in flight. ConfigMaps and
Secrets are read only when a proof is at stake, so no Secret is ever kept. At rest nothing is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from volary.canary import rewrites
from volary.canary.tracking import SECRET
from volary.fleet import look as looks
from volary.fleet.clocks import ServerClock
from volary.fleet.facts import Look
from volary.fleet.interest import Interests, Topic
from volary.fleet.look import Words, Workloads
from volary.fleet.members import Member
from volary.fleet.spec import Ref, Target
from volary.health import HEALTH
from volary.kube.errors import KubeError, NotFound
from volary.kube.keeping import WHOLE, Form
from volary.kube.objects import Object, Resource, dig, key_of, version_of
from volary.kube.resources import (
    CANARIES,
    CONFIG_MAPS,
    DEPLOYMENTS,
    EVENTS,
    GIT_REPOSITORIES,
    KUSTOMIZATIONS,
    SECRETS,
)
from volary.runtime.cluster import Cluster
from volary.runtime.informer import Informer
from volary.sync.spec import ObjectId

log = logging.getLogger(__name__)

DAEMON_SETS = Resource("apps/v1", "DaemonSet", "daemonsets")
FILL_SECONDS = 1.0  # for the first lists of a member that answers; all members are looked at at once
WORKLOADS = {"Deployment": DEPLOYMENTS, "DaemonSet": DAEMON_SETS}


@dataclass(frozen=True, slots=True)
class Asked:
    """What is wanted of a look."""

    target: Target
    source: Ref | None  # the hub's source object
    since: datetime | None = None  # by the hub's clock: Events before it are of another commit; None: none is asked
    fresh: bool = False


class Observer:
    """Reads members; remembers only whom to wake and whose pin was refused."""

    def __init__(self, hub: ServerClock, wake: Callable[[str], None]) -> None:
        self.hub = hub
        self.wake = wake
        self.interests = Interests()
        self.hub_uid = ""
        self._drift: dict[tuple[str, Ref], tuple[str, str]] = {}  # -> version, field manager
        self._heard: dict[str, tuple[Cluster, set[int]]] = {}  # informers that we listen to, by cluster
        self._clocks: dict[str, tuple[Cluster, ServerClock]] = {}

    def refused(self, cluster: str, repository: Ref, version: str, manager: str) -> None:
        """Remember that the pin belongs to `manager` in this version of the object; another version is asked again."""
        self._drift[cluster, repository] = (version, manager)

    async def look(self, key: str, member: Member, asked: Asked, topics: set[Topic]) -> Look:
        """Return one look; `topics` gains what would change it."""
        base = Look(
            name=member.name,
            uid=member.uid,
            labels=member.labels,
            suspended=member.suspend,
            reachable=member.reachable,
            reason=member.reason,
            message=member.message,
            read=False,
            repository=None,
            kustomization=None,
            is_source=looks.is_source(member.uid, self.hub_uid, asked.target, asked.source),
        )
        if member.cluster is None:
            return base
        reader = Reader(self, member.cluster, asked, topics)
        if not await reader.filled(wait=member.reachable == "True"):
            return base
        try:
            return await reader.look(base)
        except KubeError as error:
            log.info("cannot read", extra={"cluster": member.name, "error": str(error)})
            if not asked.fresh:
                return base
            plain = await self.look(key, member, replace(asked, fresh=False), topics)
            return replace(plain, unreadable=str(error))

    def informer(self, cluster: Cluster, resource: Resource, namespace: str, form: Form = WHOLE) -> Informer:
        """Return the shared informer, listened to from its first use on."""
        found = cluster.informers.get(resource, namespace, form=form)
        known, heard = self._heard.get(cluster.name, (cluster, set[int]()))
        if known is not cluster:
            heard = set()  # the way there was made anew, with new informers
        self._heard[cluster.name] = (cluster, heard)
        if id(found) not in heard:
            heard.add(id(found))
            found.listen(lambda old, new: self._changed(cluster.name, resource.plural, old, new))
        return found

    def _changed(self, cluster: str, plural: str, old: Object | None, new: Object | None) -> None:
        obj = new if new is not None else old
        if obj is None:
            return
        involved = obj.get("involvedObject") if plural == EVENTS.plural else None
        about = f"{involved.get('namespace')}/{involved.get('name')}" if involved else key_of(obj)
        for key in self.interests.keys(cluster, plural, about):
            self.wake(key)

    def drift_of(self, cluster: str, repository: Ref, obj: Object) -> str:
        version, manager = self._drift.get((cluster, repository), ("", ""))
        return manager if version and version == version_of(obj) else ""

    def skewed(self, cluster: Cluster, moment: datetime) -> datetime:
        """Return a moment of the hub's clock as the member's clock had it; Events are dated there."""
        known, clock = self._clocks.get(cluster.name, (None, None))
        if known is not cluster or clock is None:
            clock = ServerClock(cluster.clock, cluster.client)
            self._clocks[cluster.name] = (cluster, clock)
        return moment + (clock.now() - self.hub.now())


class Reader:
    """One look at one member."""

    def __init__(self, observer: Observer, cluster: Cluster, asked: Asked, topics: set[Topic]) -> None:
        self.observer = observer
        self.cluster = cluster
        self.asked = asked
        self.topics = topics

    def watched(self, resource: Resource, ref: Ref) -> Informer:
        """Return the informer for an object, and remember that we look at it."""
        self.topics.add((self.cluster.name, resource.plural, str(ref)))
        return self.observer.informer(self.cluster, resource, ref.namespace)

    async def filled(self, wait: bool) -> bool:
        """Open the caches; return whether they are filled, after some patience with a member that answers."""
        informers = list(self.informers())
        empty = [informer for informer in informers if not informer.synced.is_set()]
        if wait and not any(informer.trouble for informer in empty):
            # Or people would be shown a hold for the moment that the first look takes.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FILL_SECONDS):
                    for informer in empty:
                        await informer.synced.wait()
        return all(informer.synced.is_set() for informer in informers)

    def informers(self) -> Iterable[Informer]:
        target = self.asked.target
        found = [self.watched(GIT_REPOSITORIES, target.repository), self.kustomizations()]
        if target.canary is not None:
            found += [self.watched(CANARIES, target.canary)]
            found += [self.observer.informer(self.cluster, DEPLOYMENTS, target.canary.namespace)]
            if self.asked.since is not None:
                found += [self.watched(EVENTS, target.canary)]
        return found

    def kustomizations(self) -> Informer:
        """All of the cluster: a GitRepository may feed Kustomizations of other namespaces."""
        self.topics.add((self.cluster.name, KUSTOMIZATIONS.plural, str(self.asked.target.kustomization)))
        return self.observer.informer(self.cluster, KUSTOMIZATIONS, "")

    async def get(self, resource: Resource, ref: Ref) -> Object | None:
        """Return an object: itself, where the look is to be fresh, else as the cache has it."""
        if self.asked.fresh:
            return await self.cluster.client.get(resource, ref.name, ref.namespace)
        if resource is KUSTOMIZATIONS:
            return self.kustomizations().get(ref.name, ref.namespace)
        return self.watched(resource, ref).get(ref.name, ref.namespace)

    async def look(self, base: Look) -> Look:
        # In this order: what Flux has applied is read after the pin, what the canary made of it after that.
        target = self.asked.target
        repository = await self.get(GIT_REPOSITORIES, target.repository)
        kustomization = await self.get(KUSTOMIZATIONS, target.kustomization)
        found = replace(base, read=True, fresh=self.asked.fresh)
        if repository is not None:
            drift = self.observer.drift_of(base.name, target.repository, repository)
            others = self.kustomizations().items()
            found = replace(found, repository=looks.repository(repository, others, target.kustomization, drift))
        if kustomization is not None:
            found = replace(found, kustomization=looks.kustomized(kustomization))
        if target.canary is not None:
            return await self.with_canary(found, target.canary)
        if kustomization is not None:
            objects = [(entry, await self.object(entry, v)) for entry, v in looks.inventory(kustomization)]
            found = replace(found, unhealthy=looks.unhealthy(objects, self.cluster.clock.now()))
        return found

    async def with_canary(self, found: Look, ref: Ref) -> Look:
        canary = await self.get(CANARIES, ref)
        said = self.words(ref)
        found = replace(found, warning=said.warning)
        if canary is None:
            return found
        return replace(found, canary=looks.canary(canary, await self.workloads(canary, ref.namespace), said))

    def words(self, ref: Ref) -> Words:
        if self.asked.since is None:
            return Words()
        events = self.watched(EVENTS, ref).items()
        return looks.words(events, ref, self.observer.skewed(self.cluster, self.asked.since))

    async def workloads(self, canary: Object, namespace: str) -> Workloads:
        kind, name = str(dig(canary, "spec", "targetRef", "kind")), str(dig(canary, "spec", "targetRef", "name"))
        resource = WORKLOADS.get(kind)
        if resource is None:
            return Workloads(None, None)
        target = await self.get(resource, Ref(namespace, name))
        primary = await self.get(resource, Ref(namespace, rewrites.primary_name(name)))
        if not self.asked.fresh or target is None or primary is None:
            return Workloads(target, primary)
        configs: dict[tuple[str, str], Object | None] = {}
        for what, original, copy in rewrites.pairs(target, primary):
            source = SECRETS if what == SECRET else CONFIG_MAPS
            for each in (original, copy):
                configs[what, each] = await self.cluster.client.get(source, each, namespace)
        return Workloads(target, primary, configs)

    async def object(self, entry: ObjectId, version: str) -> Object | None:
        """Return an applied object of any kind."""
        api_version = f"{entry.group}/{version}" if entry.group else version
        try:
            resource = await self.cluster.client.resource_for(api_version, entry.kind)
        except NotFound:
            return None
        ref = Ref(entry.namespace, entry.name)
        if self.asked.fresh:
            return await self.cluster.client.get(resource, ref.name, ref.namespace)
        informer = self.observer.informer(self.cluster, resource, ref.namespace, HEALTH)
        self.topics.add((self.cluster.name, resource.plural, f"{ref}" if ref.namespace else ref.name))
        if not informer.synced.is_set():
            return await self.cluster.client.get(resource, ref.name, ref.namespace)
        return informer.get(ref.name, ref.namespace)


async def all_looks(made: Iterable[Coroutine[Any, Any, Look]]) -> dict[str, Look]:
    """Return several looks, made at once: a slow cluster must not keep the others waiting."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one) for one in made]
    return {task.result().name: task.result() for task in tasks}
