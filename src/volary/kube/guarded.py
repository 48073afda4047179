"""One cluster's share of us, and ours of it: few requests at once, patience with a busy server, none with a dead one.

* Requests wait for one of a few places; watches hold no place.
* 429, and 5xx where asking twice does no harm, are asked again after the time that the server names, within the
  request's own time.
* A server that does not answer is left alone for a while (`kube.breaker`); what is asked meanwhile fails at once.

Everything here belongs to one cluster, so no cluster waits for another.
Source: client-go `rest/with_retry`; Kubernetes API Priority and Fairness.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

from volary.kube.breaker import Breaker
from volary.kube.errors import Unreachable, retry_after
from volary.kube.transport import Request, Response, Stream, Transport

REQUESTS_AT_ONCE = 16  # more in flight do not make an API server faster, and its fairness would hold them back
MOST_TRIES = 4  # then the caller hears of it, and has its own back-off
LONGEST_WAIT_SECONDS = 10.0  # a server that wants more than this is told to the caller at once
FIRST_WAIT_SECONDS = 0.2  # where the server names none; doubled each time
BUSY = frozenset({502, 503, 504})
APPLY = "application/apply-patch+yaml"


class Guarded:
    """A `Transport` that keeps one cluster's trouble to itself."""

    def __init__(self, inner: Transport, rng: random.Random, requests_at_once: int = REQUESTS_AT_ONCE) -> None:
        self.inner = inner  # for what must never wait behind others: the Lease
        self.breaker = Breaker(rng)
        self._places = asyncio.Semaphore(requests_at_once)

    async def request(self, request: Request) -> Response:
        ends = now() + request.timeout_seconds
        tries = 0
        while True:
            response = await self._once(replace(request, timeout_seconds=max(ends - now(), 0.0)))
            tries += 1
            wait = self._wait_before(tries, request, response)
            if wait is None or now() + wait >= ends:
                return response
            await asyncio.sleep(wait)

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        opening = self.inner.stream(request)
        with self._noting():
            stream = await opening.__aenter__()
        try:
            yield stream
        except BaseException as error:
            if not await opening.__aexit__(type(error), error, error.__traceback__):
                raise
        else:
            await opening.__aexit__(None, None, None)

    async def close(self) -> None:
        await self.inner.close()

    async def _once(self, request: Request) -> Response:
        self._check()
        began = now()
        try:
            async with asyncio.timeout(request.timeout_seconds):
                await self._places.acquire()
        except TimeoutError:
            raise Unreachable("Timeout", f"{request.timeout_seconds:g} s were not enough for those before") from None
        try:
            with self._noting():  # also: those before us may have found it dead while we waited
                return await self.inner.request(
                    replace(request, timeout_seconds=max(request.timeout_seconds - (now() - began), 0.001))
                )
        finally:
            self._places.release()

    def _check(self) -> None:
        """Fail at once where the server is known to be away. Raises: Unreachable."""
        if (refusal := self.breaker.refusal(now())) is not None:
            raise refusal

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        """Ask the breaker, and tell it how the request went."""
        self._check()
        self.breaker.began()
        try:
            yield
        except Unreachable as error:
            self.breaker.failed(error, now())
            raise
        except BaseException:
            self.breaker.given_up()
            raise
        self.breaker.answered()

    def _wait_before(self, tries: int, request: Request, response: Response) -> float | None:
        """Return the seconds to wait before asking again; None: the answer stands."""
        if tries >= MOST_TRIES or not worth_asking_again(request, response.status):
            return None
        own = FIRST_WAIT_SECONDS * 2 ** (tries - 1)
        told = retry_after(response.headers)
        wait = max(told.total_seconds(), own) if told else own
        return wait * (1 + 0.25 * self.breaker.rng.random()) if wait <= LONGEST_WAIT_SECONDS else None


def worth_asking_again(request: Request, status: int) -> bool:
    """Is this no answer to what was asked, and does asking twice do no harm?"""
    if status == 429:
        return True  # it was not even begun
    if request.method == "GET":
        return status == 500 or status in BUSY
    return status in BUSY and request.headers.get("content-type") == APPLY


def now() -> float:
    return asyncio.get_running_loop().time()
