"""Which kinds a server has, and how their paths are called; remembered until it turns out to be wrong.

Two requests tell everything (aggregated discovery, 1.30 and later); a server without it is asked for one group and
version at a time, and so is every server for a kind that was not there: a CRD may have come meanwhile, and to ask for
all again each time would be a heavy way to hear no.
Source: KEP-3352; client-go `discovery/cached/memory`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from volary.kube.errors import ApiError, Forbidden, NotFound, unreadable
from volary.kube.objects import Resource

ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"
AGGREGATED = "g=apidiscovery.k8s.io;v=v2;"
NOT_ACCEPTABLE = 406

T = TypeVar("T")
Ask = Callable[[str, str], Awaitable[tuple[str, bytes]]]  # (path, accept) -> (content type, body)


class _Kind(msgspec.Struct):
    kind: str = ""


class _Entry(msgspec.Struct, rename="camel"):
    resource: str
    scope: str
    response_kind: _Kind | None = None


class _Version(msgspec.Struct):
    version: str
    resources: list[_Entry] = []


class _Named(msgspec.Struct):
    name: str = ""


class _Group(msgspec.Struct):
    metadata: _Named
    versions: list[_Version] = []  # the preferred one first


class _Groups(msgspec.Struct):
    items: list[_Group] = []


class _OldEntry(msgspec.Struct):
    name: str
    kind: str
    namespaced: bool = False


class _OldList(msgspec.Struct):
    resources: list[_OldEntry] | None = None


class _OldVersion(msgspec.Struct, rename="camel"):
    group_version: str = ""


class _OldGroup(msgspec.Struct):
    versions: list[_OldVersion] = []


class Discovery:
    """The kinds of one server. Raises everywhere: `kube.errors.KubeError`."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._known: dict[tuple[str, str], Resource] = {}  # (apiVersion, kind)
        self._whole = False  # has everything been read?
        self._piecemeal = False  # does the server tell no more than one group and version at a time?
        self._lock = asyncio.Lock()

    async def find(self, api_version: str, kind: str) -> Resource:
        """Return a kind in a version. Raises: NotFound when the server has no such kind."""
        key = (api_version, kind)
        if key not in self._known:
            async with self._lock:
                if key not in self._known and not self._whole and not self._piecemeal:
                    await self._read_all()
                if key not in self._known:
                    await self._read(api_version)
        if key not in self._known:
            raise no_kind(kind, api_version)
        return self._known[key]

    async def preferred(self, group: str, kind: str) -> Resource:
        """Return a kind in the version that the server prefers among those that have it. Raises: NotFound."""
        for again in (False, True):
            async with self._lock:
                if (not self._whole or again) and not self._piecemeal:
                    await self._read_all()
            for resource in self._known.values():
                if resource.group == group and resource.kind == kind:
                    return resource
            if self._piecemeal and (found := await self._preferred_of_old(group, kind)) is not None:
                return found
        raise no_kind(kind, group or "v1")

    def forget(self, resource: Resource) -> None:
        """Hear that the server has no such path: what is known of the kind is old."""
        self._known.pop((resource.api_version, resource.kind), None)

    async def _read_all(self) -> None:
        """Read everything, where the server tells it at once."""
        groups: list[_Group] = []
        for path in ("/api", "/apis"):
            try:
                kind, body = await self._ask(path, ACCEPT)
            except ApiError as error:
                self._piecemeal = isinstance(error, NotFound | Forbidden) or error.code == NOT_ACCEPTABLE
                if self._piecemeal:
                    return
                raise
            if AGGREGATED not in kind.replace(" ", "") + ";":
                self._piecemeal = True
                return
            groups += decoded(body, _Groups, path).items
        self._whole, self._piecemeal = True, False
        self._known = {
            (found.api_version, found.kind): found
            for group in groups
            for version in group.versions
            for entry in version.resources
            if (found := resource_of(group.metadata.name, version.version, entry)) is not None
        }

    async def _read(self, api_version: str) -> None:
        """Read one group and version."""
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            _, body = await self._ask(root, "application/json")
        except NotFound:
            return
        for entry in decoded(body, _OldList, root).resources or ():
            if "/" not in entry.name:
                found = Resource(api_version, entry.kind, entry.name, entry.namespaced)
                self._known[api_version, entry.kind] = found

    async def _preferred_of_old(self, group: str, kind: str) -> Resource | None:
        if not group:
            versions = ["v1"]
        else:
            try:
                _, body = await self._ask(f"/apis/{group}", "application/json")
            except NotFound:
                return None
            versions = [version.group_version for version in decoded(body, _OldGroup, f"/apis/{group}").versions]
        for api_version in versions:
            if (api_version, kind) not in self._known:
                await self._read(api_version)
            if (api_version, kind) in self._known:
                return self._known[api_version, kind]
        return None


def resource_of(group: str, version: str, entry: _Entry) -> Resource | None:
    """Return the kind of an entry; None for one that has no objects of its own."""
    if entry.response_kind is None or not entry.response_kind.kind:
        return None
    api_version = f"{group}/{version}" if group else version
    return Resource(api_version, entry.response_kind.kind, entry.resource, entry.scope == "Namespaced")


def no_kind(kind: str, where: str) -> NotFound:
    return NotFound({"code": 404, "reason": "NotFound", "message": f'no kind "{kind}" in "{where}"'})


def decoded(body: bytes, kind: type[T], path: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise unreadable(path, "a discovery document") from None
