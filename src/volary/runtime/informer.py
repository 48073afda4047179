"""A cache of one kind, kept true by LIST and WATCH; shared by everybody who looks at that kind in that cluster.

Guarantees: listeners hear of every object's last state, in order for each object; `synced` is set once the store holds
a whole list; a listener that raises is logged and harms nobody else. Bookmarks keep the version fresh, so an idle kind
is listed once. What to ask for next is `kube.watch`'s to say, how objects are held `kube.keeping`'s; here are the
waiting, the telling and the bad days.
Source: kube-rs `watcher`; client-go `reflector`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from volary.kube.client import Client
from volary.kube.credentials import NoCredentials
from volary.kube.errors import ApiError, Expired, Invalid, KubeError, NotFound, Unauthorized, Unreachable
from volary.kube.keeping import PACKED, WHOLE, Form
from volary.kube.listwatch import ListWatch, Unreadable
from volary.kube.objects import NewObject, Object, Resource
from volary.kube.watch import Change, Current, Streaming, Unlisted, Watcher
from volary.runtime.clock import Clock
from volary.runtime.errors import TryAgain, backoff

log = logging.getLogger(__name__)

FASTEST_RETRY = timedelta(milliseconds=500)
SLOWEST_RETRY = timedelta(seconds=30)
SHORT_SECONDS = 1.0  # a row of watches that end sooner, whatever they brought, is a server in trouble
SURE_AFTER = 3  # server errors in a row to the same watch; the version asked for may be one that it never had

Listener = Callable[[Object | None, Object | None], None]  # (old, new); None: not there


@dataclass(slots=True, eq=False)
class Waiter:
    """Somebody who waits until something is true of the store."""

    true: Callable[[], bool]
    event: asyncio.Event = field(default_factory=asyncio.Event)
    error: Exception | None = None

    def look(self) -> None:
        try:
            if self.true():
                self.event.set()
        except Exception as error:
            self.error = error
            self.event.set()


class Informer:
    """The objects of one kind, in one namespace or all, that match a label selector, held in a form."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        clock: Clock,
        namespace: str = "",
        labels: str = "",
        form: Form = WHOLE,
    ) -> None:
        self.client = client
        self.resource = resource
        self.clock = clock
        self.form = form
        self.synced = asyncio.Event()
        self.heard_at: datetime | None = None  # when the server last answered
        self.trouble: KubeError | None = None  # why it does not answer; None while it does
        self._source = ListWatch(client, resource, namespace, labels, form)
        self._watcher = Watcher(form, resource)
        self._listeners: list[Listener] = []
        self._health_listeners: list[Callable[[], None]] = []
        self._waiting: list[Waiter] = []
        self._failures = 0

    @property
    def version(self) -> str:
        """Return the version up to which the store is true, "" while it is not known."""
        return self._watcher.version

    def get(self, name: str, namespace: str = "") -> NewObject | None:
        """Return the object as last seen, or None. Do not change it."""
        return self.by_key(f"{namespace}/{name}" if namespace else name)

    def by_key(self, key: str) -> NewObject | None:
        return self._watcher.store.get(key)

    def __len__(self) -> int:
        return len(self._watcher.store.items)

    def items(self) -> list[NewObject]:
        """Return all objects, sorted by key. Do not change them."""
        return self._watcher.store.all()

    def listen(self, listener: Listener) -> None:
        """Call `listener(old, new)` for every change from now on, and for each object that is there already."""
        self._listeners.append(listener)
        for obj in self.items():
            listener(None, obj)

    def on_health(self, listener: Callable[[], None]) -> None:
        """Call `listener()` whenever `trouble` came, went, or became another."""
        self._health_listeners.append(listener)

    async def until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait until `true()` holds, asked after each change; return False when `seconds` passed before."""
        if true():
            return True
        waiter = Waiter(true)
        self._waiting.append(waiter)
        try:
            async with asyncio.timeout(seconds):
                await waiter.event.wait()
        except TimeoutError:
            return true()
        finally:
            self._waiting.remove(waiter)
        if waiter.error is not None:
            raise waiter.error
        return True

    async def at_least(self, name: str, namespace: str, version: str, seconds: float) -> NewObject | None:
        """Return the object once the store shows the write that made `version`, or None if it is gone since.

        Raises: TryAgain, when that did not happen within `seconds`.
        """
        if not await self.until(lambda: self._watcher.at_least(name, namespace, version), seconds):
            key = f"{namespace}/{name}" if namespace else name
            raise TryAgain(f"{self.resource.kind} {key}: our own last write has not come back within {seconds:g} s")
        return self.get(name, namespace)

    async def run(self) -> None:
        """Keep the store true, for ever; never raises but for cancellation."""
        while True:
            try:
                await self._once()
            except Expired:
                self._heard()
                self._watcher.expired()
                await self._pause_if_again()
            except KubeError as error:
                if isinstance(error, Unreadable):
                    self._watcher.expired()
                await self._failed(error)
            except Exception:
                log.exception("a cache failed; this is a bug", extra={"kind": self.resource.kind})
                self._watcher.expired()
                await self._pause()

    async def _once(self) -> None:
        """List, or watch until the stream ends, whichever is due."""
        match self._watcher.state:
            case Current(version):
                began = asyncio.get_running_loop().time()
                await self._watch(version)
                if asyncio.get_running_loop().time() - began >= SHORT_SECONDS:
                    self._failures = 0
                elif self._watcher.version == version:
                    await self._pause()
                else:
                    await self._pause_if_again()
            case Unlisted() if self.client.streams_lists:
                await self._stream_list()
            case Unlisted(limit):
                items, version = await self._source.list(limit)
                self._well()
                self._take(self._watcher.took(items, version, self._is_heard))

    async def _stream_list(self) -> None:
        """Have the list come as events; a server that cannot do this is not asked for it again."""
        self._watcher.streams()
        try:
            await self._watch("", list_first=True)
            if isinstance(self._watcher.state, Streaming):
                self.client.streams_lists = False  # it took the watch for one like any other
        except ApiError as error:
            if not isinstance(error, Invalid) and error.code != 400:
                raise
            log.info("the server streams no lists", extra={"kind": self.resource.kind, "error": str(error)})
            self.client.streams_lists = False
        finally:
            self._watcher.stopped()

    async def _watch(self, version: str, list_first: bool = False) -> None:
        loop = asyncio.get_running_loop()
        async with self._source.watch(version, list_first) as events:
            self._well()
            opened = loop.time()
            async for event in events:
                self._heard()
                changes = self._watcher.heard(event, self._is_heard)
                if loop.time() - opened >= SHORT_SECONDS:
                    self._failures = 0  # not before: a server may tell a little each time, and break off
                self._take(changes)

    def _take(self, changes: Iterable[Change]) -> None:
        self._tell(changes)
        if self._watcher.version:
            self.synced.set()
        self._wake()

    @property
    def _is_heard(self) -> bool:
        """Does anybody want to know what changes? To say it costs more than to keep it."""
        return bool(self._listeners)

    def _tell(self, changes: Iterable[Change]) -> None:
        for change in changes:
            for listener in self._listeners:
                try:
                    listener(change.old, change.new)
                except Exception:
                    kind = self.resource.kind
                    log.exception("a listener failed; this is a bug", extra={"kind": kind, "key": change.key})

    def _wake(self) -> None:
        for waiter in self._waiting:
            waiter.look()

    def _heard(self) -> None:
        self.heard_at = self.clock.now()

    def _well(self) -> None:
        """Note that the server gives what we ask for."""
        self._heard()
        if self.trouble is not None:
            log.info("watching again", extra={"kind": self.resource.kind})
            self._set_trouble(None)

    def _set_trouble(self, trouble: KubeError | None) -> None:
        self.trouble = trouble
        for listener in self._health_listeners:
            try:
                listener()
            except Exception:
                log.exception("a health listener failed; this is a bug", extra={"kind": self.resource.kind})

    async def _failed(self, error: KubeError) -> None:
        if isinstance(error, NotFound):
            self.client.discovery.forget(self.resource)  # the kind itself is gone
        if isinstance(error, ApiError):
            self._heard()
            if error.code >= 500 and self._failures >= SURE_AFTER:
                self._watcher.expired()
        if kind_of(error) != kind_of(self.trouble):
            log.warning("cannot watch", extra={"kind": self.resource.kind, "error": str(error)})
            self._set_trouble(error)
        await self._pause(error.after if isinstance(error, ApiError) else None)

    async def _pause_if_again(self) -> None:
        """Let the first 410, or short watch, pass: it is everyday; a row of them must not become a storm."""
        self._failures += 1
        if self._failures > 1:
            await asyncio.sleep(self._seconds_to_wait())

    async def _pause(self, at_least: timedelta | None = None) -> None:
        self._failures += 1
        await asyncio.sleep(max(self._seconds_to_wait(), (at_least or timedelta()).total_seconds()))

    def _seconds_to_wait(self) -> float:
        """Longer each time, with jitter so that informers do not come in a crowd."""
        wait = backoff(self._failures, FASTEST_RETRY, SLOWEST_RETRY).total_seconds()
        return wait * (0.75 + 0.5 * self.clock.rng.random())


def kind_of(error: KubeError | None) -> tuple[object, str]:
    """Return what makes two troubles the same one, whatever their texts."""
    return type(error), str(getattr(error, "reason", ""))


class Informers:
    """The shared informers of one cluster; each (kind, namespace, selector) is watched once.

    One that holds all of its objects serves those who want a part of them, too; only where the part came first is
    there a second watch.
    """

    def __init__(self, client: Client, clock: Clock) -> None:
        self.client = client
        self.clock = clock
        self._informers: dict[tuple[Resource, str, str, Form], Informer] = {}
        self._health_listeners: list[Callable[[], None]] = []
        self._group: asyncio.TaskGroup | None = None

    def get(self, resource: Resource, namespace: str = "", labels: str = "", form: Form = WHOLE) -> Informer:
        """Return the informer, made (and started, if running) at the first call. Its objects have all of `form`."""
        for fit in (form, WHOLE, PACKED):
            if (found := self._informers.get((resource, namespace, labels, fit))) is not None:
                return found
        informer = Informer(self.client, resource, self.clock, namespace, labels, form)
        informer.on_health(self._tell_health)
        self._informers[resource, namespace, labels, form] = informer
        if self._group is not None:
            self._group.create_task(informer.run())
        return informer

    def all(self) -> Iterable[Informer]:
        return list(self._informers.values())

    @property
    def heard_at(self) -> datetime | None:
        """Return when the server last answered any of the informers."""
        return max((informer.heard_at for informer in self.all() if informer.heard_at), default=None)

    @property
    def trouble(self) -> KubeError | None:
        """Return why the whole server is of no use to us, or None; that one kind is forbidden is no such reason."""
        for informer in self.all():
            if isinstance(informer.trouble, Unreachable | Unauthorized | NoCredentials):
                return informer.trouble
        return None

    def on_health(self, listener: Callable[[], None]) -> None:
        """Call `listener()` whenever the trouble of any informer, of today or later, changes."""
        self._health_listeners.append(listener)

    async def run(self) -> None:
        """Run all informers, and those made later, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                for informer in self.all():
                    group.create_task(informer.run())
                await asyncio.Event().wait()
        finally:
            self._group = None

    def _tell_health(self) -> None:
        for listener in self._health_listeners:
            listener()
