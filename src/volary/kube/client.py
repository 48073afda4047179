"""One API server: the verbs, with typed errors. Thin on purpose: it caches nothing and retries nothing.

Whoever calls decides what an error means; `runtime.errors.from_kube` has the usual answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from volary.kube.discovery import Discovery
from volary.kube.errors import NotFound, error_from, unreadable
from volary.kube.objects import NewObject, Object, Resource, name_of, namespace_of
from volary.kube.transport import Request, Response, Stream, Transport
from volary.kube.watch import PAGE_SIZE

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

LONGEST_LINE = 64 << 20  # bytes; an object of etcd's largest size is a few
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)  # what JSON of strangers can bring about


@dataclass(frozen=True, slots=True)
class Listing:
    """A consistent list and the resourceVersion to watch on from."""

    items: list[NewObject]
    version: str


class Client:
    """The verbs of one API server. Raises everywhere: `kube.errors.KubeError`."""

    def __init__(
        self,
        transport: Transport,
        user_agent: str = "volary",
        timeout_seconds: float = 30.0,
        streams_lists: bool = False,
    ) -> None:
        self.transport = transport
        self.user_agent = user_agent
        self.timeout_seconds = timeout_seconds
        self.streams_lists = streams_lists  # worth a try (1.34 and later); False once it was refused
        self.server_time: datetime | None = None  # the `Date` of the last answer: deadlines go by the server's clock
        self.server_time_at = 0.0  # the event loop's time when that answer came
        self.discovery = Discovery(self._discover)

    async def get(self, resource: Resource, name: str, namespace: str = "") -> NewObject | None:
        """Return the object, or None if there is none."""
        try:
            return await self._json("GET", resource.path(namespace, name))
        except NotFound:
            return None

    async def list(
        self, resource: Resource, namespace: str = "", labels: str = "", fields: str = "", limit: int = PAGE_SIZE
    ) -> Listing:
        """Return all objects that match the selectors, `limit` a page (0: all at once).

        Raises: Expired when a page came too late.
        """
        items: list[NewObject] = []
        query = selectors(labels, fields) | ({"limit": str(limit)} if limit else {})
        while True:
            path = resource.path(namespace)
            page = await self._json("GET", path, query)
            meta, found = page.get("metadata"), page.get("items") or []
            if not isinstance(meta, dict) or not isinstance(found, list):
                raise unreadable(path, "a list")  # nor an empty one: somebody would take everything for gone
            # A list of built-ins leaves kind and apiVersion out of its items.
            items += [{"apiVersion": resource.api_version, "kind": resource.kind, **item} for item in found]
            query = next_page(query, str(meta.get("continue") or ""), path)
            if "continue" not in query:
                return Listing(items, str(meta.get("resourceVersion") or ""))

    @contextlib.asynccontextmanager
    async def watch(
        self,
        resource: Resource,
        version: str,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        seconds: int = 60,
        silence_seconds: float = 80.0,
    ) -> AsyncIterator[AsyncIterator[Mapping[str, Any]]]:
        """Open a watch from `version` on, with bookmarks, for `seconds`; gives an iterator of watch events.

        Raises: Expired, Unreachable (also when nothing at all came for `silence_seconds`), ApiError.
        """
        query = selectors(labels, fields) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(seconds),
        }
        path = resource.path(namespace)
        async with self.stream(path, query, silence_seconds) as stream:
            yield events_in(stream, path)

    @contextlib.asynccontextmanager
    async def stream(self, path: str, query: Mapping[str, str], silence_seconds: float) -> AsyncIterator[Stream]:
        """Open an answer that goes on. Raises: Expired, Unreachable, ApiError."""
        request = self._request("GET", path, query, timeout_seconds=silence_seconds)
        async with self.transport.stream(request) as stream:
            if stream.status >= 300:
                body = b"".join([chunk async for chunk in stream.chunks()])
                raise error_from(Response(stream.status, stream.headers, body))
            self._note_time(stream.headers)
            yield stream

    async def create(self, resource: Resource, obj: Object, manager: str = "") -> NewObject:
        """Create. Raises: AlreadyExists."""
        return await self._json(
            "POST", resource.path(namespace_of(obj)), {"fieldManager": manager} if manager else {}, dict(obj)
        )

    async def update(self, resource: Resource, obj: Object, manager: str = "", subresource: str = "") -> NewObject:
        """Replace the object (or its `subresource`). With a resourceVersion in it: only if unchanged, else Conflict."""
        path = resource.path(namespace_of(obj), name_of(obj), subresource)
        return await self._json("PUT", path, {"fieldManager": manager} if manager else {}, dict(obj))

    async def update_status(self, resource: Resource, obj: Object, manager: str = "") -> NewObject:
        """Replace the status; a resourceVersion in `obj` is a condition. Raises: Conflict."""
        return await self.update(resource, obj, manager, "status")

    async def patch(
        self,
        resource: Resource,
        name: str,
        body: object,
        namespace: str = "",
        kind: str = MERGE,
        manager: str = "",
        subresource: str = "",
    ) -> NewObject:
        """Patch with a body of type `kind`. Raises: NotFound, Conflict, Invalid."""
        query = {"fieldManager": manager} if manager else {}
        return await self._json("PATCH", resource.path(namespace, name, subresource), query, body, kind)

    async def apply(
        self, resource: Resource, obj: Object, manager: str, force: bool = False, dry_run: bool = False
    ) -> NewObject:
        """Server-side apply; return the object as stored. Raises: Conflict (with `.managers`), Invalid."""
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        if dry_run:
            query["dryRun"] = "All"
        return await self._json("PATCH", resource.path(namespace_of(obj), name_of(obj)), query, dict(obj), APPLY)

    async def delete(
        self, resource: Resource, name: str, namespace: str = "", uid: str = "", propagation: str = "Background"
    ) -> bool:
        """Delete; return False if it was gone already. With `uid`: only that very object, else Conflict."""
        options: NewObject = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            await self._json("DELETE", resource.path(namespace, name), {}, options)
        except NotFound:
            return False
        return True

    async def resource_for(self, api_version: str, kind: str) -> Resource:
        """Look a kind up by discovery. Raises: NotFound when the server has no such kind."""
        return await self.discovery.find(api_version, kind)

    async def _discover(self, path: str, accept: str) -> tuple[str, bytes]:
        headers = {"accept": accept, "user-agent": self.user_agent}
        response = await self.raw(Request("GET", path, {}, headers, timeout_seconds=self.timeout_seconds))
        if response.status >= 300:
            raise error_from(response)
        return response.headers.get("content-type", ""), response.body

    async def raw(self, request: Request) -> Response:
        """Send any request as this client; the answer is returned whatever its status."""
        headers = {"user-agent": self.user_agent, **request.headers}
        response = await self.transport.request(replace(request, headers=headers))
        self._note_time(response.headers)
        return response

    async def close(self) -> None:
        await self.transport.close()

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes = b"",
        content_type: str = "application/json",
        timeout_seconds: float = 0.0,
    ) -> Request:
        headers = {"accept": "application/json", "user-agent": self.user_agent}
        if body:
            headers["content-type"] = content_type
        return Request(method, path, query, headers, body, timeout_seconds or self.timeout_seconds)

    async def _json(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: object = None,
        content_type: str = "application/json",
    ) -> NewObject:
        encoded = b"" if body is None else msgspec.json.encode(body)
        answer = await self.ask(method, path, query or {}, encoded, content_type)
        try:
            decoded: NewObject = msgspec.json.decode(answer, type=dict)
        except UNREADABLE:
            raise unreadable(path) from None
        return decoded

    async def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes = b"",
        content_type: str = "application/json",
        buffer: bytearray | None = None,
    ) -> bytes:
        """Return the body of the answer; with `buffer` it is true until that is used again. Raises: KubeError."""
        request = replace(self._request(method, path, query, body, content_type), buffer=buffer)
        response = await self.transport.request(request)
        self._note_time(response.headers)
        if response.status >= 300:
            raise error_from(response)
        return response.body

    def _note_time(self, headers: Mapping[str, str]) -> None:
        """Remember the server's clock (whole seconds) from an answer."""
        with contextlib.suppress(KeyError, ValueError):
            self.server_time = parsedate_to_datetime(headers["date"]).astimezone(UTC)
            self.server_time_at = asyncio.get_running_loop().time()


