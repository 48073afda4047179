"""The objects of one cluster: immutable entries, one revision counter, a bounded ring of changes per resource.

Everything is keyed by resource (GROUP/PLURAL), then (namespace, name). A write replaces an entry, never changes one,
so entries, their bytes and old lists can be shared freely.
"""

from __future__ import annotations

import bisect
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from volary.embedded.api.encoding import encode

NewObject = dict[str, Any]
Key = tuple[str, str]  # (namespace, name); the namespace is "" for objects of the cluster

RING = 1_000  # changes kept for a watch to go on from; beyond it 410, as with a compacted etcd


class Entry:
    """One version of one object, with its bytes once somebody asked for them."""

    __slots__ = ("_raw", "obj", "version")

    def __init__(self, obj: NewObject, version: int) -> None:
        self.obj = obj
        self.version = version
        self._raw: bytes | None = None

    @property
    def raw(self) -> bytes:
        if self._raw is None:
            self._raw = encode(self.obj)
        return self._raw

    @property
    def key(self) -> Key:
        meta = self.obj["metadata"]
        return meta.get("namespace", ""), meta["name"]


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

    entries: dict[Key, Entry] = field(default_factory=dict)
    ring: deque[Change] = field(default_factory=lambda: deque(maxlen=RING))
    forgotten: int = 0  # the newest version that has left the ring
    ordered: list[Key] | None = None
    listeners: list[Callable[[Change], None]] = field(default_factory=list)


class Store:
    """All tables of one cluster, and who listens to every write."""

    def __init__(self) -> None:
        self.version = 1
        self.listeners: list[Callable[[str, Change], None]] = []
        self._tables: dict[str, Table] = {}

    def table(self, resource: str) -> Table:
        found = self._tables.get(resource)
        if found is None:
            found = self._tables[resource] = Table()
        return found

    def resources(self) -> list[str]:
        """Return the resources of which there is at least one object, sorted."""
        return sorted(name for name, table in self._tables.items() if table.entries)

    def get(self, resource: str, namespace: str, name: str) -> Entry | None:
        table = self._tables.get(resource)
        return table.entries.get((namespace, name)) if table else None

    def items(self, resource: str, namespace: str | None = None) -> list[Entry]:
        """Return the entries of one namespace or all (None), sorted by namespace and name."""
        table = self._tables.get(resource)
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
        """Store a fresh object (its metadata fresh too) under the next version."""
        self.version += 1
        meta = obj["metadata"]
        meta["resourceVersion"] = str(self.version)
        key = (meta.get("namespace", ""), meta["name"])
        table = self.table(resource)
        old = table.entries.get(key)
        entry = table.entries[key] = Entry(obj, self.version)
        if old is None:
            table.ordered = None
        self._tell(resource, table, Change("MODIFIED" if old else "ADDED", entry, old))
        return entry

    def remove(self, resource: str, namespace: str, name: str) -> Entry:
        """Take an object away; return its last state under the version of the removal."""
        table = self.table(resource)
        old = table.entries.pop((namespace, name))
        table.ordered = None
        self.version += 1
        meta = {**old.obj["metadata"], "resourceVersion": str(self.version)}
        gone = Entry({**old.obj, "metadata": meta}, self.version)
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
        if len(table.ring) == RING:
            table.forgotten = table.ring[0].version
        table.ring.append(change)
        for deliver in tuple(table.listeners):
            deliver(change)
        for listener in tuple(self.listeners):
            listener(resource, change)
