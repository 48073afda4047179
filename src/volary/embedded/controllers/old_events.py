"""Events are kept for an hour, as a real API server keeps them.

Source: kube-apiserver `--event-ttl`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from volary.embedded.api.local import Object
from volary.embedded.controllers.manager import Key
from volary.embedded.controllers.objects import key_of, meta, parse_time
from volary.embedded.controllers.world import World

EVENTS = "/events"
KEPT = timedelta(hours=1)


class OldEvents:
    """Removes each Event an hour after its last line."""

    name = "old-events"
    sources = (EVENTS,)

    def __init__(self, world: World) -> None:
        self.world = world

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == EVENTS and new is not None and old is None:
            yield key_of(new)

    def reconcile(self, key: Key) -> float | None:
        event = self.world.local.get(EVENTS, *key)
        if event is None:
            return None
        last = event.get("lastTimestamp") or event.get("eventTime") or meta(event)["creationTimestamp"]
        left = (parse_time(last) + KEPT - self.world.now()).total_seconds()
        if left > 0:
            return left
        self.world.local.delete(EVENTS, *key)
        return None
