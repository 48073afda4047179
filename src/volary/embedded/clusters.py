"""Many clusters in one process: made, cloned and let go in milliseconds, looked up by name.

A clone begins as its source is at that moment, with the same uids and versions, and shares what neither has changed;
its versions, watches and controllers are its own. The source may be written to as before. Not served by itself: give
it to whoever answers requests (`embedded.transport.InProcess` for one, the HTTP front for all).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from volary.embedded.api.catalog import Catalog
from volary.embedded.api.releases import NEWEST, minor_of
from volary.embedded.api.restoring import clone
from volary.embedded.api.server import ApiServer
from volary.embedded.api.store import RING, Store
from volary.embedded.controllers import Clock, Manager, World, controllers
from volary.embedded.signing_key import SigningKey


@dataclass(frozen=True, slots=True)
class Style:
    """How clusters are made."""

    ring: int = RING  # changes kept for watches to go on from; `SMALL_RING` where there are hundreds of clusters
    controllers: bool = True  # they run in the loop in which a cluster is made
    events: bool = True  # what controllers tell people
    version: str = ""  # the minor of Kubernetes that they are ("1.33"); "" for the newest


class Taken(Exception):
    """There is a cluster of this name; the text says so."""


class Clusters(Mapping[str, ApiServer]):
    """The API servers of many clusters by name."""

    def __init__(self, clock: Clock, style: Style | None = None) -> None:
        self.clock = clock
        self.style = style or Style()
        self.on_destroy: list[Callable[[str], None]] = []  # told the name of a cluster that goes: end what is open
        self._apis: dict[str, ApiServer] = {}
        self._managers: dict[str, Manager] = {}

    def __getitem__(self, name: str) -> ApiServer:
        return self._apis[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._apis)

    def __len__(self) -> int:
        return len(self._apis)

    def create(self, name: str) -> ApiServer:
        """Make an empty cluster: the namespaces of every cluster, no node. Raises: Taken, UnknownRelease."""
        self._check(name)
        clock, style = self.clock, self.style
        catalog = Catalog(minor_of(style.version) if style.version else NEWEST)
        store, key = Store(style.ring), SigningKey()
        return self._start(ApiServer(name, clock.now, clock.rng, clock.new_id, store, catalog, key))

    def clone(self, source: str, name: str) -> ApiServer:
        """Make a cluster that begins as another one is now. Raises: Taken, KeyError."""
        self._check(name)
        return self._start(clone(self._apis[source], name, self.clock.now, self.clock.rng, self.clock.new_id))

    def destroy(self, name: str) -> None:
        """Let a cluster go; whoever still holds it may ask, but nothing in it acts any more. Raises: KeyError."""
        del self._apis[name]
        if manager := self._managers.pop(name, None):
            manager.stop()
        for tell in tuple(self.on_destroy):
            tell(name)

    def close(self) -> None:
        """Let all of them go."""
        for name in tuple(self._apis):
            self.destroy(name)

    def _check(self, name: str) -> None:
        if name in self._apis:
            raise Taken(f'there is a cluster named "{name}" already')

    def _start(self, api: ApiServer) -> ApiServer:
        self._apis[api.name] = api
        world = World(api.local, self.clock, self.style.events)
        manager = controllers(world, workloads=self.style.controllers, issuer=api.tokens)
        if self.style.controllers:
            manager.start(asyncio.get_running_loop())
            self._managers[api.name] = manager
        return api
