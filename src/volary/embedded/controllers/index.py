"""Where every object is, by uid, by owner and by namespace: what the collector and the namespace controller ask.

Kept from writes alone, so it costs no search; whoever starts it late must show it what is there already.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from volary.embedded.api.local import Object
from volary.embedded.controllers.objects import meta, name_of, namespace_of, uid_of


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where an object is."""

    resource: str
    namespace: str
    name: str


class Index:
    """Places of all objects. Give `note` to `Local.listen`."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}  # uid -> where
        self._dependents: dict[str, set[str]] = {}  # owner's uid -> uids
        self._in_namespace: dict[str, set[str]] = {}  # namespace -> uids

    def note(self, resource: str, old: Object | None, new: Object | None) -> None:
        if old is not None:
            self._forget(old)
        if new is not None:
            uid = uid_of(new)
            self._places[uid] = Place(resource, namespace_of(new), name_of(new))
            for owner in owners_of(new):
                self._dependents.setdefault(owner, set()).add(uid)
            if namespace_of(new):
                self._in_namespace.setdefault(namespace_of(new), set()).add(uid)

    def _forget(self, old: Object) -> None:
        uid = uid_of(old)
        self._places.pop(uid, None)
        for owner in owners_of(old):
            _discard(self._dependents, owner, uid)
        _discard(self._in_namespace, namespace_of(old), uid)

    def place(self, uid: str) -> Place | None:
        return self._places.get(uid)

    def dependents(self, uid: str) -> list[Place]:
        """Return where the objects are that name this uid as an owner."""
        return self._sorted(self._dependents.get(uid, ()))

    def inside(self, namespace: str) -> list[Place]:
        return self._sorted(self._in_namespace.get(namespace, ()))

    def _sorted(self, uids: Iterable[str]) -> list[Place]:
        return sorted(self._places[uid] for uid in uids)


def owners_of(obj: Object) -> list[str]:
    """Return the uids of the objects that own this one."""
    return [str(ref.get("uid") or "") for ref in meta(obj).get("ownerReferences") or ()]


def _discard(sets: dict[str, set[str]], key: str, uid: str) -> None:
    members = sets.get(key)
    if members is not None:
        members.discard(uid)
        if not members:
            del sets[key]
