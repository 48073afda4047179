"""The objects of one cluster: immutable entries, one revision counter, a bounded ring of changes per resource.

Everything is keyed by resource (GROUP/PLURAL), then (namespace, name). A write replaces an entry, never changes one,
so entries, their bytes and old lists can be shared freely: a clone of a cluster begins as the same entries.

```
put ─► keeper (a journal on disk, if there is one) ─► entries, ring ─► watches, controllers
          └─ cannot keep it: Problem, and nothing has changed
```
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from volary.embedded.api.encoding import decode, encode

NewObject = dict[str, Any]
Key = tuple[str, str]  # (namespace, name); the namespace is "" for objects of the cluster

FIRST = 1  # the version that an empty store is at
RING = 1_000  # changes kept for a watch to go on from; beyond it 410, as with a compacted etcd
SMALL_RING = 50  # for simulations of hundreds of clusters: the ring is what their memory goes to


class Entry:
    """One version of one object: as an object, as bytes once somebody asked for them, or only as bytes at rest."""

    __slots__ = ("_obj", "_raw", "key", "version")

    def __init__(self, obj: NewObject, version: int) -> None:
        meta = obj["metadata"]
        self.key: Key = (meta.get("namespace", ""), meta["name"])
        self.version = version
        self._obj: NewObject | None = obj
        self._raw: bytes | None = None

    @classmethod
    def at_rest(cls, key: Key, version: int, raw: bytes) -> Entry:
        """Return an entry from its bytes."""
        entry = cls.__new__(cls)
        entry.key, entry.version, entry._obj, entry._raw = key, version, None, raw
        return entry

    @property
    def obj(self) -> NewObject:
        found = self._obj
        if found is None:
            assert self._raw is not None, "an entry at rest has its bytes"
            found = self._obj = object_from(self._raw)
        return found

    @property
    def raw(self) -> bytes:
        if self._raw is None:
            self._raw = encode(self._obj)
        return self._raw

    def rest(self) -> None:
        """Keep only the bytes, a third of the size; the object is made again when somebody asks for it."""
        self._raw = self.raw
        self._obj = None


def object_from(raw: bytes) -> NewObject:
    """Return a stored object from its bytes, managedFields packed as in every stored object."""
    obj: NewObject = decode(raw)
    meta = obj["metadata"]
    if "managedFields" in meta:
        meta["managedFields"] = msgspec.Raw(encode(meta["managedFields"]))
    return obj


class Keeper(Protocol):
    """What holds on to every write before it counts. Raises: Problem; then the write has not happened.

    It never saw an old entry of version `FIRST`: that one was there from the beginning.
    """

    def keep(self, resource: str, entry: Entry, old: Entry | None) -> None: ...

    def drop(self, resource: str, old: Entry, version: int) -> None: ...


class Change:
    """One write: ADDED, MODIFIED or DELETED. `new` of a DELETED is the last state under the delete's own version."""

    __slots__ = ("_frame", "new", "old", "type")

    def __init__(self, kind: str, new: Entry, old: Entry | None) -> None:
        self.type = kind
        self.new = new
        self.old = old
        self._frame: bytes | None = None

    @property
    def version(self) -> int:
        return self.new.version

    @property
    def frame(self) -> bytes:
        """Return the watch event in the stored version, encoded once for all watchers."""
        if self._frame is None:
            self._frame = frame(self.type, self.new.raw)
        return self._frame


def frame(kind: str, raw: bytes) -> bytes:
    """Return a watch event as a line."""
    return b'{"type":"%s","object":%s}\n' % (kind.encode(), raw)


@dataclass(slots=True)
class Table:
    """The objects of one resource."""

    forgotten: int = 0  # the newest version that has left the ring
    entries: dict[Key, Entry] = field(default_factory=dict)
    ring: deque[Change] = field(default_factory=deque)
    ordered: list[Key] | None = None
    listeners: list[Callable[[Change], None]] = field(default_factory=list)


