"""A cache of one kind, kept true by LIST and WATCH; shared by everybody who looks at that kind in that cluster.

Expected flow: list, then watch from the list's version; a stream that ends is reopened where it stopped; a version
that is too old (410) is listed again and the difference told. Guarantees: listeners hear of every object's last
state, in order for each object; `synced` is set only when the store holds a whole list. Bookmarks keep the version
fresh, so an idle kind is never listed twice.
Source: kube-rs `watcher`; Kubernetes API concepts, "Efficient detection of changes".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from volary.kube.client import Client
from volary.kube.errors import Expired, KubeError, error_class
from volary.kube.objects import NewObject, Object, Resource, key_of, metadata, version_of
from volary.runtime.clock import Clock
from volary.runtime.errors import backoff

log = logging.getLogger(__name__)

FASTEST_RETRY = timedelta(milliseconds=500)
SLOWEST_RETRY = timedelta(seconds=30)
WATCH_SECONDS = 45  # a watch is reopened this often, so a silent server is noticed within 90 s
SILENCE_SECONDS = 60.0  # WATCH_SECONDS and a margin for the server to end it

Listener = Callable[[Object | None, Object | None], None]  # (old, new); None: not there


class Informer:
    """The objects of one kind, in one namespace or all, that match a label selector."""

    def __init__(self, client: Client, resource: Resource, clock: Clock, namespace: str = "", labels: str = "") -> None:
        self.client = client
        self.resource = resource
        self.clock = clock
        self.namespace = namespace
        self.labels = labels
        self.synced = asyncio.Event()
        self.heard_at: datetime | None = None  # when the server last answered
        self.trouble: KubeError | None = None  # why it does not answer; None while it does
        self.version = ""
        self._objects: dict[str, NewObject] = {}
        self._listeners: list[Listener] = []
        self._waiting: list[tuple[Callable[[], bool], asyncio.Event]] = []
        self._failures = 0

    def get(self, name: str, namespace: str = "") -> NewObject | None:
        """Return the object as last seen, or None. Do not change it."""
        return self._objects.get(f"{namespace}/{name}" if namespace else name)

    def by_key(self, key: str) -> NewObject | None:
        return self._objects.get(key)

    def items(self) -> list[NewObject]:
        """Return all objects, sorted by key. Do not change them."""
        return [self._objects[key] for key in sorted(self._objects)]

    def listen(self, listener: Listener) -> None:
        """Call `listener(old, new)` for every change from now on, and for each object that is there already."""
        self._listeners.append(listener)
        for obj in self.items():
            listener(None, obj)

    async def until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait until `true()` holds, asked after each change; return False when `seconds` passed before."""
        if true():
            return True
        entry = (true, asyncio.Event())
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(seconds):
                await entry[1].wait()
        except TimeoutError:
            return true()
        finally:
            self._waiting.remove(entry)
        return True

    async def run(self) -> None:
        """Keep the store true, for ever; never raises but for cancellation."""
        while True:
            try:
                await self._list()
                await self._watch()
            except Expired:
                self.version = ""
            except KubeError as error:
                await self._pause(error)

    async def _list(self) -> None:
        if self.version:
            return
        listing = await self.client.list(self.resource, self.namespace, self.labels)
        self._answered()
        fresh = {key_of(obj): slim(obj) for obj in listing.items}
        for key in sorted(self._objects.keys() - fresh.keys()):
            self._tell(self._objects.pop(key), None)
        for key, obj in sorted(fresh.items()):
            old = self._objects.get(key)
            if old is None or version_of(old) != version_of(obj):
                self._objects[key] = obj
                self._tell(old, obj)
        self.version = listing.version
        self.synced.set()
        self._wake()

    async def _watch(self) -> None:
        watching = self.client.watch(
            self.resource, self.version, self.namespace, self.labels, "", WATCH_SECONDS, SILENCE_SECONDS
        )
        async with watching as events:
            self._answered()
            async for event in events:
                self._answered()
                self._take(event["type"], event["object"])

    def _take(self, kind: str, obj: NewObject) -> None:
        if kind == "ERROR":
            code = int(obj.get("code") or 0)
            raise error_class(code, obj.get("reason"))(obj)
        self.version = version_of(obj)
        if kind == "BOOKMARK":
            return
        key = key_of(obj)
        old = self._objects.get(key)
        if kind == "DELETED":
            self._objects.pop(key, None)
            self._tell(old or obj, None)
        else:
            self._objects[key] = slim(obj)
            self._tell(old, self._objects[key])
        self._wake()

    def _tell(self, old: Object | None, new: Object | None) -> None:
        for listener in self._listeners:
            listener(old, new)

    def _wake(self) -> None:
        for true, event in self._waiting:
            if true():
                event.set()

    def _answered(self) -> None:
        self.heard_at, self.trouble, self._failures = self.clock.now(), None, 0

    async def _pause(self, error: KubeError) -> None:
        """Wait before the next try: longer each time, with jitter so that informers do not come in a crowd."""
        self._failures += 1
        if self.trouble is None:
            log.warning("cannot watch", extra={"kind": self.resource.kind, "error": str(error)})
        self.trouble = error
        wait = backoff(self._failures, FASTEST_RETRY, SLOWEST_RETRY).total_seconds()
        await asyncio.sleep(wait * (0.75 + 0.5 * self.clock.rng.random()))


def slim(obj: NewObject) -> NewObject:
    """Return the object without managedFields: nobody reads them from a cache and they are half of it."""
    meta = metadata(obj)
    if "managedFields" not in meta:
        return obj
    return {**obj, "metadata": {key: value for key, value in meta.items() if key != "managedFields"}}


class Informers:
    """The shared informers of one cluster; each (kind, namespace, selector) is watched once."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self.client = client
        self.clock = clock
        self._informers: dict[tuple[Resource, str, str], Informer] = {}
        self._group: asyncio.TaskGroup | None = None

    def get(self, resource: Resource, namespace: str = "", labels: str = "") -> Informer:
        """Return the informer, made (and started, if running) at the first call."""
        key = (resource, namespace, labels)
        if key not in self._informers:
            self._informers[key] = Informer(self.client, resource, self.clock, namespace, labels)
            if self._group is not None:
                self._group.create_task(self._informers[key].run())
        return self._informers[key]

    def all(self) -> Iterable[Informer]:
        return list(self._informers.values())

    async def run(self) -> None:
        """Run all informers, and those made later, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for informer in self.all():
                group.create_task(informer.run())
            await asyncio.Event().wait()
