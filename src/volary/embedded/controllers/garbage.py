"""The garbage collector: objects whose owners are gone go too; foreground and orphan deletions are carried out.

    delete owner, background   owner goes, then its dependents
    delete owner, foreground   dependents that block go first, then the owner (finalizer `foregroundDeletion`)
    delete owner, orphan       dependents lose the reference, then the owner goes (finalizer `orphan`)

Source: Kubernetes garbage collector (`garbagecollector.go`, `graph_builder.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.index import Index, Place, owners_of
from volary.embedded.controllers.manager import Key
from volary.embedded.controllers.objects import deleting, edited, key_of, meta, namespace_of, uid_of
from volary.embedded.controllers.world import World

MANAGER = "kube-controller-manager"
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
UNKNOWN_AGAIN = 30.0  # seconds until an owner's kind is looked for once more

Ref = Mapping[str, Any]


class Collector:
    """The reconciler of owner references. A key is a place: (resource, namespace, name)."""

    name = "garbage"
    sources: Sequence[str] = ()

    def __init__(self, world: World, index: Index) -> None:
        self.local = world.local
        self.index = index
        self._resources: dict[tuple[str, str], str] = {}  # (apiVersion, kind) -> GROUP/PLURAL, where it was found

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if new is not None:
            if owners_of(new) or (deleting(new) and _finalizers(new)):
                yield (resource, *key_of(new))
        elif old is not None:
            for place in self.index.dependents(uid_of(old)):
                yield _key(place)
        if old is not None and (new is None or owners_of(old) != owners_of(new)):
            for owner in map(self.index.place, owners_of(old)):
                if owner is not None:
                    yield _key(owner)  # it may be waiting for this one to go

    def reconcile(self, key: Key) -> float | None:
        resource, namespace, name = key
        obj = self.local.get(resource, namespace, name)
        if obj is None:
            return None
        if deleting(obj):
            self._finalize(resource, obj)
            return None
        return UNKNOWN_AGAIN if self._collect(resource, obj) else None

    def _finalize(self, resource: str, obj: Object) -> None:
        dependents = self.index.dependents(uid_of(obj))
        if ORPHAN in _finalizers(obj):
            for place in dependents:
                self._drop_refs(place, {uid_of(obj)})
            self._drop_finalizer(resource, obj, ORPHAN)
        elif FOREGROUND in _finalizers(obj):
            blocking = [place for place in dependents if self._blocks(place, uid_of(obj))]
            if not blocking:
                self._drop_finalizer(resource, obj, FOREGROUND)
            for place in dependents:
                self._look_at(place)

    def _look_at(self, place: Place) -> None:
        there = self.local.get(place.resource, place.namespace, place.name)
        if there is not None and not deleting(there):
            self._collect(place.resource, there)

    def _blocks(self, place: Place, owner: str) -> bool:
        obj = self.local.get(place.resource, place.namespace, place.name)
        refs: Iterable[Ref] = meta(obj or {}).get("ownerReferences") or ()
        return any(ref.get("uid") == owner and ref.get("blockOwnerDeletion") for ref in refs)

    def _collect(self, resource: str, obj: Object) -> bool:
        """Delete an object if no owner is left that wants it; else take the references to those gone away.

        Return whether an owner is of a kind that nobody knows (yet): such an object is not touched.
        """
        refs: Sequence[Ref] = meta(obj).get("ownerReferences") or ()
        states = {str(ref["uid"]): self._state(ref, namespace_of(obj)) for ref in refs}
        if not refs or "unknown" in states.values():
            return bool(refs)
        if "solid" in states.values():
            gone = {uid for uid, state in states.items() if state != "solid"}
            if gone:
                self._drop_refs(Place(resource, *key_of(obj)), gone)
            return False
        policy = "" if {FOREGROUND, ORPHAN} & set(_finalizers(obj)) else "Background"
        if "waiting" in states.values() and self.index.dependents(uid_of(obj)):
            policy = "Foreground"
            changed = edited(obj)  # its own dependents go before it, as they do before its owner
            changed["metadata"]["finalizers"] = [*_finalizers(obj), FOREGROUND]
            self.local.update(resource, changed, MANAGER)
        self.local.delete(resource, *key_of(obj), uid=uid_of(obj), policy=policy)
        return False

    def _state(self, ref: Ref, namespace: str) -> str:
        """Return "gone", "solid", "unknown" (its kind), or "waiting": deleted in the foreground, it waits for this one.

        A reference must be right in all its parts: kind, name, and the dependent's own namespace.
        """
        resource, place = self._resource(ref), self.index.place(str(ref["uid"]))
        if not resource:
            return "unknown"
        named = (resource, str(ref["name"]))
        if place is None or (place.resource, place.name) != named or place.namespace not in ("", namespace):
            return "gone"
        owner = self.local.get(place.resource, place.namespace, place.name)
        if owner is None:
            return "gone"
        waiting = deleting(owner) and FOREGROUND in _finalizers(owner)
        return "waiting" if waiting else "solid"

    def _resource(self, ref: Ref) -> str:
        kind = (str(ref["apiVersion"]), str(ref["kind"]))
        if kind not in self._resources and (found := self.local.resource_of(*kind)):
            self._resources[kind] = found
        return self._resources.get(kind, "")

    def _drop_refs(self, place: Place, owners: set[str]) -> None:
        obj = self.local.get(place.resource, place.namespace, place.name)
        if obj is None:
            return
        changed = edited(obj)
        refs = [ref for ref in changed["metadata"].get("ownerReferences") or () if ref["uid"] not in owners]
        if refs:
            changed["metadata"]["ownerReferences"] = refs
        else:
            changed["metadata"].pop("ownerReferences", None)
        self.local.update(place.resource, changed, MANAGER)

    def _drop_finalizer(self, resource: str, obj: Object, finalizer: str) -> None:
        changed: NewObject = edited(obj)
        left = [each for each in _finalizers(obj) if each != finalizer]
        if left:
            changed["metadata"]["finalizers"] = left
        else:
            changed["metadata"].pop("finalizers", None)
        self.local.update(resource, changed, MANAGER)


def _finalizers(obj: Object) -> Sequence[str]:
    return meta(obj).get("finalizers") or ()


def _key(place: Place) -> Key:
    return place.resource, place.namespace, place.name
