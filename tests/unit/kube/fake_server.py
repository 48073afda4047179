"""A small whole API server in memory, as a `Transport`: lists in pages, watches with bookmarks, and old versions gone.

It knows what the tests of client, informer, events and leader need, and answers everything else with 404.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from volary.kube.errors import Unreachable
from volary.kube.keeping import INITIAL_END
from volary.kube.transport import Request, Response, Stream

Obj = dict[str, Any]


class Refusal(Exception):
    """An answer other than 2xx."""

    def __init__(self, code: int, reason: str, message: str = "") -> None:
        super().__init__(message or reason)
        self.code = code
        self.status: Obj = {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": str(self)}


class FakeServer:
    """All objects by (collection path without namespace, namespace, name)."""

    def __init__(self) -> None:
        self.version = 100
        self.objects: dict[tuple[str, str, str], Obj] = {}
        self.history: list[tuple[str, str, Obj]] = []  # (collection, type, object as of its version)
        self.oldest = 100  # versions before this one are forgotten
        self.pages: dict[str, list[Obj]] = {}
        self.requests: list[Request] = []
        self.streams = True  # lists can be had as the first events of a watch
        self.silent = False  # nothing comes out any more
        self.refusals: list[Refusal | Unreachable] = []  # the next requests get these
        self._changed = asyncio.Event()

    # What a test does from outside.

    def put(self, collection: str, obj: Obj, namespace: str = "") -> Obj:
        """Create or replace."""
        self.version += 1
        key = (collection, namespace, obj["metadata"]["name"])
        meta = {**obj["metadata"], "resourceVersion": str(self.version)}
        stored = {**obj, "metadata": {**meta, "namespace": namespace} if namespace else meta}
        self._happened(collection, "MODIFIED" if key in self.objects else "ADDED", stored)
        self.objects[key] = stored
        return stored

    def remove(self, collection: str, name: str, namespace: str = "") -> None:
        self.version += 1
        gone = self.objects.pop((collection, namespace, name))
        meta = {**gone["metadata"], "resourceVersion": str(self.version)}
        self._happened(collection, "DELETED", {**gone, "metadata": meta})

    def forget(self) -> None:
        """Compact: no watch can start before the present, no page can be continued."""
        self.oldest = self.version
        self.pages.clear()
        self._wake()

    def hush(self, silent: bool) -> None:
        self.silent = silent
        self._wake()

    def count(self, *methods: str) -> int:
        """Count requests that are no watch."""
        return len([one for one in self.requests if one.method in methods and "watch" not in one.query])

    def _happened(self, collection: str, kind: str, obj: Obj) -> None:
        self.history.append((collection, kind, obj))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # The transport.

    async def request(self, request: Request) -> Response:
        self.requests.append(request)
        if self.silent:
            await asyncio.sleep(request.timeout_seconds)
            raise Unreachable("Timeout", "fake: no answer")
        try:
            if self.refusals:
                raise self.refusals.pop(0)
            return answer(200, self._verb(request))
        except Refusal as refusal:
            return answer(refusal.code, refusal.status)

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        self.requests.append(request)
        if self.silent:
            await asyncio.sleep(request.timeout_seconds)
            raise Unreachable("Timeout", "fake: no answer")
        if self.refusals:
            refusal = self.refusals.pop(0)
            if isinstance(refusal, Unreachable):
                raise refusal
            yield FakeStream(refusal.code, once(msgspec.json.encode(refusal.status)))
        elif "sendInitialEvents" in request.query and not self.streams:
            refusal = Refusal(422, "Invalid", "sendInitialEvents: Forbidden")
            yield FakeStream(refusal.code, once(msgspec.json.encode(refusal.status)))
        elif int(request.query.get("resourceVersion") or 0) > self.version:
            refusal = Refusal(504, "Timeout", "Too large resource version")
            yield FakeStream(refusal.code, once(msgspec.json.encode(refusal.status)))
        else:
            yield FakeStream(200, self._watch(request))

    async def close(self) -> None:
        self.silent = True

    def _verb(self, request: Request) -> Obj:
        collection, namespace, name = parse(request.path)
        body = msgspec.json.decode(request.body) if request.body else {}
        if request.method == "GET":
            return self._find(collection, namespace, name) if name else self._list(collection, namespace, request.query)
        if request.method == "POST":
            if (collection, namespace, body["metadata"]["name"]) in self.objects:
                raise Refusal(409, "AlreadyExists")
            return self.put(collection, body, namespace)
        old = self._find(collection, namespace, name)
        wanted = body.get("metadata", {}).get("resourceVersion")
        if wanted and wanted != old["metadata"]["resourceVersion"]:
            raise Refusal(409, "Conflict")
        if request.method == "PUT":
            return self.put(collection, body, namespace)
        if request.method == "PATCH":
            return self.put(collection, merged(old, body), namespace)
        self.remove(collection, name, namespace)
        return {"kind": "Status", "status": "Success"}

    def _find(self, collection: str, namespace: str, name: str) -> Obj:
        if (collection, namespace, name) not in self.objects:
            raise Refusal(404, "NotFound", f'"{name}" not found')
        return self.objects[collection, namespace, name]

    def _list(self, collection: str, namespace: str, query: Mapping[str, str]) -> Obj:
        if "continue" in query:
            if query["continue"] not in self.pages:
                raise Refusal(410, "Expired", "the continue token is too old")
            items = self.pages.pop(query["continue"])
        else:
            keys = sorted(key for key in self.objects if key[0] == collection and key[1].startswith(namespace))
            items = [self.objects[key] for key in keys]
        limit = int(query.get("limit") or len(items) or 1)
        meta = {"resourceVersion": str(self.version)}
        if items[limit:]:
            meta["continue"] = f"{self.version}-{len(items)}"
            self.pages[meta["continue"]] = items[limit:]
        return {"metadata": meta, "items": items[:limit]}

    async def _watch(self, request: Request) -> AsyncIterator[bytes]:
        collection, namespace, _ = parse(request.path)
        version, silence = int(request.query.get("resourceVersion") or 0), request.timeout_seconds
        if not version:
            version = self.version
            for item in self._list(collection, namespace, {})["items"]:
                yield line("ADDED", item)
        if "sendInitialEvents" in request.query:
            yield line(
                "BOOKMARK", {"metadata": {"resourceVersion": str(version), "annotations": {INITIAL_END: "true"}}}
            )
        ends = asyncio.get_running_loop().time() + int(request.query["timeoutSeconds"])
        while not self.silent:
            if version < self.oldest:
                yield line("ERROR", Refusal(410, "Expired", "too old resource version").status)
                return
            present, changed = self.version, self._changed  # before the first yield: the reader may take its time
            for kind, obj in self._since(collection, namespace, version):
                yield line(kind, obj)
            version = present
            try:
                async with asyncio.timeout_at(ends):
                    await changed.wait()
            except TimeoutError:
                yield line("BOOKMARK", {"metadata": {"resourceVersion": str(version)}})
                return
        await asyncio.sleep(silence)
        raise Unreachable("Timeout", "fake: silence")

    def _since(self, collection: str, namespace: str, version: int) -> list[tuple[str, Obj]]:
        return [
            (kind, obj)
            for where, kind, obj in self.history
            if where == collection
            and int(obj["metadata"]["resourceVersion"]) > version
            and obj["metadata"].get("namespace", "").startswith(namespace)
        ]


class FakeStream:
    def __init__(self, status: int, chunks: AsyncIterator[bytes]) -> None:
        self.status = status
        self.headers: Mapping[str, str] = {}
        self._chunks = chunks

    def chunks(self) -> AsyncIterator[bytes]:
        return self._chunks


async def once(chunk: bytes) -> AsyncIterator[bytes]:
    yield chunk


def answer(status: int, body: Obj) -> Response:
    return Response(status, {}, msgspec.json.encode(body))


def line(kind: str, obj: Obj) -> bytes:
    return msgspec.json.encode({"type": kind, "object": obj}) + b"\n"


def parse(path: str) -> tuple[str, str, str]:
    """Return (collection without namespace, namespace, name)."""
    parts = path.strip("/").split("/")
    root = 2 if parts[0] == "api" else 3
    rest = parts[root:]
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    return "/".join([*parts[:root], rest[0]]), namespace, rest[1] if len(rest) > 1 else ""


def merged(old: Any, patch: Any) -> Any:
    """Return `old` after a JSON merge patch."""
    if not isinstance(patch, dict):
        return patch
    made = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merged(made.get(key), value)
    return made
