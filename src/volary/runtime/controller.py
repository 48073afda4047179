"""Keeps a feature's objects moving: informers put keys into a queue, workers make passes over them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from volary.kube.objects import Object
from volary.runtime.clock import Clock
from volary.runtime.errors import backoff
from volary.runtime.informer import Informer
from volary.runtime.queue import WorkQueue
from volary.runtime.reconcile import FASTEST_RETRY, SLOWEST_RETRY, Feature, Pass, Plan

log = logging.getLogger(__name__)

F = TypeVar("F")
P = TypeVar("P", bound=Plan)
WORKERS = 8  # passes at once in one controller of one cluster; each waits for the API server most of the time
JITTER = 0.2  # at most this much longer than the backoff
SHORTEST_WAIT = timedelta(milliseconds=10)  # a floor, so that rounding can never spin


class Controller(Generic[F, P]):
    """One feature in one cluster. `add` may be called by anybody who knows that a key wants a pass."""

    def __init__(self, name: str, feature: Feature[F, P], clock: Clock, workers: int = WORKERS) -> None:
        self.name = name
        self.clock = clock
        self.passes = Pass(feature)
        self.workers = workers
        self.queue: WorkQueue[str] = WorkQueue()
        self.count = 0  # passes made, for tests and metrics
        self._awaited: list[asyncio.Event] = []
        self._bugs: dict[str, int] = {}
        self._said: dict[str, str] = {}  # the last sentence logged for each key
        self._wake = asyncio.Event()

    def watch(self, informer: Informer, keys: Callable[[Object], Iterable[str]]) -> None:
        """Make a pass over `keys(object)` whenever an object of `informer` changes."""
        self.wait_for(informer.synced)

        def on_change(old: Object | None, new: Object | None) -> None:
            for obj in (old, new):
                if obj is not None:
                    for key in keys(obj):
                        self.add(key)

        def on_health() -> None:
            """A server that is back, or lets us in again, is worth a try at once for all that it had failed."""
            if informer.trouble is None:
                for key in self.passes.unfinished():
                    self.add(key)

        informer.listen(on_change)
        informer.on_health(on_health)

    def wait_for(self, event: asyncio.Event) -> None:
        """Make no pass before this has happened."""
        self._awaited.append(event)

    def add(self, key: str, at: datetime | None = None) -> None:
        """Ask for a pass over `key`, now or at `at`."""
        self.queue.add(key, at or self.clock.now())
        self._wake.set()

    async def run(self) -> None:
        """Wait for the caches, then work until cancelled."""
        for event in self._awaited:
            await event.wait()
        free = asyncio.Semaphore(self.workers)
        async with asyncio.TaskGroup() as group:
            while True:
                await free.acquire()
                key = await self._next()
                group.create_task(self._work(key, free))

    async def _next(self) -> str:
        while True:
            self._wake.clear()
            now = self.clock.now()
            key = self.queue.take(now)
            if key is not None:
                return key
            due = self.queue.next_due()
            wait = None if due is None else max(due - now, SHORTEST_WAIT).total_seconds()
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _work(self, key: str, free: asyncio.Semaphore) -> None:
        try:
            again = await self._pass(key)
            if again is not None:
                self.queue.add(key, again)
        finally:
            self.queue.done(key)
            free.release()
            self._wake.set()

    async def _pass(self, key: str) -> datetime | None:
        self.count += 1
        now = self.clock.now()
        try:
            again = await self.passes.run(key, now)
        except Exception:
            self._bugs[key] = self._bugs.get(key, 0) + 1
            log.exception("a pass failed; this is a bug", extra={"controller": self.name, "key": key})
            return self._later(backoff(self._bugs[key], FASTEST_RETRY, SLOWEST_RETRY))
        self._bugs.pop(key, None)
        self._say(key)
        if again is not None and key in self.passes.failures:
            return self._later(again - now)
        return again

    def _say(self, key: str) -> None:
        """Log what the pass decided, where that is not what the one before did."""
        because = self.passes.because.get(key)
        if because is None:
            self._said.pop(key, None)
        elif because != self._said.get(key):
            self._said[key] = because
            log.debug("decided", extra={"controller": self.name, "key": key, "because": because})

    def _later(self, wait: timedelta) -> datetime:
        """Return the time after a failure's wait, with jitter: what failed together need not come back together."""
        return self.clock.now() + wait * (1 + JITTER * self.clock.rng.random())
