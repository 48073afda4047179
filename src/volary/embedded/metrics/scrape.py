"""Reads Envoy's counters four times a second into the memory that queries are answered from.

A window of two seconds then holds eight looks; with fewer than four, `rate` gives false empty answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import quote

from volary.embedded.api.local import Local, Object
from volary.embedded.mesh.admin import Admin, NoAnswer
from volary.embedded.metrics.istio import FILTER, Destination, Translator
from volary.embedded.metrics.memory import Memory
from volary.embedded.metrics.workloads import Workloads, destinations

SCRAPE_SECONDS = 0.25
PAGE = f"/stats/prometheus?usedonly&filter={quote(FILTER, safe='')}"
SERVICES, PODS, DEPLOYMENTS, REPLICA_SETS = "/services", "/pods", "apps/deployments", "apps/replicasets"
WATCHED = {SERVICES, PODS, DEPLOYMENTS, REPLICA_SETS}

log = logging.getLogger(__name__)


class Scraper:
    """Fills a memory with the series of one cluster."""

    def __init__(self, admin: Admin, local: Local, memory: Memory, now: Callable[[], datetime]) -> None:
        self._admin = admin
        self._local = local
        self._memory = memory
        self._now = now
        self._translator = Translator()
        self._destinations: Mapping[str, Destination] | None = None
        self.looked = asyncio.Event()  # at least once
        local.listen(self._note)

    def _note(self, resource: str, old: Object | None, new: Object | None) -> None:
        if resource in WATCHED:
            self._destinations = None

    def destinations(self) -> Mapping[str, Destination]:
        """Return for every Envoy cluster whom its requests count for."""
        if self._destinations is None:
            owners = (self._local.items(resource) for resource in (DEPLOYMENTS, REPLICA_SETS, PODS))
            self._destinations = destinations(self._local.items(SERVICES), Workloads(*owners))
        return self._destinations

    async def run(self) -> None:
        """Look until cancelled, at even distances; a look that Envoy does not answer is left out."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            try:
                await self.look()
            except NoAnswer as why:
                log.debug("no metrics", extra={"why": str(why)})
            due = max(due + SCRAPE_SECONDS, loop.time())
            await asyncio.sleep(due - loop.time())

    async def look(self) -> None:
        """Read Envoy's counters once. Raises: NoAnswer."""
        text = await self._admin.get(PAGE)
        at = round(self._now().timestamp() * 1000)
        self.looked.set()
        self._memory.add(at, self._translator.translate(text, self.destinations(), at))
