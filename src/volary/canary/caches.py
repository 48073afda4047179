"""What a controller of canaries watches, which canary an object belongs to, and our own last writes.

A pass never sees an object older than our last write of it: it waits for the cache, or tries again later.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from volary.canary.hashes import canonical, revision_of
from volary.canary.rewrites import primary_name
from volary.canary.tracking import CONFIG_MAP
from volary.kube.keeping import PACKED, WHOLE
from volary.kube.objects import (
    NewObject,
    Object,
    Resource,
    deleting,
    dig,
    generation_of,
    key_of,
    metadata,
    name_of,
    namespace_of,
    uid_of,
    version_of,
)
from volary.kube.resources import (
    AUTOSCALERS,
    CANARIES,
    CONFIG_MAPS,
    DEPLOYMENTS,
    DESTINATION_RULES,
    SECRETS,
    SERVICES,
    VIRTUAL_SERVICES,
)
from volary.runtime.informer import Informer, Informers

SECONDS_TO_COME_BACK = 10.0  # our own write, through the watch; longer, and something is wrong
WATCHED = (
    CANARIES,
    DEPLOYMENTS,
    SERVICES,
    AUTOSCALERS,
    CONFIG_MAPS,
    SECRETS,
    VIRTUAL_SERVICES,
    DESTINATION_RULES,
)
MANY = (DEPLOYMENTS, SERVICES, CONFIG_MAPS, SECRETS)  # most of which are no canary's: a hundred times what is looked at


@dataclass(slots=True)
class Memory:
    """What we remember of one canary; nothing that a restart may not lose."""

    written: dict[tuple[Resource, str], str] = field(default_factory=dict)  # (kind, name) -> our last version
    route: tuple[str, int] | None = None  # (uid, generation) of the VirtualService when it was last as it should be
    configs: frozenset[tuple[str, str]] = frozenset()  # (kind, name) that the target names
    revision: tuple[str, int, str] = ("", 0, "")  # uid and generation of the target, and its template's name
    refused: dict[tuple[Resource, str], str] = field(default_factory=dict)  # `asked_for` that a server did not keep
    times: dict[tuple[Resource, str], list[datetime]] = field(default_factory=dict)  # of our last writes
    step: str = ""  # the step that `said` belongs to
    said: set[str] = field(default_factory=set)  # lines that were written as Events


class Caches:
    """The caches of one cluster, and the memory of each canary by its key."""

    def __init__(self, informers: Informers, namespace: str) -> None:
        self.of = {
            resource: informers.get(resource, namespace, form=PACKED if resource in MANY else WHOLE)
            for resource in WATCHED
        }
        self.memory: dict[str, Memory] = {}
        self._canaries_of: dict[tuple[str, str], set[str]] = {}  # (namespace, name of an object) -> keys
        self._names: dict[str, frozenset[tuple[str, str]]] = {}
        self.canaries.listen(self._index)

    @property
    def canaries(self) -> Informer:
        return self.of[CANARIES]

    @property
    def deployments(self) -> Informer:
        return self.of[DEPLOYMENTS]

    @property
    def services(self) -> Informer:
        return self.of[SERVICES]

    @property
    def autoscalers(self) -> Informer:
        return self.of[AUTOSCALERS]

    @property
    def virtual_services(self) -> Informer:
        return self.of[VIRTUAL_SERVICES]

    @property
    def destination_rules(self) -> Informer:
        return self.of[DESTINATION_RULES]

    def config(self, kind: str, name: str, namespace: str) -> Object | None:
        return self.of[CONFIG_MAPS if kind == CONFIG_MAP else SECRETS].get(name, namespace)

    def remember(self, key: str) -> Memory:
        return self.memory.setdefault(key, Memory())

    def forget(self, key: str) -> None:
        self.memory.pop(key, None)

    async def settle(self, key: str, namespace: str) -> None:
        """Wait until the caches show what we last wrote for a canary. Raises: TryAgain."""
        written = self.remember(key).written
        for (resource, name), version in list(written.items()):
            await self.of[resource].at_least(name, namespace, version, SECONDS_TO_COME_BACK)
            written.pop((resource, name), None)

    def wrote(self, key: str, resource: Resource, obj: Object) -> None:
        """Remember a write of ours."""
        if resource in self.of:
            self.remember(key).written[resource, name_of(obj)] = version_of(obj)
        if resource == VIRTUAL_SERVICES:
            self.route_is_good(key, obj)

    def route_is_good(self, key: str, live: Object) -> None:
        self.remember(key).route = (uid_of(live), generation_of(live))

    def is_foreign(self, canary: Object, live: Object | None) -> bool:
        """Was the route changed or deleted by somebody else since it was last as it should be, as far as we know?"""
        known = self.remember(key_of(canary)).route
        if known is None:
            return False
        return live is None or known != (uid_of(live), generation_of(live))

    def revision_of(self, key: str, target: Object) -> str:
        """Return the revision of a canary's target; hashed once for each generation."""
        memory, uid, generation = self.remember(key), uid_of(target), generation_of(target)
        if memory.revision[:2] != (uid, generation):
            memory.revision = (uid, generation, revision_of(dig(target, "spec", "template") or {}))
        return memory.revision[2]

    def worth_asking(self, key: str, resource: Resource, obj: NewObject | None) -> bool:
        """Is there something to write that this server has not refused to keep before?"""
        return obj is not None and self.remember(key).refused.get((resource, name_of(obj))) != asked_for(obj)

    def older_with_same_target(self, canary: Object) -> Object | None:
        """Return the canary that has the right to this one's target, if it is not this one."""
        rivals = [
            other
            for key in self.keys_for(target_of(canary), namespace_of(canary))
            if (other := self.canaries.by_key(key)) is not None
            and target_of(other) == target_of(canary)
            and not deleting(other)
        ]
        first = min(rivals, key=seniority, default=canary)
        return None if uid_of(first) == uid_of(canary) else first

    def keys_for(self, name: str, namespace: str) -> Iterable[str]:
        """Return the keys of the canaries that an object of this name may belong to."""
        return sorted(self._canaries_of.get((namespace, name), ()))

    def keys_of_config(self, kind: str, obj: Object) -> list[str]:
        """Return the keys of the canaries whose target names this configuration, or that have a copy of it."""
        namespace, name = namespace_of(obj), name_of(obj)
        return [
            key
            for key in sorted(self.memory)
            if key.startswith(f"{namespace}/")
            and any(kind == of and name in (own, primary_name(own)) for of, own in self.memory[key].configs)
        ]

    def _index(self, old: Object | None, new: Object | None) -> None:
        for obj, known in ((old, False), (new, True)):
            for name in object_names(obj) if obj is not None else ():
                keys = self._canaries_of.setdefault((namespace_of(obj or {}), name), set())
                keys.add(key_of(obj or {})) if known else keys.discard(key_of(obj or {}))


def asked_for(obj: Object) -> str:
    """Return a short name for what a write asks for, whatever the version it is made from."""
    meta = {name: value for name, value in metadata(obj).items() if name not in ("resourceVersion", "generation")}
    asked = {name: value for name, value in obj.items() if name != "status"}
    return hashlib.sha256(canonical({**asked, "metadata": meta})).hexdigest()


def target_of(canary: Object) -> str:
    return str(dig(canary, "spec", "targetRef", "name") or "")


def object_names(canary: Object) -> set[str]:
    """Return the names of all objects that belong to a canary, whatever their kind."""
    target = target_of(canary)
    service = str(dig(canary, "spec", "service", "name") or target)
    names = {target, service, str(dig(canary, "spec", "autoscalerRef", "name") or target)}
    return names | {primary_name(name) for name in names} | {f"{service}-canary"}


def seniority(canary: Object) -> tuple[str, str]:
    return str(metadata(canary).get("creationTimestamp") or ""), name_of(canary)
