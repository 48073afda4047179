"""The brain of a LIST and WATCH: what to ask for next, and what an answer changes. Pure; `runtime.informer` drives it.

    Unlisted ──whole list──► Current ──event, bookmark──► Current      a watch that ends leaves us Current
        ▲                       │
        └───────── 410 ─────────┘      what vanished meanwhile shows as the difference to the next list

Versions are the server's; they are compared as numbers only within one resource of one server (`reached`).
Source: kube-rs `watcher`; Kubernetes API concepts, "Efficient detection of changes".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from volary.kube.errors import Expired, error_class
from volary.kube.objects import NewObject, key_of, metadata, version_of

PAGE_SIZE = 500  # what kubectl asks for; keeps one answer to a few megabytes


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Nothing is known, or what is known is too old: list everything, `limit` at a time (0: in one answer)."""

    limit: int = PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Current:
    """The store is whole as of `version`: watch on from there."""

    version: str


State = Unlisted | Current


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one key; None: not there."""

    key: str
    old: NewObject | None
    new: NewObject | None


class Store:
    """The objects as last seen, by key. Objects that come out are shared: never change one."""

    def __init__(self) -> None:
        self.objects: dict[str, NewObject] = {}

    def replace(self, items: Iterable[NewObject]) -> list[Change]:
        """Take a whole list; return the difference, first what is gone, each sorted by key."""
        fresh = {key_of(obj): slim(obj) for obj in items}
        gone = [Change(key, self.objects[key], None) for key in sorted(self.objects.keys() - fresh.keys())]
        changed = [
            Change(key, self.objects.get(key), fresh[key])
            for key in sorted(fresh)
            if key not in self.objects or version_of(self.objects[key]) != version_of(fresh[key])
        ]
        self.objects = {key: fresh[key] for key in sorted(fresh)}
        return gone + changed

    def put(self, obj: NewObject) -> Change:
        key = key_of(obj)
        old = self.objects.get(key)
        self.objects[key] = slim(obj)
        return Change(key, old, self.objects[key])

    def remove(self, obj: NewObject) -> Change:
        """Forget an object; its last state, as the server told it, is what is gone."""
        key = key_of(obj)
        return Change(key, self.objects.pop(key, None) or slim(obj), None)


class Watcher:
    """The machine: holds the state and the store, is told what came, says what it changed."""

    def __init__(self) -> None:
        self.state: State = Unlisted()
        self.store = Store()

    @property
    def version(self) -> str:
        """Return the version up to which the store is true, "" before the first list."""
        return self.state.version if isinstance(self.state, Current) else ""

    def listed(self, items: Iterable[NewObject], version: str) -> list[Change]:
        """Take a whole list."""
        changes = self.store.replace(items)
        self.state = Current(version)
        return changes

    def expired(self) -> None:
        """Hear 410. Pages that expire while they are read will do so again: then ask for one big answer."""
        self.state = Unlisted(0) if isinstance(self.state, Unlisted) else Unlisted()

    def happened(self, event: Mapping[str, Any]) -> Change | None:
        """Take one watch event. Raises: ApiError, for an ERROR event (Expired, most often)."""
        kind, obj = event["type"], event["object"]
        if kind == "ERROR":
            raise error_class(int(obj.get("code") or 0), obj.get("reason"))(obj)
        if not reached(version_of(obj), self.version) and version_of(obj).isdigit() and self.version.isdigit():
            # Time does not run backwards: this is another server than the one that was listed, or one set back.
            raise Expired({"code": 410, "reason": "Expired", "message": "the server's history began anew"})
        change = None
        if kind == "DELETED":
            change = self.store.remove(obj)
        elif kind in ("ADDED", "MODIFIED"):
            change = self.store.put(obj)
        # Last, so that an event that could not be read is asked for again.
        self.state = Current(version_of(obj))
        return change

    def at_least(self, name: str, namespace: str, version: str) -> bool:
        """Does the store show the write that made `version` of this object (or what came after it)?"""
        obj = self.store.objects.get(f"{namespace}/{name}" if namespace else name)
        return reached(self.version, version) or (obj is not None and reached(version_of(obj), version))


def reached(have: str, want: str) -> bool:
    """Is `have` the version `want` or a later one? Only numbers have an order."""
    if have.isdigit() and want.isdigit():
        return int(have) >= int(want)
    return have == want


def slim(obj: NewObject) -> NewObject:
    """Return the object without managedFields: nobody reads them from a cache and they are half of it."""
    meta = metadata(obj)
    if "managedFields" not in meta:
        return obj
    return {**obj, "metadata": {key: value for key, value in meta.items() if key != "managedFields"}}
