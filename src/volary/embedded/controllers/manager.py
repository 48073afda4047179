"""Runs the controllers inside: notes a key at each write, works on it later from the event loop.

Everything happens in callbacks of one loop (`call_soon`, `call_later`), so virtual time works unchanged and no two
reconcilers ever run at once.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import Iterable, Sequence
from typing import Protocol

from volary.embedded.api.errors import Problem
from volary.embedded.api.local import Local, Object

log = logging.getLogger(__name__)

Key = tuple[str, ...]
CONFLICT = 409
MOST_IN_ONE_TURN = 50  # keys, then requests from outside get their turn
FASTEST_RETRY, SLOWEST_RETRY = 0.01, 30.0  # seconds


class Controller(Protocol):
    """One reconciler. It decides from what the API says now, never from what it remembers of before."""

    @property
    def name(self) -> str: ...

    @property
    def sources(self) -> Sequence[str]:
        """The resources to look through at the start."""
        ...

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        """Name what a write concerns."""
        ...

    def reconcile(self, key: Key) -> float | None:
        """Make one pass; return in how many seconds to come back, None to wait for a write."""
        ...


Job = tuple[int, Key]  # the controller's place in the list, the key


class Manager:
    """All controllers of one cluster. `start` once, from the loop they are to run in."""

    def __init__(self, local: Local, controllers: Sequence[Controller]) -> None:
        self.local = local
        self.controllers = list(controllers)
        self.passes = 0  # made so far, for tests and metrics
        self._due: dict[Job, float] = {}
        self._heap: list[tuple[float, int, Job]] = []  # may hold outdated entries; `_due` is the truth
        self._order = itertools.count()
        self._failures: dict[Job, int] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.Handle | None = None
        self._timer_due = 0.0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listen from now on, and look through what is already there."""
        self._loop = loop
        self.local.listen(self._note)
        for resource in dict.fromkeys(source for each in self.controllers for source in each.sources):
            for obj in self.local.items(resource):
                self._note(resource, None, obj)

    def stop(self) -> None:
        """Do nothing more; what is written from now on is not noted."""
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()

    def _note(self, resource: str, old: Object | None, new: Object | None) -> None:
        for place, controller in enumerate(self.controllers):
            for key in controller.keys(resource, old, new):
                self._add((place, key), 0.0)

    def _add(self, job: Job, delay: float) -> None:
        if self._loop is None:
            return
        due = self._loop.time() + delay
        if job not in self._due or due < self._due[job]:
            self._due[job] = due
            heapq.heappush(self._heap, (due, next(self._order), job))
            self._wake_at(due)

    def _wake_at(self, due: float) -> None:
        assert self._loop is not None
        if self._timer is not None:
            if self._timer_due <= due:
                return
            self._timer.cancel()
        self._timer_due = due
        soon = due <= self._loop.time()
        self._timer = self._loop.call_soon(self._turn) if soon else self._loop.call_at(due, self._turn)

    def _turn(self) -> None:
        self._timer = None
        for _ in range(MOST_IN_ONE_TURN):
            job = self._take()
            if job is None or self._loop is None:
                break
            self._work(job)
        due = self._next_due()
        if due is not None and self._loop is not None:
            self._wake_at(due)

    def _take(self) -> Job | None:
        due = self._next_due()
        if due is None or self._loop is None or due > self._loop.time():
            return None
        _, _, job = heapq.heappop(self._heap)
        del self._due[job]
        return job

    def _next_due(self) -> float | None:
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def _work(self, job: Job) -> None:
        controller, key = self.controllers[job[0]], job[1]
        self.passes += 1
        try:
            again = controller.reconcile(key)
        except Problem as problem:
            level = logging.DEBUG if problem.code == CONFLICT else logging.WARNING
            log.log(level, "controller will try again", extra={"controller": controller.name, "key": "/".join(key)})
            self._fail(job)
        except Exception:
            log.exception("controller failed", extra={"controller": controller.name, "key": "/".join(key)})
            self._fail(job)
        else:
            self._failures.pop(job, None)
            if again is not None:
                self._add(job, max(again, 0.001))

    def _fail(self, job: Job) -> None:
        count = self._failures[job] = self._failures.get(job, 0) + 1
        self._add(job, min(SLOWEST_RETRY, FASTEST_RETRY * (1 << min(count - 1, 16))))
