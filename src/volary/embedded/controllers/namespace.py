"""Namespaces: how one goes: everything in it first. What a new one gets is the work of others.

Source: Kubernetes, pkg/controller/namespace.
"""

from __future__ import annotations

from collections.abc import Iterable

from volary.embedded.api.errors import Problem
from volary.embedded.api.local import Object
from volary.embedded.controllers.index import Index, Place
from volary.embedded.controllers.manager import Key
from volary.embedded.controllers.namespace_conditions import conditions_of
from volary.embedded.controllers.objects import deleting, edited, name_of, namespace_of, status_of
from volary.embedded.controllers.world import MANAGER, World

NAMESPACES = "/namespaces"
SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
LOOK_AGAIN = 5.0  # seconds, for what a foreign finalizer holds; its removal is a write that we hear of anyway


class Namespaces:
    """The reconciler of Namespaces."""

    name = "namespace"
    sources = (NAMESPACES,)

    def __init__(self, world: World, index: Index) -> None:
        self.world = world
        self.local = world.local
        self.index = index

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == NAMESPACES and new is not None:
            yield (name_of(new),)
        elif new is None and old is not None and namespace_of(old) and self._going(namespace_of(old)):
            yield (namespace_of(old),)

    def _going(self, name: str) -> bool:
        namespace = self.local.get(NAMESPACES, "", name)
        return namespace is not None and deleting(namespace)

    def reconcile(self, key: Key) -> float | None:
        namespace = self.local.get(NAMESPACES, "", key[0])
        if namespace is None:
            return None
        return self._empty(namespace) if deleting(namespace) else None

    def _empty(self, namespace: Object) -> float | None:
        name = name_of(namespace)
        for place in self.index.inside(name):
            self._delete(place)
        left = self.index.inside(name)
        if left:
            self._say_what_is_left(namespace, left)
            return LOOK_AGAIN
        changed = edited(namespace)
        changed["spec"] = {**(changed.get("spec") or {}), "finalizers": []}
        self.local.update(NAMESPACES, changed, MANAGER)
        self.local.remove(NAMESPACES, "", name)
        return None

    def _delete(self, place: Place) -> None:
        obj = self.local.get(place.resource, place.namespace, place.name)
        if obj is not None and not deleting(obj):
            try:
                self.local.delete(place.resource, place.namespace, place.name, policy="Background")
            except Problem:
                pass  # the next look finds it again, and the condition names it

    def _say_what_is_left(self, namespace: Object, left: list[Place]) -> None:
        objects = [(place, self.local.get(place.resource, place.namespace, place.name)) for place in left]
        remaining = [(place.resource, obj) for place, obj in objects if obj is not None]
        conditions = conditions_of(namespace, remaining, self.world.now())
        status = {**status_of(namespace), "phase": "Terminating", "conditions": conditions}
        if status != status_of(namespace):
            self.local.update_status(NAMESPACES, {**namespace, "status": status}, MANAGER)


def create_system_namespaces(world: World) -> None:
    """Create the namespaces that every cluster has, where they are missing."""
    for name in SYSTEM_NAMESPACES:
        if world.local.get(NAMESPACES, "", name) is None:
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            world.local.create(NAMESPACES, namespace, MANAGER)
