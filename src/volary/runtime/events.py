"""Kubernetes Events: one for each line that people should see; an identical line raises `count`.

The name of an Event is made from what it is about, so writing one twice after a crash raises a count and never makes
a second line out of one. An Event comes before the status that follows from it, so a server that is away or busy
raises (the pass is made again, no line is lost). A server that will never take this line (no right to write events,
a namespace that is going away, a text it refuses) is noted in our log once, and the pass goes on: people lose a line,
not a release.
Source: `record.EventRecorder` of client-go as Flagger uses it, for the fields; Kubernetes events API.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass

from volary.kube.client import Client
from volary.kube.errors import AlreadyExists, ApiError, Conflict, Forbidden, Invalid, NotFound
from volary.kube.objects import NewObject, Object, format_time, name_of, namespace_of, uid_of, version_of
from volary.kube.resources import EVENTS
from volary.runtime.clock import Clock

log = logging.getLogger(__name__)

NORMAL = "Normal"
WARNING = "Warning"
LONGEST_MESSAGE = 1024  # bytes; what the API accepts
LONGEST_NAME = 253 - 17  # what is left for the object's name beside a dot and the digest


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
        self._refused: set[tuple[str, str]] = set()  # (namespace, reason) that our log has been told of

    async def write(self, about: Object, line: Line, component: str, step: str = "", once: bool = False) -> None:
        """Write a line about an object. Lines with the same `step` and text are one Event with a count.

        `step` names the moment (revision, weight, failed checks …): another step makes another Event of the same text.
        With `once` a line that is there already is not counted again: a crash then doubles nothing.
        Raises: KubeError, where asking again may help.
        """
        namespace = namespace_of(about) or "default"
        identity = digest(uid_of(about), component, step, line.type, line.message)
        name = f"{name_of(about)[:LONGEST_NAME]}.{identity}"
        try:
            await self._create_or_count(about, line, component, name, once)
        except (Forbidden, Invalid, NotFound) as error:
            self._note_refusal(namespace, error)
        except ApiError as error:
            if error.code != 400:
                raise
            self._note_refusal(namespace, error)

    async def _create_or_count(self, about: Object, line: Line, component: str, name: str, once: bool) -> None:
        namespace = namespace_of(about) or "default"
        now = format_time(self.clock.now())
        event = self._event(about, line, component, name, now)
        try:
            await self.client.create(EVENTS, event, component)
            return
        except AlreadyExists:
            if once:
                return
            old = await self.client.get(EVENTS, name, namespace)
        count = int((old or {}).get("count") or 1) + 1
        try:
            await self.client.patch(EVENTS, name, {"count": count, "lastTimestamp": now}, namespace, manager=component)
        except NotFound:  # it came to its end (an hour, usually) in between
            await self.client.create(EVENTS, event, component)
        except Conflict:
            pass  # somebody else counted meanwhile; the line is there

    def _note_refusal(self, namespace: str, error: ApiError) -> None:
        if (namespace, error.reason) not in self._refused:
            self._refused.add((namespace, error.reason))
            log.warning("cannot write events", extra={"namespace": namespace, "error": str(error)})

    def _event(self, about: Object, line: Line, component: str, name: str, now: str) -> NewObject:
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace_of(about) or "default"},
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
            "message": cut(line.message),
            "count": 1,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "source": {"component": component},
            "reportingComponent": component,
            "reportingInstance": "",
        }


def cut(message: str) -> str:
    """Return a message that is not too long for an Event."""
    encoded = message.encode()
    if len(encoded) <= LONGEST_MESSAGE:
        return message
    return encoded[: LONGEST_MESSAGE - 3].decode("utf-8", "ignore") + "…"


def digest(*parts: str) -> str:
    """Return 16 hexadecimal digits that stand for `parts`."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
