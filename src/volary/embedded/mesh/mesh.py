"""The mesh of one embedded cluster: watches objects, and keeps its Envoy doing what they say.

Two tasks, so that the urgent never waits for the careful: endpoints follow the pods at once, while clusters and routes
go through Envoy's acceptance step by step. An object that Envoy itself refuses is set aside, and the version it last
took stays in force; it cannot hold back the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from volary.embedded.api.local import Local, Object
from volary.embedded.mesh.admin import Admin
from volary.embedded.mesh.binary import find_envoy
from volary.embedded.mesh.endpoints import Address, AddressBook, find_endpoints
from volary.embedded.mesh.envoy import Envoy
from volary.embedded.mesh.publish import Publisher, Refused
from volary.embedded.mesh.translate import ObjectKey, Translation, World, age, assignment, object_key, translate

SERVICES, SLICES, PODS = "/services", "discovery.k8s.io/endpointslices", "/pods"
VIRTUAL_SERVICES = "networking.istio.io/virtualservices"
DESTINATION_RULES = "networking.istio.io/destinationrules"
ENDPOINT_SOURCES = {SLICES, PODS, SERVICES}
ROUTE_SOURCES = {SERVICES, VIRTUAL_SERVICES, DESTINATION_RULES}
RETRY_SECONDS = 1.0
Report = Callable[[Mapping[ObjectKey, tuple[str, ...]]], None]

log = logging.getLogger(__name__)


class Mesh:
    """Services and VirtualServices of one cluster, served by one Envoy at `gateway` while `run` runs."""

    def __init__(
        self,
        local: Local,
        book: AddressBook,
        folder: Path,
        host: str = "127.0.0.1",
        report: Report | None = None,
    ) -> None:
        """`book` tells where endpoints really are; `report` hears which fields have no effect.

        Raises: NoEnvoy.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._local = local
        self._book = book
        self._envoy = Envoy(find_envoy(), folder, host)
        self._publisher = Publisher(folder, self._envoy.admin, self._envoy.host, self._envoy.port)
        self._report = report or (lambda gaps: None)
        self._endpoints_changed, self._routes_changed = asyncio.Event(), asyncio.Event()
        self._accepted: dict[ObjectKey, Object] = {}  # VirtualServices as Envoy last took them
        self._refused: dict[ObjectKey, tuple[Object, str]] = {}  # the version it refused, and why
        self.gaps: dict[ObjectKey, tuple[str, ...]] = {}
        self.clusters: tuple[str, ...] = ()
        self.ready = asyncio.Event()
        self.generation = 0  # grows with every table of routes that Envoy has in force
        local.listen(self._note)

    @property
    def gateway(self) -> Address:
        """Return where the gateway listens; known from the beginning, for as long as the mesh lives."""
        return self._envoy.host, self._envoy.port

    @property
    def admin(self) -> Admin:
        return self._envoy.admin

    @property
    def envoy_pid(self) -> int | None:
        """Return the process id of the Envoy that runs now."""
        return self._envoy.pid

    async def run(self) -> None:
        """Serve until cancelled; afterwards Envoy is gone and the port is free."""
        with self._envoy:
            self._routes_changed.clear()
            self._publisher.prepare(self._translation(list(self._virtual_services())))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._envoy.run())
                tasks.create_task(self._follow(self._endpoints_changed, self._put_endpoints))
                await self._envoy.serving()
                self._routes_changed.set()  # anything may have come in between; and this tells what Envoy refuses
                await self._follow(self._routes_changed, self._put_routes)

    def _note(self, resource: str, old: Object | None, new: Object | None) -> None:
        if resource in ENDPOINT_SOURCES:
            self._endpoints_changed.set()
        if resource in ROUTE_SOURCES:
            self._routes_changed.set()

    async def _follow(self, changed: asyncio.Event, bring: Callable[[], object]) -> None:
        """Do `bring` after every change; changes that come meanwhile are one."""
        while True:
            await changed.wait()
            changed.clear()
            try:
                result = bring()
                if asyncio.iscoroutine(result):
                    await result
            except OSError as error:
                log.error("cannot write Envoy's files; trying again", extra={"error": str(error)})
                await asyncio.sleep(RETRY_SECONDS)
                changed.set()

    def _find_endpoints(self) -> dict[str, tuple[Address, ...]]:
        return find_endpoints(self._local.items(SERVICES), self._local.items(SLICES), self._book)

    def _put_endpoints(self) -> None:
        found = self._find_endpoints()
        self._publisher.put_endpoints({name: assignment(name, addresses) for name, addresses in found.items()})

    def _virtual_services(self) -> list[Object]:
        """Return the VirtualServices to route by: as they are, or as Envoy last took them."""
        found = []
        for source in sorted(self._local.items(VIRTUAL_SERVICES), key=age):
            key = object_key("VirtualService", source)
            if self._refused.get(key, (None, ""))[0] != source:
                self._refused.pop(key, None)
                found.append(source)
            elif key in self._accepted:
                found.append(self._accepted[key])
        return found

    def _translation(self, virtual_services: list[Object]) -> Translation:
        return translate(
            World(
                services=self._local.items(SERVICES),
                virtual_services=virtual_services,
                destination_rules=self._local.items(DESTINATION_RULES),
                endpoints=self._find_endpoints(),
            )
        )

    async def _put_routes(self) -> None:
        sources = self._virtual_services()
        try:
            translation = await self._publish(sources)
        except Refused:
            translation = await self._set_aside(sources)
        gaps = dict(translation.gaps)
        for key, (_, why) in self._refused.items():
            gaps[key] = (*gaps.get(key, ()), f"Envoy refuses the object, what it took before stays in force: {why}")
        if gaps != self.gaps:
            self.gaps = gaps
            self._report(gaps)
        self.ready.set()

    async def _publish(self, sources: list[Object]) -> Translation:
        """Bring Envoy to these VirtualServices and remember them. Raises: Refused."""
        translation = self._translation(sources)
        if not await self._publisher.put(translation):
            log.warning("Envoy does not answer; it will find its configuration when it is back")
        self._accepted = {object_key("VirtualService", source): source for source in sources}
        self.clusters = tuple(translation.clusters)
        self.generation += 1
        return translation

    async def _set_aside(self, sources: list[Object]) -> Translation:
        """Find out which of the changed VirtualServices Envoy refuses, one by one, and go on without those."""
        now = {object_key("VirtualService", source): source for source in sources}
        good = {key: source for key, source in self._accepted.items() if key in now}
        translation = await self._publish(sorted(good.values(), key=age))
        for key, source in now.items():
            if good.get(key) == source:
                continue
            said = self._envoy.log_size()
            try:
                translation = await self._publish(sorted({**good, key: source}.values(), key=age))
                good[key] = source
            except Refused:
                self._refused[key] = (source, self._envoy.refusal(said))
        return translation
