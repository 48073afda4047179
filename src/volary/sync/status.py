"""Writes statuses, and makes sure that no pass decides on one that is older than our own last write."""

from __future__ import annotations

import logging

from volary.kube.client import Client
from volary.kube.errors import Forbidden
from volary.kube.objects import NewObject, Object, Resource, name_of, namespace_of, version_of
from volary.runtime.errors import Stalled, TryAgain
from volary.runtime.informer import Informer

log = logging.getLogger(__name__)

LONGEST_LAG_SECONDS = 10.0  # that a cache may be behind our own write
LONGEST_LIST_SECONDS = 30.0  # that a cache may take until it is filled


class StatusWriter:
    """The statuses of one kind in one cluster."""

    def __init__(self, client: Client, resource: Resource, informer: Informer, manager: str) -> None:
        self.client = client
        self.resource = resource
        self.informer = informer
        self.manager = manager
        self._wrote: dict[str, str] = {}  # key -> version of our last write
        self._complaints: dict[str, str] = {}

    async def latest(self, key: str) -> NewObject | None:
        """Return the object, at least as new as our last write. Raises: TryAgain when the cache does not catch up."""
        wanted = self._wrote.get(key, "")
        if wanted and not await self.informer.until(lambda: self._caught_up(key, wanted), LONGEST_LAG_SECONDS):
            raise TryAgain(f"the cache of {self.resource.kind} {key} is behind our own write")
        obj = self.informer.by_key(key)
        if obj is None:
            self._wrote.pop(key, None)
        return obj

    def _caught_up(self, key: str, wanted: str) -> bool:
        obj = self.informer.by_key(key)
        return not older(version_of(obj) if obj is not None else self.informer.version, wanted)

    async def write(self, key: str, obj: Object, status: NewObject) -> None:
        """Write the status, if nobody changed the object since it was read. Raises: KubeError."""
        body = {"metadata": {"resourceVersion": version_of(obj)}, "status": status}
        written = await self.client.patch(
            self.resource, name_of(obj), body, namespace_of(obj), manager=self.manager, subresource="status"
        )
        self.note(key, written)
        self._complaints.pop(key, None)

    def note(self, key: str, written: Object) -> None:
        """Remember a write of ours, of the status or of anything else in the object."""
        self._wrote[key] = version_of(written)

    def complain(self, key: str, why: Stalled) -> None:
        """Log, once, what only a person can mend."""
        if self._complaints.get(key) != str(why):
            self._complaints[key] = str(why)
            log.error("stalled", extra={"kind": self.resource.kind, "key": key, "reason": why.reason, "why": str(why)})


async def filled(informer: Informer) -> None:
    """Wait until a cache is filled. Raises: TryAgain, Stalled when we may not list."""
    if await informer.until(informer.synced.is_set, LONGEST_LIST_SECONDS):
        return
    message = f"cannot list {informer.resource.kind}: {informer.trouble or 'no answer yet'}"
    if isinstance(informer.trouble, Forbidden):
        raise Stalled("Forbidden", message)
    raise TryAgain(message)


def older(version: str, than: str) -> bool:
    """Is one resourceVersion older than another? They are comparable only within one resource of one server."""
    try:
        return int(version or 0) < int(than or 0)
    except ValueError:
        return version != than
