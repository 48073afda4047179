"""Which of several equal processes does the work: the one that holds a Lease.

Times are measured on this process's own monotonic clock, from when it *saw* the Lease change, so clocks that differ do
no harm. Leadership is lost by our own watch `renew` seconds after the last renewal that succeeded, which is before
anybody else may take it (`lease`). A process that was stopped and wakes up finds that time over before it writes.
Source: client-go `tools/leaderelection`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from volary.kube.client import Client
from volary.kube.errors import AlreadyExists, Conflict, KubeError, Unreachable
from volary.kube.objects import NewObject, Object, dig, format_time, metadata
from volary.kube.resources import LEASES
from volary.kube.transport import Request, Response, Stream, Transport
from volary.runtime.clock import Clock

log = logging.getLogger(__name__)

LEASE = timedelta(seconds=15)
RENEW = timedelta(seconds=10)
RETRY = timedelta(seconds=2)
JITTER = 1.2  # those who wait ask after RETRY and up to this much of it more, so that they do not come in step


@dataclass(frozen=True, slots=True)
class Terms:
    """How long leadership lasts; `lease` must be longer than `renew`, and that than `retry`."""

    lease: timedelta = LEASE  # others wait this long after the last renewal
    renew: timedelta = RENEW  # the leader gives up after this long without one
    retry: timedelta = RETRY

    def __post_init__(self) -> None:
        assert self.lease > self.renew > self.retry > timedelta()


class Leadership:
    """One candidate for one Lease."""

    def __init__(
        self, client: Client, clock: Clock, identity: str, name: str, namespace: str, terms: Terms | None = None
    ) -> None:
        self.client = client
        self.clock = clock
        self.identity = identity
        self.name = name
        self.namespace = namespace
        self.terms = terms or Terms()
        self.term = 0  # counts how often this process has led
        self._trouble = ""  # why the last try failed
        self._lease: NewObject | None = None  # as last seen
        self._seen_at = 0.0  # loop time at which its spec was seen to change
        self._renewed_at: float | None = None  # loop time before our last renewal that succeeded; None: not the leader

    @property
    def is_leader(self) -> bool:
        """May we write? False as soon as the time is over, even if nothing has run since."""
        return self._renewed_at is not None and self._now() < self._renewed_at + self.terms.renew.total_seconds()

    @property
    def seconds_left(self) -> float:
        """Return how long nobody else can lead, by our own clock."""
        return 0.0 if self._renewed_at is None else self._renewed_at + self.terms.lease.total_seconds() - self._now()

    @property
    def leader(self) -> str:
        """Return the identity of who held the Lease when we last looked, "" if nobody did."""
        return str(dig(self._lease, "spec", "holderIdentity") or "")

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Compete for ever; run `work` while leading, cancel it when leadership is lost, and start it anew when won.

        When this is cancelled, or `work` ends, the Lease is given back once `work` has stopped.
        """
        while True:
            await self._acquire()
            self.term += 1
            log.info("leading", extra={"lease": self.name, "identity": self.identity})
            try:
                ended = await self._lead(work)
            finally:
                await asyncio.shield(self._release())
            if ended:
                return
            log.warning("leadership lost", extra={"lease": self.name, "identity": self.identity})

    async def _acquire(self) -> None:
        while True:
            if await self._try():
                return
            await asyncio.sleep(self.terms.retry.total_seconds() * (1 + JITTER * self.clock.rng.random()))

    async def _lead(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Run `work` until it ends (True) or leadership does (False)."""
        ended = False

        async def guarded() -> None:
            nonlocal ended
            await work()
            ended = True
            renewing.cancel()

        async with asyncio.TaskGroup() as group:
            working = group.create_task(guarded())
            renewing = group.create_task(self._renew(working))
        return ended

    async def _renew(self, working: asyncio.Task[None]) -> None:
        """Renew until that fails for too long; then stop the work."""
        while True:
            await asyncio.sleep(self.terms.retry.total_seconds())
            if not await self._try() and not self.is_leader:
                working.cancel()
                return

    async def _try(self) -> bool:
        """Take or renew the Lease; return whether it is ours now."""
        began = self._now()
        try:
            async with asyncio.timeout(self._seconds_for_a_try()):
                mine = await self._take()
        except (KubeError, TimeoutError) as error:
            self._note_trouble(str(error) or "no answer in time")
            return False
        self._trouble = ""
        # From before the request: the server may have written it at any moment since.
        self._renewed_at = began if mine else None
        return mine

    def _note_trouble(self, text: str) -> None:
        """Say once why the Lease cannot be reached: a program that waits in silence cannot be mended."""
        if text != self._trouble:
            log.warning("cannot reach the lease", extra={"lease": f"{self.namespace}/{self.name}", "error": text})
        self._trouble = text

    def _seconds_for_a_try(self) -> float:
        """A leader asks until its time is over, others as long as a leader would."""
        whole = self.terms.renew.total_seconds()
        return whole if self._renewed_at is None else max(self._renewed_at + whole - self._now(), 0.0)

    async def _take(self) -> bool:
        if self._renewed_at is not None and self._lease is not None:
            with contextlib.suppress(Conflict):  # somebody wrote it; look before anything else
                self._note(await self.client.update(LEASES, self._wanted(self._lease)))
                return True
        found = await self.client.get(LEASES, self.name, self.namespace)
        if found is not None:
            self._note(found)
            if self._held_by_another():
                return False
        try:
            wanted = self._wanted(found)
            self._note(await (self.client.update(LEASES, wanted) if found else self.client.create(LEASES, wanted)))
        except (Conflict, AlreadyExists):
            return False
        return True

    def _note(self, lease: NewObject) -> None:
        """Remember the Lease; what counts is when it changed, by our clock."""
        if self._lease is None or self._lease.get("spec") != lease.get("spec"):
            self._seen_at = self._now()
        self._lease = lease

    def _held_by_another(self) -> bool:
        if self.leader in ("", self.identity):
            return False
        seconds = float(dig(self._lease, "spec", "leaseDurationSeconds") or self.terms.lease.total_seconds())
        return self._now() < self._seen_at + seconds

    def _wanted(self, current: Object | None) -> NewObject:
        """Return the Lease as ours, renewed now."""
        now = format_time(self.clock.now(), fraction=True)
        spec = dict((current or {}).get("spec") or {})
        if spec.get("holderIdentity") != self.identity:
            # The first holder is no transition.
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + (1 if current else 0)
            spec["acquireTime"] = now
        spec |= {"holderIdentity": self.identity, "renewTime": now}
        spec["leaseDurationSeconds"] = int(self.terms.lease.total_seconds())
        meta = dict(metadata(current or {})) or {"name": self.name, "namespace": self.namespace}
        return {"apiVersion": LEASES.api_version, "kind": LEASES.kind, "metadata": meta, "spec": spec}

    async def _release(self) -> None:
        """Give the Lease back, so that nobody has to wait for its end."""
        lease, held = self._lease, self.is_leader
        self._renewed_at = None
        if not held or lease is None:
            return
        spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
        with contextlib.suppress(KubeError, TimeoutError):
            async with asyncio.timeout(self.terms.retry.total_seconds()):
                self._note(await self.client.update(LEASES, {**lease, "spec": spec}))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


class OnlyAsLeader:
    """A `Transport` that writes only in one term of ours: a fence for a process that was stopped in mid-pass.

    What was made in one term writes in no other, even if we lead again; and nobody waits for the answer to a write
    longer than the Lease is ours. A server may still do late what was sent in time (the API knows no fencing tokens):
    against that stand the resourceVersions of our writes. The Lease itself needs a client on the transport inside.
    """

    def __init__(self, inner: Transport, leadership: Leadership) -> None:
        self.inner = inner
        self.leadership = leadership
        self._term = leadership.term if leadership.is_leader else 0  # 0: that of the first write

    async def request(self, request: Request) -> Response:
        if request.method != "GET":
            self._check()
            seconds = min(request.timeout_seconds, self.leadership.seconds_left)
            request = replace(request, timeout_seconds=seconds)
        return await self.inner.request(request)

    def _check(self) -> None:
        """Raises: Unreachable."""
        self._term = self._term or self.leadership.term
        if not self.leadership.is_leader or self._term != self.leadership.term:
            raise Unreachable("Failed", "not written: this process is not the leader any more")

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        async with self.inner.stream(request) as stream:
            yield stream

    async def close(self) -> None:
        await self.inner.close()
