"""Writes and deletes objects: a few at a time within a kind, one kind after the other.

What is new costs one request (and a look, for what others may have made); what is not new is not touched. Conflicts are
forced, as Flux does, but what is not Git's is given up first (`policy`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from volary.kube.errors import ApiError, Forbidden, Invalid, KubeError, NotFound
from volary.kube.objects import NewObject, Object, Resource, mutable, name_of, namespace_of, uid_of, version_of
from volary.kube.transport import Request
from volary.runtime.cluster import Cluster
from volary.sync.drift import footprint
from volary.sync.live import Kind, Live, find
from volary.sync.memory import Memory, Written
from volary.sync.order import id_of, same_kind_runs
from volary.sync.policy import MANAGER, left_alone, may_prune, never_drifts, settle, yielded_paths
from volary.sync.spec import ObjectId

AT_ONCE = 8  # requests in flight for one Kustomization; more only queue up in the API server
WORTH_A_LIST = 8  # unknown objects of one kind and namespace that are looked up by one list

T = TypeVar("T")
R = TypeVar("R")


class Refused(Exception):
    """The API server will not have an object; the text names it and says why."""

    def __init__(self, message: str, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing  # something it needs is not there, which may come


@dataclass(frozen=True, slots=True)
class Work:
    """One object to write."""

    obj: Object
    resource: Resource
    live: NewObject | None  # as it is now, without its managers
    scaled: frozenset[ObjectId]  # workloads whose replicas something in the set sets


class Hand:
    """Writes for the Kustomizations of one cluster. Raises everywhere: Refused, KubeError."""

    def __init__(self, cluster: Cluster, live: Live) -> None:
        self.cluster = cluster
        self.live = live

    async def write(self, objects: Sequence[Object], memory: Memory, rehearse: bool) -> list[str]:
        """Make the objects say what Git says; return what changed, one text each."""
        resources = await self.live.resources(objects)
        for obj in objects:
            check_place(obj, resources)
        wanted = await self._prepare(objects, resources, memory)
        if rehearse:
            await for_each(wanted, lambda work: self._apply(work, dry_run=True))
        changes: list[str] = []
        for run in same_kind_runs([work.obj for work in wanted]):
            kinds = {id(obj) for obj in run}
            done = await for_each(
                [work for work in wanted if id(work.obj) in kinds], lambda work: self._write_one(work, memory)
            )
            changes += [change for change in done if change]
        return changes

    async def prune(self, entries: Sequence[tuple[ObjectId, str]], memory: Memory, owner: Object) -> list[str]:
        """Delete what is still ours; remember what is gone or somebody else's. Return what was deleted."""
        deleted: list[str] = []
        runs: list[list[tuple[ObjectId, str]]] = []
        for entry, version in entries:
            if runs and runs[-1][0][0].kind == entry.kind:
                runs[-1].append((entry, version))
            else:
                runs.append([(entry, version)])
        for run in runs:
            done = await for_each(run, lambda pair: self._delete(pair[0], pair[1], memory, owner))
            deleted += [text for text in done if text]
        return deleted

    # -- writing

    async def _prepare(
        self, objects: Sequence[Object], resources: Mapping[Kind, Resource], memory: Memory
    ) -> list[Work]:
        """Return what to write; what is left to others is only remembered."""
        known = await self._live_objects(objects, resources)
        scaled = memory.rendering.scaled if memory.rendering else frozenset()
        made = []
        for obj in objects:
            entry, resource = id_of(obj), resources[obj["apiVersion"], obj["kind"]]
            live = known.get(entry)
            why = left_alone(obj, live)
            if why:
                version = version_of(live) if live else ""
                memory.written[entry] = Written(memory.wishes[entry], version, None, left=why)
            else:
                made.append(Work(obj, resource, live, scaled))
        return made

    async def _live_objects(
        self, objects: Sequence[Object], resources: Mapping[Kind, Resource]
    ) -> dict[ObjectId, NewObject]:
        """Return the objects that are there, from the cache where it has them, else by asking."""
        found: dict[ObjectId, NewObject] = {}
        unknown: dict[tuple[Resource, str], list[Object]] = {}
        for obj in objects:
            resource = resources[obj["apiVersion"], obj["kind"]]
            live = find(await self.live.cache(resource), obj)
            if live is not None:
                found[id_of(obj)] = live
            else:
                namespace = namespace_of(obj) if resource.namespaced else ""
                unknown.setdefault((resource, namespace), []).append(obj)
        for (resource, namespace), group in unknown.items():
            found |= await self._ask(resource, namespace, group)
        return found

    async def _ask(self, resource: Resource, namespace: str, group: Sequence[Object]) -> dict[ObjectId, NewObject]:
        client = self.cluster.client
        if len(group) > WORTH_A_LIST:
            there = {name_of(obj): obj for obj in (await client.list(resource, namespace)).items}
        else:
            found = await for_each(group, lambda obj: client.get(resource, name_of(obj), namespace))
            there = {name_of(obj): obj for obj in found if obj is not None}
        return {id_of(obj): there[name_of(obj)] for obj in group if name_of(obj) in there}

    async def _write_one(self, work: Work, memory: Memory) -> str:
        """Apply one object; return what changed, "" if nothing did."""
        entry = id_of(work.obj)
        applied, settled = await self._apply(work)
        given_up = tuple(sorted({*settled, *never_drifts(work.obj, work.scaled)}))
        memory.written[entry] = Written(
            memory.wishes[entry], version_of(applied), footprint(work.obj, applied, given_up), given_up
        )
        if work.live is None:
            return f"{entry} created"
        return f"{entry} configured" if version_of(applied) != version_of(work.live) else ""

    async def _apply(self, work: Work, dry_run: bool = False) -> tuple[NewObject, tuple[tuple[str, ...], ...]]:
        try:
            obj, given_up = await self._settled(work)
            applied = await self.cluster.client.apply(work.resource, obj, MANAGER, force=True, dry_run=dry_run)
        except ApiError as error:
            raise refusal(id_of(work.obj), error) or error from None
        return applied, given_up

    async def _settled(self, work: Work) -> tuple[NewObject, tuple[tuple[str, ...], ...]]:
        """Return what to send: without a namespace where the kind has none, and without what is somebody else's."""
        obj = mutable(work.obj)
        if not work.resource.namespaced:
            obj["metadata"].pop("namespace", None)
        if work.live is None or not yielded_paths(obj, work.scaled):
            return obj, ()
        # The cache keeps no managedFields; and what is decided here must still hold when it is written.
        fresh = await self.cluster.client.get(work.resource, name_of(obj), namespace_of(obj))
        settled, given_up = settle(obj, fresh, work.scaled)
        if fresh is not None:
            settled = {**settled, "metadata": {**settled["metadata"], "resourceVersion": version_of(fresh)}}
        return settled, given_up

    # -- deleting

    async def _delete(self, entry: ObjectId, version: str, memory: Memory, owner: Object) -> str:
        """Delete one object if it is still ours; return what was deleted."""
        resource = await self._served(entry, version)
        if resource is None or (resource.namespaced and not entry.namespace):
            memory.gone.add(entry)  # its kind is gone, and so is it
            return ""
        namespace = entry.namespace if resource.namespaced else ""
        client = self.cluster.client
        live = await client.get(resource, entry.name, namespace)
        if live is None or not may_prune(live, name_of(owner), namespace_of(owner)):
            memory.gone.add(entry)
            return ""
        try:
            await client.delete(resource, entry.name, namespace, uid_of(live))
        except ApiError as error:
            raise refusal(entry, error) or error from None
        memory.gone.add(entry)
        return f"{entry} deleted"

    async def _served(self, entry: ObjectId, version: str) -> Resource | None:
        """Return the resource of an entry, in the version that is served today; None: the kind is gone."""
        client = self.cluster.client
        for candidate in (version, await self._preferred(entry.group) if entry.group else ""):
            if not candidate:
                continue
            try:
                return await client.resource_for(f"{entry.group}/{candidate}" if entry.group else candidate, entry.kind)
            except NotFound:
                continue
        return None

    async def _preferred(self, group: str) -> str:
        request = Request("GET", f"/apis/{group}", headers={"accept": "application/json"})
        response = await self.cluster.client.raw(request)
        if response.status != 200:
            return ""
        document = msgspec.json.decode(response.body)
        return str((document.get("preferredVersion") or {}).get("version") or "")


