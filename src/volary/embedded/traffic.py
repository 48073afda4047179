"""All of one cluster's traffic in one hand: the mesh, its metrics, and where Services answer.

```
Services, VirtualServices ─► Envoy ─► counters ─► memory ─► /api/v1/query, as Service prometheus in istio-system
```
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from volary.embedded.api.local import Local, Object
from volary.embedded.mesh.endpoints import Address, PodPorts
from volary.embedded.mesh.mesh import DESTINATION_RULES, VIRTUAL_SERVICES, Mesh
from volary.embedded.mesh.translate import ObjectKey
from volary.embedded.metrics.memory import Memory
from volary.embedded.metrics.promql import Refused, evaluate, parse
from volary.embedded.metrics.scrape import Scraper
from volary.embedded.metrics.server import QueryServer
from volary.embedded.services import ServiceAddresses

METRICS_NAMESPACE, METRICS_SERVICE, METRICS_PORT = "istio-system", "prometheus", 9090

RESOURCES = {"VirtualService": VIRTUAL_SERVICES, "DestinationRule": DESTINATION_RULES}
LONGEST_NOTE = 1024  # characters of an Event's message
Say = Callable[[Object, str], None]

log = logging.getLogger(__name__)


class Traffic:
    """Envoy and metrics of one cluster. `run` returns only by cancellation; then both are gone."""

    def __init__(
        self,
        local: Local,
        pods: PodPorts,
        folder: Path,
        now: Callable[[], datetime],
        host: str = "127.0.0.1",
        say: Say | None = None,
    ) -> None:
        """`pods` is the node's `lookup`; `host` is where the gateway listens, on a port that is picked.

        `say` tells people about an object (as an Event): which of its fields have no effect here.

        Raises: NoEnvoy.
        """
        self._local = local
        self._say = say
        self._now = now
        self._said: Mapping[ObjectKey, tuple[str, ...]] = {}
        self.services = ServiceAddresses(local, pods)
        self.mesh = Mesh(local, self.services.book, folder, host, self._report)
        self.memory = Memory()
        self.metrics = QueryServer(self.memory, now)
        self._scraper = Scraper(self.mesh.admin, local, self.memory, now)
        self.ready = asyncio.Event()  # the gateway serves, and queries are answered

    @property
    def gateway(self) -> Address:
        return self.mesh.gateway

    def resolve(self, namespace: str, service: str, port: str) -> Address | None:
        """Return where a Service answers, for the API server's service proxy."""
        return self.services.resolve(namespace, service, port)

    def measure(self, query: str) -> float | None:
        """Return what a PromQL query finds now: a number, or all its samples in one sum; None where there is none.

        Raises: ValueError, for a query that is not understood.
        """
        try:
            found = evaluate(parse(query), self.memory, round(self._now().timestamp() * 1000))
        except Refused as problem:
            raise ValueError(str(problem)) from None
        if isinstance(found, float):
            return found
        return sum(value for _, value in found) if found else None

    async def run(self, metrics_ip: str) -> None:
        """Serve until cancelled. `metrics_ip` is the address of the metrics endpoint as the API shows it."""
        await self.metrics.start()
        try:
            self.services.publish(METRICS_NAMESPACE, METRICS_SERVICE, METRICS_PORT, metrics_ip, self.metrics.address)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self.mesh.run())
                await self.mesh.ready.wait()
                tasks.create_task(self._scraper.run())
                await self._scraper.looked.wait()  # so that the first request of all is seen to come
                self.ready.set()
        finally:
            await self.metrics.stop()

    def _report(self, gaps: Mapping[ObjectKey, tuple[str, ...]]) -> None:
        """Say once what has no effect, and again only when that changes."""
        for key, lines in gaps.items():
            if self._said.get(key) == lines:
                continue
            kind, namespace, name = key
            log.warning("no effect at the gateway", extra={"kind": kind, "key": f"{namespace}/{name}", "fields": lines})
            about = self._local.get(RESOURCES[kind], namespace, name)
            if self._say is not None and about is not None:
                self._say(about, no_effect(lines))
        self._said = dict(gaps)


def no_effect(lines: Sequence[str]) -> str:
    """Return one sentence for people, as long as an Event may be."""
    text = f"Without effect at the embedded gateway: {'; '.join(lines)}"
    return text if len(text) <= LONGEST_NOTE else f"{text[: LONGEST_NOTE - 1]}…"
