"""The way to one member: its caches, what is done there, and what is known of how it answers.

A link lives as long as the kubeconfig and the wishes it was made from; anything else makes a new one, with fresh
caches. It never ends by itself: a cluster that is away is asked again, less and less often.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from volary.fleet.cluster_status import Contact
from volary.health import HEALTH
from volary.kube.errors import KubeError
from volary.kube.objects import uid_of
from volary.kube.resources import NAMESPACES
from volary.kube.transport import Request
from volary.runtime.cluster import Cluster
from volary.runtime.errors import backoff

log = logging.getLogger(__name__)

FASTEST_RETRY = timedelta(seconds=1)
SLOWEST_RETRY = timedelta(minutes=1)  # a cluster that came back is used within a minute

RunMember = Callable[[Cluster, Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a link is made from; another wish makes another link."""

    kubeconfig: bytes
    metrics_server: str
    features: tuple[str, ...]


class Link:
    """One member's connection."""

    def __init__(self, cluster: Cluster, wish: Wish, run_member: RunMember, changed: Callable[[], None]) -> None:
        self.cluster = cluster
        self.wish = wish
        self.run_member = run_member
        self.changed = changed
        self.uid = ""
        self.first_uid = ""  # of the cluster that the caches were filled from
        self.version = ""
        self.tried = False  # the first attempt has ended, one way or the other
        self.allowed = asyncio.Event()  # set unless it is another Cluster's twin
        self._trouble: KubeError | None = None  # of asking who it is
        self._ask_again = asyncio.Event()
        self._was_well = True

    def contact(self) -> Contact:
        """Return what is known of the way there."""
        trouble = self._trouble or self.cluster.informers.trouble
        return Contact(self.uid, self.version, self.cluster.informers.heard_at, trouble)

    @property
    def rebuilt(self) -> bool:
        """Does another cluster answer now than in the beginning? Then the caches are void."""
        return self.uid != self.first_uid

    @property
    def heard_at(self) -> datetime | None:
        return self.cluster.informers.heard_at

    async def run(self) -> None:
        """Keep the way open until cancelled."""
        self.cluster.informers.on_health(self._health_changed)
        # Open whatever the fleet looks at: a cluster that nobody asks about is noticed too when it goes silent.
        self.cluster.informers.get(NAMESPACES, form=HEALTH)
        try:
            async with asyncio.TaskGroup() as group:
                await self._identify()
                group.create_task(self.cluster.informers.run())
                group.create_task(self._work())
                while True:
                    await self._ask_again.wait()
                    self._ask_again.clear()
                    await self._identify()
        finally:
            await self.cluster.client.close()

    async def _identify(self) -> None:
        """Find out which cluster answers here; ask until it does."""
        failures = 0
        while True:
            try:
                await self._ask()
            except KubeError as error:
                failures += 1
                if self._trouble is None:
                    log.warning("cannot reach", extra={"cluster": self.cluster.name, "error": str(error)})
                self._trouble, self.tried = error, True
                self.changed()
                wait = backoff(failures, FASTEST_RETRY, SLOWEST_RETRY).total_seconds()
                await asyncio.sleep(wait * (0.75 + 0.5 * self.cluster.clock.rng.random()))
            else:
                self._trouble, self.tried = None, True
                self.changed()
                return

    async def _ask(self) -> None:
        namespace = await self.cluster.client.get(NAMESPACES, "kube-system")
        answer = await self.cluster.client.raw(Request("GET", "/version", timeout_seconds=10))
        self.uid = uid_of(namespace) if namespace else self.uid
        self.first_uid = self.first_uid or self.uid
        if answer.status == 200:
            self.version = str(msgspec.json.decode(answer.body).get("gitVersion") or "")

    def _health_changed(self) -> None:
        well = self.cluster.informers.trouble is None
        if well and not self._was_well:
            self._ask_again.set()  # who is back? a cluster may have been built anew in the meantime
        self._was_well = well
        self.changed()

    async def _work(self) -> None:
        """Do what the Cluster object names; start again when it ends."""
        failures = 0
        while True:
            await self.allowed.wait()
            try:
                await self.run_member(self.cluster, self.wish.features)
                if not self.wish.features:
                    return
            except* Exception as group:
                log.exception(
                    "the work in a member ended; this is a bug", extra={"cluster": self.cluster.name}, exc_info=group
                )
            failures += 1
            await asyncio.sleep(backoff(failures, FASTEST_RETRY, SLOWEST_RETRY).total_seconds())
