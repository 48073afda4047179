"""The brain of a LIST and WATCH: what to ask for next, and what an answer changes. Pure; `runtime.informer` drives it.

    Unlisted ──whole list──► Current ──event, bookmark──► Current      a watch that ends leaves us Current
      ▲ └─begin──► Streaming ──last of the list──┘ │
      └─────────────── 410 ────────────────────────┘      what vanished shows as the difference to the next list

Versions are the server's; they are compared as numbers only within one resource of one server (`reached`).
Source: kube-rs `watcher`; Kubernetes API concepts, "Efficient detection of changes"; KEP-3157 (streaming lists).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from volary.kube.errors import Expired
from volary.kube.keeping import WHOLE, Event, Form, Item
from volary.kube.objects import NewObject, Resource

ANY = Resource("", "", "")  # of objects that say themselves what they are

PAGE_SIZE = 500  # what kubectl asks for; keeps one answer to a few megabytes


@dataclass(frozen=True, slots=True)
class Unlisted:
    """Nothing is known, or what is known is too old: list everything, `limit` at a time (0: in one answer)."""

    limit: int = PAGE_SIZE


@dataclass(frozen=True, slots=True)
class Current:
    """The store is whole as of `version`: watch on from there."""

    version: str


@dataclass(frozen=True, slots=True)
class Streaming:
    """A list is coming, object by object; the store stays as it was until it is whole."""

    fresh: dict[str, Item]


State = Unlisted | Streaming | Current


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one key; None: not there."""

    key: str
    old: NewObject | None
    new: NewObject | None


class Store:
    """The objects as last seen, by key, held in a form. Objects that come out are shared: never change one."""

    def __init__(self, form: Form = WHOLE, resource: Resource = ANY) -> None:
        self.form = form
        self.resource = resource
        self.items: dict[str, Item] = {}

    def get(self, key: str) -> NewObject | None:
        return self._show(self.items.get(key))

    def all(self) -> list[NewObject]:
        """Return all objects, sorted by key."""
        return [self.form.show(self.items[key], self.resource) for key in sorted(self.items)]

    def replace(self, fresh: dict[str, Item], tell: bool = True) -> list[Change]:
        """Take a whole list, as it is; return the difference, first what is gone, each sorted by key.

        Without `tell`: return nothing.
        """
        old, self.items = self.items, fresh
        if not tell:
            return []
        gone = [Change(key, self._show(old[key]), None) for key in sorted(old.keys() - fresh.keys())]
        changed = [
            Change(key, self._show(old.get(key)), self.form.show(fresh[key], self.resource))
            for key in sorted(fresh)
            if key not in old or old[key].version != fresh[key].version
        ]
        return gone + changed

    def put(self, item: Item, tell: bool = True) -> Change | None:
        old = self.items.get(item.key)
        self.items[item.key] = item
        return Change(item.key, self._show(old), self.form.show(item, self.resource)) if tell else None

    def remove(self, item: Item) -> Change:
        return Change(item.key, self._show(self.items.pop(item.key, item)), None)

    def _show(self, item: Item | None) -> NewObject | None:
        return None if item is None else self.form.show(item, self.resource)


class Watcher:
    """The machine: holds the state and the store, is told what came, says what it changed."""

    def __init__(self, form: Form = WHOLE, resource: Resource = ANY) -> None:
        self.state: State = Unlisted()
        self.store = Store(form, resource)

    @property
    def version(self) -> str:
        """Return the version up to which the store is true, "" before the first list."""
        return self.state.version if isinstance(self.state, Current) else ""

    def listed(self, objects: Iterable[Mapping[str, Any]], version: str) -> list[Change]:
        """Take a whole list of objects."""
        return self.took([self.store.form.pack(obj) for obj in objects], version)

    def took(self, items: Iterable[Item], version: str, tell: bool = True) -> list[Change]:
        """Take a whole list; without `tell` nobody wants to know what is new."""
        changes = self.store.replace({item.key: item for item in items}, tell)
        self.state = Current(version)
        return changes

    def streams(self) -> None:
        """Hear that a list begins to come as events."""
        self.state = Streaming({})

    def stopped(self) -> None:
        """Hear that a stream has ended. A list that was not whole then is of no use."""
        if isinstance(self.state, Streaming):
            self.state = Unlisted()

    def expired(self) -> None:
        """Hear 410. Pages that expire while they are read will do so again: then ask for one big answer."""
        self.state = Unlisted(0) if isinstance(self.state, Unlisted) else Unlisted()

    def happened(self, event: Mapping[str, Any]) -> Change | None:
        """Take one watch event. Raises: ApiError, for an ERROR event (Expired, most often)."""
        return next(iter(self.heard(WHOLE.happened(event))), None)

    def heard(self, event: Event, tell: bool = True) -> list[Change]:
        """Take one event; return what it changed. Without `tell` nobody wants to know. Raises: Expired."""
        if isinstance(self.state, Streaming):
            return self._streamed(self.state.fresh, event, tell)
        item = event.item
        if not reached(item.version, self.version) and item.version.isdigit() and self.version.isdigit():
            # Time does not run backwards: this is another server than the one that was listed, or one set back.
            raise Expired({"code": 410, "reason": "Expired", "message": "the server's history began anew"})
        change = None
        if event.type == "DELETED":
            change = self.store.remove(item)
        elif event.type in ("ADDED", "MODIFIED"):
            change = self.store.put(item, tell)
        # Last, so that an event that could not be read is asked for again.
        self.state = Current(item.version)
        return [change] if change else []

    def _streamed(self, fresh: dict[str, Item], event: Event, tell: bool) -> list[Change]:
        """Take one event of a list that is coming: what is not in it at its end is gone."""
        if event.ends_list:
            self.state = Current(event.item.version)
            return self.store.replace(fresh, tell)
        if event.type == "DELETED":
            fresh.pop(event.item.key, None)
        elif event.type in ("ADDED", "MODIFIED"):
            fresh[event.item.key] = event.item
        return []

    def at_least(self, name: str, namespace: str, version: str) -> bool:
        """Does the store show the write that made `version` of this object (or what came after it)?"""
        item = self.store.items.get(f"{namespace}/{name}" if namespace else name)
        return reached(self.version, version) or (item is not None and reached(item.version, version))


def reached(have: str, want: str) -> bool:
    """Is `have` the version `want` or a later one? Only numbers have an order."""
    if have.isdigit() and want.isdigit():
        return int(have) >= int(want)
    return have == want
