"""Bad luck for a transport: every kind of failure that a real way to a real API server has, from a seed.

    program ──► Faulty ──► embedded API
                  409, 429, 500 · dropped before or after the write took effect · slow, cut and late watches ·
                  a cluster that goes dark · the program's own death after its n-th write

Phase one of a run has faults, and safety must hold all the time; after `calm()` everything must come to rest.
Source: Sieve (OSDI 2022): a crash in mid-pass, a missed event, a stale read.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import msgspec

from volary.kube.errors import Unreachable
from volary.kube.transport import Request, Response, Stream, Transport

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class Crash(BaseException):
    """The program dies here. No `except Exception` may survive it."""


@dataclass(frozen=True, slots=True)
class Rates:
    """How likely each fault is, for one request or one watch (0 to 1), and how slow answers are."""

    conflict: float = 0.0  # a 409 to a write, which did not take effect
    too_many: float = 0.0  # a 429 with Retry-After
    server_error: float = 0.0  # a 500, nothing took effect
    drop_before: float = 0.0  # the connection breaks, nothing took effect
    drop_after: float = 0.0  # the connection breaks after the write took effect
    drop_watch: float = 0.0  # a chunk of a watch is lost with its connection
    stale_watch: float = 0.0  # a watch brings everything late
    late_seconds: float = 20.0  # how late, at most
    latency_seconds: float = 0.02  # of each answer, at most


CALM = Rates(latency_seconds=0.0)
ROUGH = Rates(
    conflict=0.05,
    too_many=0.03,
    server_error=0.05,
    drop_before=0.03,
    drop_after=0.05,
    drop_watch=0.05,
    stale_watch=0.2,
)


@dataclass(slots=True)
class Tally:
    """What happened, to be printed beside the seed."""

    requests: int = 0
    writes: int = 0  # that took effect
    faults: dict[str, int] = field(default_factory=dict)

    def note(self, fault: str) -> None:
        self.faults[fault] = self.faults.get(fault, 0) + 1


class Faulty:
    """A `Transport` with bad luck. One for each program and cluster; the same seed has the same luck.

    Its text, to be printed where a run fails, holds the seed and what happened.
    """

    def __init__(
        self,
        inner: Transport,
        seed: int | str,
        rates: Rates = CALM,
        on_write: Callable[[Request], None] | None = None,
    ) -> None:
        self.inner = inner
        self.seed = seed
        self.rng = random.Random(f"{seed} luck")
        self.rates = rates
        self.on_write = on_write  # called after each write that took effect; may raise Crash
        self.tally = Tally()
        self._crash_after: int | None = None
        self._dead = False
        self._dark_until = 0.0
        self._weather = asyncio.Event()  # set, and replaced, when it changes

    def __str__(self) -> str:
        faults = " ".join(f"{name}={count}" for name, count in sorted(self.tally.faults.items()))
        return f"seed {self.seed}: requests={self.tally.requests} writes={self.tally.writes} {faults}".rstrip()

    def calm(self) -> None:
        """No more faults from now on."""
        self.rates = CALM
        self._dark_until = 0.0
        self._crash_after = None
        self._change()

    def dark_for(self, seconds: float) -> None:
        """Let the cluster not answer at all for so long; open watches go silent."""
        self._dark_until = asyncio.get_running_loop().time() + seconds
        self._change()

    def crash_after(self, writes: int) -> None:
        """Raise Crash once so many more writes took effect (0: at the next, before it does)."""
        self._crash_after = self.tally.writes + writes

    async def request(self, request: Request) -> Response:
        self._alive()
        self.tally.requests += 1
        await self._wait_in_the_dark(request)
        await asyncio.sleep(self.rng.random() * self.rates.latency_seconds)
        writing = request.method in WRITES
        if writing and self._crash_after is not None and self.tally.writes >= self._crash_after:
            self._die()
        if (refusal := self._refusal(writing)) is not None:
            return refusal
        response = await self.inner.request(request)
        if writing and response.status < 300:
            self._wrote(request)
            if self._strikes("drop_after", self.rates.drop_after):
                raise Unreachable("Reset", "simulated: the connection broke after the request")
        return response

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        self._alive()
        self.tally.requests += 1
        await self._wait_in_the_dark(request)
        if (refusal := self._refusal(False)) is not None:
            yield Whole(refusal)
            return
        late = 0.0
        if self._strikes("stale_watch", self.rates.stale_watch):
            late = self.rng.random() * self.rates.late_seconds
        async with self.inner.stream(request) as stream:
            yield UnluckyStream(stream, self, request.timeout_seconds, late)

    async def close(self) -> None:
        await self.inner.close()

    def chunk_lost(self) -> bool:
        return self._strikes("drop_watch", self.rates.drop_watch)

    def dark(self) -> bool:
        return asyncio.get_running_loop().time() < self._dark_until

    async def light(self, seconds: float) -> bool:
        """Wait until it is not dark any more, at most so long; return whether it is light."""
        ends = asyncio.get_running_loop().time() + seconds
        while self.dark():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(min(ends, self._dark_until)):
                    await self._weather.wait()
            if asyncio.get_running_loop().time() >= ends:
                break
        return not self.dark()

    async def _wait_in_the_dark(self, request: Request) -> None:
        """A packet that meets a dark cluster is lost; who sent it waits for nothing."""
        if self.dark():
            self.tally.note("dark")
            await asyncio.sleep(request.timeout_seconds)
            raise Unreachable("Timeout", f"simulated: no answer within {request.timeout_seconds:g} s")

    def _refusal(self, writing: bool) -> Response | None:
        if writing and self._strikes("conflict", self.rates.conflict):
            return status(409, "Conflict", "simulated: the object has been modified")
        if self._strikes("too_many", self.rates.too_many):
            return status(429, "TooManyRequests", "simulated: please try again later", {"retry-after": "1"})
        if self._strikes("server_error", self.rates.server_error):
            return status(500, "InternalError", "simulated: internal error")
        if self._strikes("drop_before", self.rates.drop_before):
            raise Unreachable("Reset", "simulated: the connection broke before the request")
        return None

    def _strikes(self, fault: str, rate: float) -> bool:
        # Drawn also where the rate is 0, so that changing one rate does not change all luck after it.
        if self.rng.random() >= rate:
            return False
        self.tally.note(fault)
        return True

    def _wrote(self, request: Request) -> None:
        self.tally.writes += 1
        if self.on_write is not None:
            self.on_write(request)
        if self._crash_after is not None and self.tally.writes >= self._crash_after:
            self._die()

    def _die(self) -> None:
        self._dead = True
        self.tally.note("crash")
        raise Crash(f"simulated death after write {self.tally.writes}")

    def _alive(self) -> None:
        if self._dead:
            raise Crash("a dead program sends nothing")

    def _change(self) -> None:
        self._weather.set()
        self._weather = asyncio.Event()


class UnluckyStream:
    """A watch that may be late, be cut, or go silent."""

    def __init__(self, inner: Stream, faulty: Faulty, silence_seconds: float, late_seconds: float) -> None:
        self.inner = inner
        self.faulty = faulty
        self.silence_seconds = silence_seconds
        self.late_seconds = late_seconds
        self.status = inner.status
        self.headers: Mapping[str, str] = inner.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        heard = loop.time()
        async for chunk in self.inner.chunks():
            if loop.time() - heard >= self.late_seconds:  # else it comes along with the one before
                await asyncio.sleep(self.late_seconds)
            await self._through_the_dark(heard)
            if self.faulty.chunk_lost():
                raise Unreachable("Reset", "simulated: the watch was cut")
            heard = loop.time()
            yield chunk
        await self._through_the_dark(heard)  # nor does the end of the stream come through

    async def _through_the_dark(self, heard: float) -> None:
        """Hold back what arrived until it is light; who reads gives up after too long a silence."""
        patience = heard + self.silence_seconds - asyncio.get_running_loop().time()
        if self.faulty.dark() and not await self.faulty.light(patience):
            raise Unreachable("Timeout", "simulated: silence")


class Whole:
    """A refusal, as a stream."""

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = response.headers
        self._body = response.body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield self._body


def status(code: int, reason: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an error as an API server writes it."""
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }
    return Response(code, dict(headers or {}), msgspec.json.encode(body))
