"""Kubernetes Events: one for each line that people should see; an identical line raises `count`.

The name of an Event is made from what it is about, so writing one twice after a crash raises a count and never makes
a second line out of one.
Source: `spec/flagger.md` 3.1 for the fields; Kubernetes events API.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from volary.kube.client import Client
from volary.kube.errors import AlreadyExists
from volary.kube.objects import NewObject, Object, format_time, name_of, namespace_of, uid_of, version_of
from volary.kube.resources import EVENTS
from volary.runtime.clock import Clock

NORMAL = "Normal"
WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Line:
    """One line for people about one object."""

    message: str
    type: str = NORMAL
    reason: str = "Synced"


class Recorder:
    """Writes Events into one cluster as one component (`flagger`, `kustomize-controller`, …)."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self.client = client
        self.clock = clock

    async def write(self, about: Object, line: Line, component: str, step: str = "") -> None:
        """Write a line about an object. Lines with the same `step` and text are one Event with a count.

        `step` names the moment (revision, weight, failed checks …): another step makes another Event of the same text.
        """
        now = format_time(self.clock.now())
        namespace = namespace_of(about) or "default"
        name = f"{name_of(about)}.{digest(uid_of(about), component, step, line.type, line.message)}"
        event = self._event(about, line, component, name, namespace, now)
        try:
            await self.client.create(EVENTS, event, component)
        except AlreadyExists:
            old = await self.client.get(EVENTS, name, namespace)
            count = int((old or {}).get("count") or 1) + 1
            await self.client.patch(EVENTS, name, {"count": count, "lastTimestamp": now}, namespace, manager=component)

    def _event(self, about: Object, line: Line, component: str, name: str, namespace: str, now: str) -> NewObject:
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": about["apiVersion"],
                "kind": about["kind"],
                "name": name_of(about),
                "namespace": namespace_of(about),
                "uid": uid_of(about),
                "resourceVersion": version_of(about),
            },
            "type": line.type,
            "reason": line.reason,
            "message": line.message,
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": "",
        }


def digest(*parts: str) -> str:
    """Return 16 hexadecimal digits that stand for `parts`."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
