"""Lists and watches one collection for a cache: answers go straight into the form in which they are held.

A list comes in pages, or, where the server can, as the first events of a watch (a streamed list): then neither side
ever holds all of it as one answer.
Source: Kubernetes API concepts, "Streaming lists"; KEP-3157.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from volary.kube.client import UNREADABLE, Client, lines_in, next_page, selectors
from volary.kube.errors import Unreachable, unreadable
from volary.kube.keeping import WHOLE, Event, Form, Item
from volary.kube.objects import Resource
from volary.kube.watch import PAGE_SIZE

WATCH_SECONDS = 45  # a watch is reopened this often, so a silent server is noticed within 90 s
SILENCE_SECONDS = 60.0  # WATCH_SECONDS and a margin for the server to end it
LONGEST_SECONDS = 60.0  # once open: a server that lets fall a byte now and then is as good as silent
BROKEN = (*UNREADABLE, KeyError, TypeError, AttributeError)  # JSON, but not in the shape of objects


class Unreadable(Unreachable):
    """What came is no watch event: what is known since the last one cannot be trusted, so list anew."""


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
            except BROKEN:
                raise unreadable(path, "a list") from None
            if not page.version:
                raise unreadable(path, "a list")  # nor an empty one: everything would be taken for gone
            items += page.items
            query = next_page(query, page.following, path)
            if "continue" not in query:
                return items, page.version

    @contextlib.asynccontextmanager
    async def watch(self, version: str, list_first: bool = False) -> AsyncIterator[AsyncIterator[Event]]:
        """Open a watch from `version` on, with bookmarks; gives an iterator of events.

        With `list_first` it begins with everything that is there, up to an event that `ends_list`.
        Raises: Expired, Unreachable (also when nothing at all came for `SILENCE_SECONDS`, or the server did not end it
        at its time), Unreadable, ApiError; Invalid where the server cannot stream lists.
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
        path = self.resource.path(self.namespace)
        try:
            async with (
                asyncio.timeout(SILENCE_SECONDS + LONGEST_SECONDS),
                self.client.stream(path, query, SILENCE_SECONDS) as stream,
            ):
                yield self._events(lines_in(stream), path)
        except TimeoutError:
            raise Unreachable("Timeout", f"{path}: the server did not end a watch of {WATCH_SECONDS} s") from None

    async def _events(self, lines: AsyncIterator[bytes], path: str) -> AsyncIterator[Event]:
        async for line in lines:
            try:
                event = self.form.event(line)
            except BROKEN:
                raise Unreadable("Failed", f"{path}: a line is no watch event; is this an API server?") from None
            if not event.item.version:
                raise Unreadable("Failed", f"{path}: an event without a resourceVersion; is this an API server?")
            yield event
