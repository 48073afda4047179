"""Kubernetes Events: one for each line that people should see; an identical line raises `count`.

The name of an Event ends in a digest of what it says, so writing one twice raises a count and never makes a second
line out of one; after a crash the names are read back from the server. Before the digest stands when the line was first
said: by name, as lists are sorted, the Events of an object stand in the order in which they were written.
An Event comes before the status that follows from it, so a server that is away or busy raises (the pass is made again,
no line is lost). A server that will never take this line (no right to write events, a namespace that is going away, a
text it refuses) is noted in our log once, and the pass goes on: people lose a line, not a release.
Source: `record.EventRecorder` of client-go as Flagger uses it, for the fields; Kubernetes events API.
"""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from volary.kube.client import Client
from volary.kube.errors import AlreadyExists, ApiError, Conflict, Forbidden, Invalid, NotFound
from volary.kube.objects import NewObject, Object, format_time, name_of, namespace_of, uid_of, version_of
from volary.kube.resources import EVENTS
from volary.runtime.clock import Clock

log = logging.getLogger(__name__)

NORMAL = "Normal"
WARNING = "Warning"
LONGEST_MESSAGE = 1024  # bytes; what the API accepts
DIGEST_DIGITS = 16
MOMENT_DIGITS = 12  # hexadecimal, of milliseconds since 1970: enough for 8,000 years
OURS = re.compile(rf"\.([0-9a-f]{{{MOMENT_DIGITS}}})\.([0-9a-f]{{{DIGEST_DIGITS}}})$")  # the end of a name that we gave
LONGEST_NAME = 253 - 2 - MOMENT_DIGITS - DIGEST_DIGITS  # what is left for the object's name
MOST_OBJECTS = 1000  # whose names are remembered; another one costs a request when it is written about again
MOST_NAMES = 500  # of one object; servers keep an Event for an hour


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
        self._names: dict[str, dict[str, str]] = {}  # uid of an object -> digest of a line -> name of its Event
        self._latest = 0  # milliseconds since 1970 in the last name made

    async def write(self, about: Object, line: Line, component: str, step: str = "", once: bool = False) -> None:
        """Write a line about an object. Lines with the same `step` and text are one Event with a count.

        `step` names the moment (revision, weight, failed checks …): another step makes another Event of the same text.
        With `once` a line that is there already is not counted again: a crash then doubles nothing.
        Raises: KubeError, where asking again may help.
        """
        namespace = namespace_of(about) or "default"
        identity = digest(uid_of(about), component, step, line.type, line.message)
        try:
            name = await self._name(about, identity)
            await self._create_or_count(about, line, component, name, once)
        except (Forbidden, Invalid, NotFound) as error:
            self._note_refusal(namespace, error)
        except ApiError as error:
            if error.code != 400:
                raise
            self._note_refusal(namespace, error)

    async def _name(self, about: Object, identity: str) -> str:
        """Return the name of a line's Event: the one that it has already, or one that comes after all others."""
        uid = uid_of(about)
        if uid not in self._names:
            fields = f"involvedObject.uid={uid},involvedObject.name={name_of(about)}"
            listing = await self.client.list(EVENTS, namespace_of(about) or "default", fields=fields)
            found = sorted(filter(None, (OURS.search(name_of(event)) for event in listing.items)), key=itemgetter(1))
            self._names[uid] = {match[2]: match.string for match in found}
            self._latest = max([self._latest, *(int(match[1], 16) for match in found)])
            forget_oldest(self._names, MOST_OBJECTS)
        known = self._names[uid]
        if identity not in known:
            self._latest = max(self._latest + 1, int(self.clock.now().timestamp() * 1000))
            begin = name_of(about)[:LONGEST_NAME].rstrip("-.")  # a name may end in neither before the next point
            known[identity] = f"{begin}.{self._latest:0{MOMENT_DIGITS}x}.{identity}"
            forget_oldest(known, MOST_NAMES)
        return known[identity]

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
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:DIGEST_DIGITS]


def forget_oldest(entries: dict[str, Any], most: int) -> None:
    """Keep no more than `most` entries, those added last."""
    while len(entries) > most:
        del entries[next(iter(entries))]
