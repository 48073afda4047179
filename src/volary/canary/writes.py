"""Our own writes of one cluster's objects: on condition, remembered, and never a war.

* A write of an object is seen by the next pass, or that pass is tried again later (`Caches.settle`).
* A server that does not keep all of what we ask for (it prunes, it defaults) answers with the object unchanged: what
  was asked is remembered and not asked again.
* Somebody who keeps changing an object back meets a limit, not a loop at the speed of the API.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from volary.canary.caches import Caches, asked_for
from volary.kube.errors import AlreadyExists
from volary.kube.objects import NewObject, Object, Resource, name_of, namespace_of, version_of
from volary.runtime.cluster import Cluster
from volary.runtime.errors import TryAgain

log = logging.getLogger(__name__)

MANAGER = "volary-canary"
MOST_WRITES = 12  # of one object in one window; a release at an interval of 1 s makes six
WINDOW = timedelta(seconds=10)


class Writer:
    """Writes what plans ask for; `wake` asks for another pass where no change will."""

    def __init__(self, cluster: Cluster, caches: Caches, wake: Callable[[str], None]) -> None:
        self.cluster = cluster
        self.caches = caches
        self.wake = wake

    async def put(self, key: str, resource: Resource, obj: NewObject) -> None:
        """Create an object, or replace the one it was made from. Raises: Conflict, TryAgain."""
        self.count(key, resource, name_of(obj))
        client = self.cluster.client
        if version_of(obj):
            written = await client.update(resource, obj, MANAGER)
        else:
            try:
                written = await client.create(resource, obj, MANAGER)
            except AlreadyExists:
                raise TryAgain(f"{resource.kind} {name_of(obj)} appeared meanwhile") from None
        self.note(key, resource, written)
        if version_of(written) == version_of(obj):
            self.caches.remember(key).refused[resource, name_of(obj)] = asked_for(obj)
            log.warning("the server does not keep all of it", extra=self.about(key, resource, obj))
            self.wake(key)

    async def scale(self, key: str, resource: Resource, workload: Object, replicas: int) -> None:
        """Let a workload have so many Pods, if it is the one that was looked at. Raises: Conflict.

        Without the condition a program that was stopped for a while could still take away Pods that serve by now.
        """
        name = name_of(workload)
        self.count(key, resource, name)
        body = {"metadata": {"resourceVersion": version_of(workload)}, "spec": {"replicas": replicas}}
        written = await self.cluster.client.patch(resource, name, body, namespace_of(workload), manager=MANAGER)
        self.note(key, resource, written)

    async def status(self, key: str, resource: Resource, obj: NewObject) -> None:
        """Replace a status, if the object is the one that was looked at. Raises: Conflict."""
        written = await self.cluster.client.update_status(resource, obj, MANAGER)
        self.caches.wrote(key, resource, written)

    def note(self, key: str, resource: Resource, written: NewObject) -> None:
        log.info("written", extra=self.about(key, resource, written))
        self.caches.wrote(key, resource, written)

    def about(self, key: str, resource: Resource, obj: NewObject) -> dict[str, str]:
        return {"cluster": self.cluster.name, "key": key, "kind": resource.kind, "object": name_of(obj)}

    def count(self, key: str, resource: Resource, name: str) -> None:
        self.caches.remember(key).times.setdefault((resource, name), []).append(self.cluster.clock.now())

    def slow_down(self, key: str) -> None:
        """Hold before anything is said or written, where somebody keeps undoing what we write. Raises: TryAgain."""
        now = self.cluster.clock.now()
        for (resource, name), times in self.caches.remember(key).times.items():
            times[:] = [moment for moment in times if now - moment < WINDOW]
            if len(times) >= MOST_WRITES:
                text = (
                    f"{resource.kind} {name} was written {len(times)} times in {WINDOW.seconds} s: who else writes it?"
                )
                raise TryAgain(text, after=WINDOW)