def selectors(labels: str, fields: str) -> dict[str, str]:
    """Return the query for the selectors that are set."""
    query = {"labelSelector": labels} if labels else {}
    return query | ({"fieldSelector": fields} if fields else {})


def next_page(query: dict[str, str], following: str, path: str) -> dict[str, str]:
    """Return the query for the page after one; without "continue" there is none. Raises: Unreachable."""
    if following and following == query.get("continue"):
        raise unreadable(path, "the next page but the same one again")
    rest = {name: value for name, value in query.items() if name != "continue"}
    return rest | ({"continue": following} if following else {})


async def events_in(stream: Stream, path: str) -> AsyncIterator[Mapping[str, Any]]:
    """Yield the watch events of a stream of JSON lines; a last line that was cut off is dropped."""
    async for line in lines_in(stream):
        try:
            yield msgspec.json.decode(line, type=dict)
        except UNREADABLE:
            raise unreadable(path, "a watch event") from None


async def lines_in(stream: Stream) -> AsyncIterator[bytes]:
    """Yield the lines of a stream; a last line that was cut off is dropped. Raises: Unreachable, for an endless one."""
    begun: list[bytes] = []
    length = 0
    async for chunk in stream.chunks():
        first, *others = chunk.split(b"\n")
        begun.append(first)
        length = len(others[-1]) if others else length + len(first)
        if length > LONGEST_LINE:
            raise unreadable("a watch", f"made of lines of at most {LONGEST_LINE >> 20} MiB")
        if others:
            # Joined once: a line of many megabytes comes in hundreds of chunks.
            *lines, last = b"".join(begun), *others
            begun = [last]
            for line in lines:
                if line and not line.isspace():
                    yield line
