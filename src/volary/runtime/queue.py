"""Which key to work on next. Pure bookkeeping: no tasks, no locks, no clock of its own.

Two promises, the same as client-go's workqueue: a key is never handed to two workers at once, and a key added while
it is being worked on comes round again.
Source: client-go util/workqueue, `queue.go` and `delaying_queue.go`.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Hashable
from datetime import datetime
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

MOST_OUTDATED = 1000  # entries; beyond this the heap is cleaned


class WorkQueue(Generic[K]):
    """Keys with the time at which each is due."""

    def __init__(self) -> None:
        self._due: dict[K, datetime] = {}  # waiting, with the earliest time asked for
        self._busy: dict[K, datetime | None] = {}  # being worked on -> when to come round again
        self._heap: list[tuple[datetime, int, K]] = []  # may hold outdated entries; `_due` is the truth
        self._order = itertools.count()

    def add(self, key: K, at: datetime) -> None:
        """Ask for `key` to be worked on at `at` or soon after; the earliest wish wins."""
        if key in self._busy:
            wish = self._busy[key]
            self._busy[key] = at if wish is None else min(wish, at)
        elif key not in self._due or at < self._due[key]:
            self._due[key] = at
            heapq.heappush(self._heap, (at, next(self._order), key))
            if len(self._heap) > MOST_OUTDATED + 2 * len(self._due):
                self._compact()

    def take(self, now: datetime) -> K | None:
        """Hand out the key that has been due longest, or None; pair with `done`."""
        self._drop_outdated()
        if not self._heap or self._heap[0][0] > now:
            return None
        _, _, key = heapq.heappop(self._heap)
        del self._due[key]
        self._busy[key] = None
        return key

    def done(self, key: K) -> None:
        """Give a key back; what was asked meanwhile counts from now on."""
        again = self._busy.pop(key)
        if again is not None:
            self.add(key, again)

    def next_due(self) -> datetime | None:
        """When to call `take` again; None while nothing waits."""
        self._drop_outdated()
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        return len(self._due) + len(self._busy)

    def _compact(self) -> None:
        """Forget outdated entries that lie deep: a key wanted sooner than before leaves one each time."""
        self._heap = [entry for entry in self._heap if self._due.get(entry[2]) == entry[0]]
        heapq.heapify(self._heap)

    def _drop_outdated(self) -> None:
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
