"""Lists and watches one collection for a cache: answers go straight into the form in which they are held.

A list comes in pages, or, where the server can, as the first events of a watch (a streamed list): then neither side
ever holds all of it as one answer.
Source: Kubernetes API concepts, "Streaming lists"; KEP-3157.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec

from volary.kube.client import Client, lines_in, selectors, unreadable
from volary.kube.keeping import WHOLE, Event, Form, Item
from volary.kube.objects import Resource
from volary.kube.watch import PAGE_SIZE

WATCH_SECONDS = 45  # a watch is reopened this often, so a silent server is noticed within 90 s
SILENCE_SECONDS = 60.0  # WATCH_SECONDS and a margin for the server to end it


@dataclass(frozen=True, slots=True)
class ListWatch:
    """One kind, in one namespace or all, that matches a label selector. Raises everywhere: `kube.errors.KubeError`."""

    client: Client
    resource: Resource
    namespace: str = ""
    labels: str = ""
    form: Form = WHOLE

    async def list(self, limit: int = PAGE_SIZE) -> tuple[list[Item], str]:
        """Return all items, `limit` a page (0: all at once), and the version to watch on from.

        Raises: Expired when a page came too late.
        """
        items: list[Item] = []
        buffer = bytearray()  # of all pages in turn
        path = self.resource.path(self.namespace)
        query = selectors(self.labels, "") | ({"limit": str(limit)} if limit else {})
        while True:
            body = await self.client.ask("GET", path, query, buffer=buffer)
            try:
                page = self.form.page(body, self.resource)
            except msgspec.MsgspecError:
                raise unreadable(path) from None
            items += page.items
            if not page.following:
                return items, page.version
            query = query | {"continue": page.following}

    @contextlib.asynccontextmanager
    async def watch(self, version: str, list_first: bool = False) -> AsyncIterator[AsyncIterator[Event]]:
        """Open a watch from `version` on, with bookmarks; gives an iterator of events.

        With `list_first` it begins with everything that is there, up to an event that `ends_list`.
        Raises: Expired, Unreachable (also when nothing at all came for `SILENCE_SECONDS`), ApiError; Invalid where the
        server cannot stream lists.
        """
        query = selectors(self.labels, "") | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        if list_first:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        else:
            query["resourceVersion"] = version
        async with self.client.stream(self.resource.path(self.namespace), query, SILENCE_SECONDS) as stream:
            yield self._events(lines_in(stream))

    async def _events(self, lines: AsyncIterator[bytes]) -> AsyncIterator[Event]:
        async for line in lines:
            yield self.form.event(line)