class Store:
    """All tables of one cluster, and who listens to every write."""

    def __init__(self, ring: int = RING, keeper: Keeper | None = None) -> None:
        self.version = FIRST
        self.listeners: list[Callable[[str, Change], None]] = []
        self.ring = ring
        self.keeper = keeper
        self._tables: dict[str, Table] = {}
        self._floor = 0  # what was written up to here is in no ring
        self._seeds: dict[str, Callable[[], Iterable[Entry]]] = {}

    def seed(self, resource: str, make: Callable[[], Iterable[Entry]]) -> None:
        """Have objects there from the beginning, without a write; they are made when somebody first looks.

        A clone keeps those of its source.
        """
        self._seeds.setdefault(resource, make)

    def table(self, resource: str) -> Table:
        found = self._tables.get(resource)
        if found is None:
            found = self._tables[resource] = Table(self._floor)
            if make := self._seeds.get(resource):
                found.entries = {entry.key: entry for entry in make()}
        return found

    def _known(self, resource: str) -> Table | None:
        """Return a table that was not found, if it is only waiting to be looked at."""
        return self.table(resource) if resource in self._seeds else None

    def restore(self, version: int, entries: Iterable[tuple[str, Entry]]) -> None:
        """Begin with what was kept, before anybody reads or listens; a watch from before `version` gets 410."""
        assert not self._tables, "a store is filled before it is used"
        self.version = self._floor = version
        for resource, entry in entries:
            self.table(resource).entries[entry.key] = entry

    def clone(self) -> Store:
        """Return a store of its own with the same objects under the same versions, not kept, listened to by nobody."""
        found = Store(self.ring)
        found.version = found._floor = self.version
        found._seeds = dict(self._seeds)
        for resource, table in self._tables.items():
            if table.entries or resource in self._seeds:
                found._tables[resource] = Table(self.version, dict(table.entries), ordered=table.ordered)
        return found

    def resources(self) -> list[str]:
        """Return the resources of which there is at least one object, sorted."""
        return sorted(name for name, table in self._tables.items() if table.entries)

    def get(self, resource: str, namespace: str, name: str) -> Entry | None:
        table = self._tables.get(resource) or self._known(resource)
        return table.entries.get((namespace, name)) if table else None

    def items(self, resource: str, namespace: str | None = None) -> list[Entry]:
        """Return the entries of one namespace or all (None), sorted by namespace and name."""
        table = self._tables.get(resource) or self._known(resource)
        if table is None:
            return []
        if table.ordered is None:
            table.ordered = sorted(table.entries)
        keys: Sequence[Key] = table.ordered
        if namespace is not None:
            start = bisect.bisect_left(keys, (namespace, ""))
            keys = keys[start : bisect.bisect_left(keys, (namespace + "\0", ""))]
        return [table.entries[key] for key in keys]

    def put(self, resource: str, obj: NewObject) -> Entry:
        """Store a fresh object (its metadata fresh too) under the next version. Raises: Problem, if it is not kept."""
        version = self.version + 1
        obj["metadata"]["resourceVersion"] = str(version)
        entry = Entry(obj, version)
        table = self.table(resource)
        old = table.entries.get(entry.key)
        if self.keeper:
            self.keeper.keep(resource, entry, old)
        self.version = version
        table.entries[entry.key] = entry
        if old is None:
            table.ordered = None
        self._tell(resource, table, Change("MODIFIED" if old else "ADDED", entry, old))
        return entry

    def reshape(self, resource: str, shape: Callable[[Entry], NewObject | None]) -> None:
        """Replace what objects look like, under their versions and unheard: what is read of them has changed, not they.

        `shape` returns the object as it looks now, None where it stays.
        """
        table = self._tables.get(resource)
        for key, entry in list(table.entries.items()) if table else ():
            made = shape(entry)
            if made is not None and table is not None:
                table.entries[key] = Entry(made, entry.version)

    def remove(self, resource: str, namespace: str, name: str) -> Entry:
        """Take an object away; return its last state under the version of the removal. Raises: Problem, as `put`."""
        table = self.table(resource)
        version, old = self.version + 1, table.entries[namespace, name]
        if self.keeper:
            self.keeper.drop(resource, old, version)
        self.version = version
        del table.entries[old.key]
        table.ordered = None
        meta = {**old.obj["metadata"], "resourceVersion": str(version)}
        gone = Entry({**old.obj, "metadata": meta}, version)
        self._tell(resource, table, Change("DELETED", gone, old))
        return gone

    def since(self, resource: str, version: int) -> list[Change] | None:
        """Return the changes after `version`, oldest first; None if some of them are forgotten."""
        table = self.table(resource)
        if version < table.forgotten:
            return None
        changes: list[Change] = []
        for change in reversed(table.ring):
            if change.version <= version:
                break
            changes.append(change)
        changes.reverse()
        return changes

    def forget(self, resource: str) -> None:
        """Drop the history of a resource that is no longer served."""
        table = self.table(resource)
        table.ring.clear()
        table.forgotten = self.version

    def _tell(self, resource: str, table: Table, change: Change) -> None:
        if len(table.ring) >= self.ring:
            table.forgotten = table.ring.popleft().version
        table.ring.append(change)
        for deliver in tuple(table.listeners):
            deliver(change)
        for listener in tuple(self.listeners):
            listener(resource, change)
        if change.old is not None:
            change.old.rest()  # only a watch that goes on from before still reads it
