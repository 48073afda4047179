"""All of one cluster's traffic in one hand: the mesh, its metrics, and where Services answer.

```
Services, VirtualServices ─► Envoy ─► counters ─► memory ─► /api/v1/query, as Service prometheus in istio-system
```
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from volary.embedded.api.local import Local
from volary.embedded.mesh.endpoints import Address, PodPorts
from volary.embedded.mesh.mesh import Mesh
from volary.embedded.mesh.translate import ObjectKey
from volary.embedded.metrics.memory import Memory
from volary.embedded.metrics.scrape import Scraper
from volary.embedded.metrics.server import QueryServer
from volary.embedded.services import ServiceAddresses

METRICS_NAMESPACE, METRICS_SERVICE, METRICS_PORT = "istio-system", "prometheus", 9090

log = logging.getLogger(__name__)


class Traffic:
    """Envoy and metrics of one cluster. `run` returns only by cancellation; then both are gone."""

    def __init__(
        self, local: Local, pods: PodPorts, folder: Path, now: Callable[[], datetime], host: str = "127.0.0.1"
    ) -> None:
        """`pods` is the node's `lookup`; `host` is where the gateway listens, on a port that is picked.

        Raises: NoEnvoy.
        """
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
        for (kind, namespace, name), lines in gaps.items():
            extra = {"kind": kind, "key": f"{namespace}/{name}", "fields": list(lines)}
            log.warning("fields without effect at the embedded gateway", extra=extra)
