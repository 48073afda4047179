"""A small whole `Local` for tests of controllers: enough of an API server to be deceived by nothing they do."""

from __future__ import annotations

import copy
import random
from datetime import UTC, datetime
from typing import Any

from volary.embedded.api.errors import Problem
from volary.embedded.api.local import Listener, NewObject, Object

LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class FakeLocal:
    def __init__(self, now: Any) -> None:
        self.now = now
        self.rng = random.Random(1)
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.version = 0
        self.listeners: list[Listener] = []
        self.writes: list[tuple[str, str, str, str]] = []  # verb, resource, name, manager

    def get(self, resource: str, namespace: str, name: str) -> Object | None:
        return self.objects.get((resource, namespace, name))

    def items(self, resource: str, namespace: str | None = None) -> list[Object]:
        keys = [key for key in self.objects if key[0] == resource and namespace in (None, key[1])]
        return [self.objects[key] for key in sorted(keys)]

    def create(self, resource: str, obj: NewObject, manager: str) -> Object:
        new = copy.deepcopy(obj)
        meta = new["metadata"]
        if "name" not in meta:
            meta["name"] = meta["generateName"] + "".join(self.rng.choice(LETTERS) for _ in range(5))
        if self._key(resource, new) in self.objects:
            raise Problem(409, "AlreadyExists", f"{meta['name']} already exists")
        meta |= {"uid": f"uid-{self.version}", "creationTimestamp": self._stamp(), "generation": 1}
        if resource == "/namespaces":
            new.setdefault("spec", {})["finalizers"] = ["kubernetes"]
        return self._put("create", resource, None, new, manager)

    def update(self, resource: str, obj: NewObject, manager: str) -> Object:
        old = self._fresh(resource, obj)
        new = {**copy.deepcopy(obj), **({"status": old["status"]} if "status" in old else {})}
        new["metadata"]["generation"] = old["metadata"]["generation"] + (new.get("spec") != old.get("spec"))
        if new["metadata"].get("deletionTimestamp") and self._may_go(resource, new):
            return self._drop(resource, old, manager)
        return self._put("update", resource, old, new, manager)

    def update_status(self, resource: str, obj: NewObject, manager: str) -> Object:
        old = self._fresh(resource, obj)
        new = {**copy.deepcopy(dict(old)), "status": copy.deepcopy(obj["status"])}
        return self._put("status", resource, old, new, manager)

    def delete(self, resource: str, namespace: str, name: str, uid: str = "") -> None:
        old = self.get(resource, namespace, name)
        if old is None or (uid and uid != old["metadata"]["uid"]):
            return
        scheduled = resource == "/pods" and old["spec"].get("nodeName")
        if self._may_go(resource, old) and not scheduled:
            self._drop(resource, old, "")
        elif "deletionTimestamp" not in old["metadata"]:
            new = copy.deepcopy(dict(old))
            grace = old["spec"].get("terminationGracePeriodSeconds", 30) if scheduled else 0
            new["metadata"] |= {"deletionTimestamp": self._stamp(), "deletionGracePeriodSeconds": grace}
            self._put("delete", resource, old, new, "")

    def remove(self, resource: str, namespace: str, name: str) -> None:
        old = self.get(resource, namespace, name)
        if old is not None:
            self._drop(resource, old, "")

    def listen(self, listener: Listener) -> None:
        self.listeners.append(listener)

    def _key(self, resource: str, obj: Object) -> tuple[str, str, str]:
        return resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]

    def _stamp(self) -> str:
        moment: datetime = self.now()
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def _may_go(self, resource: str, obj: Object) -> bool:
        inside = resource == "/namespaces" and (obj.get("spec") or {}).get("finalizers")
        return not obj["metadata"].get("finalizers") and not inside

    def _fresh(self, resource: str, obj: Object) -> Object:
        old = self.objects.get(self._key(resource, obj))
        if old is None:
            raise Problem(404, "NotFound", f"{obj['metadata']['name']} not found")
        if obj["metadata"].get("resourceVersion") not in (None, old["metadata"]["resourceVersion"]):
            raise Problem(409, "Conflict", "the object has been modified")
        return old

    def _put(self, verb: str, resource: str, old: Object | None, new: NewObject, manager: str) -> Object:
        self.version += 1
        new["metadata"]["resourceVersion"] = str(self.version)
        self.objects[self._key(resource, new)] = new
        self._tell(verb, resource, old, new, manager)
        return new

    def _drop(self, resource: str, old: Object, manager: str) -> Object:
        del self.objects[self._key(resource, old)]
        self._tell("remove", resource, old, None, manager)
        return old

    def _tell(self, verb: str, resource: str, old: Object | None, new: Object | None, manager: str) -> None:
        self.writes.append((verb, resource, (new or old or {})["metadata"]["name"], manager))
        for listener in self.listeners:
            listener(resource, old, new)
