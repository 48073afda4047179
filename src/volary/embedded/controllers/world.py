"""What every controller inside is given: the API, time and chance, and a pen for Events."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from volary.embedded.api.errors import Problem
from volary.embedded.api.local import Local, NewObject, Object
from volary.embedded.controllers.objects import format_time, meta, name_of, namespace_of, uid_of
from volary.embedded.controllers.similar_events import PREFIX, SimilarEvents

MANAGER = "kube-controller-manager"
MOST_REMEMBERED = 4096  # lines whose count can still rise; older ones start a new Event


class Clock(Protocol):
    """Wall clock, random numbers and new ids."""

    rng: random.Random

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        ...

    def new_id(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Line:
    """One line for people: an Event to be."""

    reason: str
    message: str
    type: str = "Normal"


@dataclass(slots=True)
class World:
    """One cluster as its controllers see it."""

    local: Local
    clock: Clock
    events: bool = True  # a simulation of hundreds of clusters does without
    measure: Callable[[str], float | None] = field(default=lambda query: None)  # PromQL -> what it finds now
    _count: int = 0
    _written: dict[tuple[str, str, str], str] = field(default_factory=dict)  # (uid, reason, message) -> Event's name
    _similar: SimilarEvents = field(default_factory=SimilarEvents)

    def now(self) -> datetime:
        return self.clock.now()

    def event(self, about: Object, line: Line, component: str = "deployment-controller") -> None:
        """Write an Event; the same line about the same object only raises the count of the one before."""
        if not self.events:
            return
        namespace = namespace_of(about) or "default"
        seen = (uid_of(about), line.reason, line.message)
        if self._similar.combines((uid_of(about), line.type, line.reason, component), line.message, self.now()):
            line = replace(line, message=PREFIX + line.message)
            seen = (uid_of(about), line.reason, PREFIX)
        try:
            if not self._count_again(namespace, self._written.get(seen), line.message):
                event = self._event(about, line, component, namespace)
                self.local.create("/events", event, component)
                self._remember(seen, event["metadata"]["name"])
        except Problem:
            pass  # as with a real cluster: an Event that cannot be written (a namespace that goes away) is not missed

    def _count_again(self, namespace: str, name: str | None, message: str) -> bool:
        old = self.local.get("/events", namespace, name) if name else None
        if old is None:
            return False
        again = {**old, "count": int(old.get("count") or 1) + 1, "lastTimestamp": format_time(self.now())}
        again["message"] = message  # another one, where it combines several
        self.local.update("/events", again, str(old.get("reportingComponent") or MANAGER))
        return True

    def _remember(self, seen: tuple[str, str, str], name: str) -> None:
        if len(self._written) >= MOST_REMEMBERED:
            self._written.pop(next(iter(self._written)))
        self._written[seen] = name

    def _event(self, about: Object, line: Line, component: str, namespace: str) -> NewObject:
        moment = self.now()
        now = format_time(moment)
        self._count += 1  # names in order of time, so that lines of one second are listed as they came
        suffix = int(moment.timestamp() * 1e9) + self._count
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{name_of(about)}.{suffix:x}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "namespace": namespace_of(about),
                "name": name_of(about),
                "uid": uid_of(about),
                "resourceVersion": str(meta(about).get("resourceVersion") or ""),
            },
            "reason": line.reason,
            "message": line.message,
            "type": line.type,
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": "",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