def check_place(obj: Object, resources: Mapping[Kind, Resource]) -> None:
    """Refuse an object of an unknown kind, or without the namespace that it needs. Raises: Refused."""
    entry = id_of(obj)
    resource = resources.get((obj["apiVersion"], obj["kind"]))
    if resource is None:
        message = f'{entry}: the cluster has no kind "{obj["kind"]}" in "{obj["apiVersion"]}"; is its CRD installed?'
        raise Refused(message, missing=True)
    if resource.namespaced and not namespace_of(obj):
        raise Refused(f"{entry} has no namespace; write metadata.namespace, or spec.targetNamespace for all")


def refusal(entry: ObjectId, error: ApiError) -> Refused | None:
    """Return what an error means for the set; None: it is about the moment, and asking again will do."""
    if isinstance(error, Invalid | Forbidden | NotFound) or error.code == 400:
        return Refused(f"{entry} is refused ({error.reason or error.code}): {error}", isinstance(error, NotFound))
    return None


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """Return `work(item)` for all items, a few at once; after the first error no more are begun, and it is raised."""
    free = asyncio.Semaphore(AT_ONCE)
    results: dict[int, R] = {}
    errors: list[Exception] = []

    async def one(at: int, item: T) -> None:
        async with free:
            if errors:
                return
            try:
                results[at] = await work(item)
            except (Refused, KubeError) as error:
                errors.append(error)

    async with asyncio.TaskGroup() as group:
        for at, item in enumerate(items):
            group.create_task(one(at, item))
    if errors:
        raise errors[0]
    return [results[at] for at in sorted(results)]
