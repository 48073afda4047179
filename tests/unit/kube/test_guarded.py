"""A busy server is asked again, a dead one is left alone, and neither holds anybody else; in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest

from tests.unit.kube.fake_server import FakeStream, once
from volary.kube.breaker import FAILURES, LONGEST_SECONDS, Breaker
from volary.kube.errors import Unreachable
from volary.kube.guarded import APPLY, MOST_TRIES, Guarded
from volary.kube.transport import Request, Response, Stream
from volary.sim.loop import run_virtually

GET = Request("GET", "/api/v1/pods")


class Scripted:
    """A transport that answers with statuses from a list, then with 200; while `dead`, with nothing."""

    def __init__(self, *statuses: int, after: str = "") -> None:
        self.statuses = list(statuses)
        self.headers = {"retry-after": after} if after else {}
        self.dead = False
        self.seconds = 0.0  # that an answer takes
        self.asked = self.at_once = self.most_at_once = 0

    async def request(self, request: Request) -> Response:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(request.timeout_seconds if self.dead else self.seconds)
            if self.dead:
                raise Unreachable("Timeout", "10.0.0.1: no answer")
            return Response(self.statuses.pop(0) if self.statuses else 200, self.headers, b"{}")
        finally:
            self.at_once -= 1

    @contextlib.asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        self.asked += 1
        if self.dead:
            raise Unreachable("Refused", "10.0.0.1: connection refused")
        yield FakeStream(200, once(b""))

    async def close(self) -> None: ...


def guarded(inner: Scripted, places: int = 16) -> Guarded:
    return Guarded(inner, random.Random(1), places)


@pytest.mark.parametrize(
    ("request_", "statuses", "status", "asked"),
    [
        (GET, [429, 429], 200, 3),
        (GET, [500, 503, 504], 200, 4),
        (GET, [429] * 9, 429, MOST_TRIES),
        (GET, [404], 404, 1),
        (Request("POST", "/p"), [429], 200, 2),
        (Request("POST", "/p"), [503], 503, 1),
        (Request("PATCH", "/p", headers={"content-type": APPLY}), [503], 200, 2),
        (Request("PATCH", "/p", headers={"content-type": APPLY}), [500], 500, 1),
        (Request("PATCH", "/p", headers={"content-type": "application/json-patch+json"}), [503], 503, 1),
        (Request("DELETE", "/p"), [502], 502, 1),
    ],
)
def test_what_is_asked_again(request_: Request, statuses: list[int], status: int, asked: int) -> None:
    async def main() -> None:
        inner = Scripted(*statuses)
        assert (await guarded(inner).request(request_)).status == status
        assert inner.asked == asked

    run_virtually(main())


@pytest.mark.parametrize(("after", "asked", "least", "most"), [("3", 2, 3.0, 3.75), ("60", 1, 0.0, 0.0)])
def test_retry_after_is_heeded_up_to_a_bound(after: str, asked: int, least: float, most: float) -> None:
    async def main() -> None:
        inner = Scripted(429, after=after)
        began = asyncio.get_running_loop().time()
        response = await guarded(inner).request(GET)
        assert response.status == (200 if asked == 2 else 429)
        assert least <= asyncio.get_running_loop().time() - began <= most
        assert inner.asked == asked

    run_virtually(main())


def test_asking_again_ends_with_the_requests_own_time() -> None:
    async def main() -> None:
        inner = Scripted(*[429] * 9, after="4")
        began = asyncio.get_running_loop().time()
        response = await guarded(inner).request(Request("GET", "/p", timeout_seconds=6))
        assert response.status == 429
        assert asyncio.get_running_loop().time() - began < 6
        assert inner.asked == 2

    run_virtually(main())


async def refused(made: Guarded) -> Unreachable:
    with pytest.raises(Unreachable) as caught:
        await made.request(GET)
    return caught.value


def test_a_dead_server_is_left_alone_and_one_probe_finds_it_back() -> None:
    async def main() -> None:
        inner, loop = Scripted(), asyncio.get_running_loop()
        made = guarded(inner)
        inner.dead = True
        await asyncio.gather(*[refused(made) for _ in range(20)])
        assert inner.most_at_once == 16
        assert inner.asked == 16, "those who waited for a place did not have to find out for themselves"
        began = loop.time()
        error = await refused(made)
        assert (loop.time(), error.reason) == (began, "Timeout")
        assert "not asked again for 1 s" in str(error)
        await asyncio.sleep(2)
        asked = inner.asked
        await asyncio.gather(*[refused(made) for _ in range(9)])
        assert inner.asked == asked + 1, "one probe"
        inner.dead = False
        await asyncio.sleep(LONGEST_SECONDS)
        assert (await made.request(GET)).status == 200
        assert made.breaker.is_closed

    run_virtually(main())


def test_a_stream_that_cannot_be_opened_counts_and_a_cancelled_probe_does_not_block() -> None:
    async def main() -> None:
        inner = Scripted()
        made = guarded(inner)
        inner.dead = True
        for _ in range(FAILURES):
            with pytest.raises(Unreachable, match="refused"):
                async with made.stream(GET):
                    pass
        assert not made.breaker.is_closed
        await asyncio.sleep(LONGEST_SECONDS)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await made.request(GET)
        inner.dead = False
        async with made.stream(GET) as stream:
            assert stream.status == 200
        assert made.breaker.is_closed

    run_virtually(main())


def test_to_look_at_an_open_breaker_is_no_probe() -> None:
    """Time goes on between two looks: whoever only asks must not leave it waiting for an answer that nobody awaits."""
    breaker = Breaker(random.Random(4))
    for _ in range(FAILURES):
        breaker.began()
        breaker.failed(Unreachable("Timeout", "no answer"), 0.0)
    assert breaker.refusal(breaker.until - 0.001) is not None
    for _ in range(2):
        assert breaker.refusal(breaker.until) is None
    breaker.began()
    assert "being asked whether it is back" in str(breaker.refusal(breaker.until))


def test_a_server_that_stays_dead_is_probed_ever_less_up_to_a_bound() -> None:
    breaker, now, pauses = Breaker(random.Random(2)), 0.0, []
    for _ in range(12):
        while breaker.refusal(now) is None:
            breaker.began()
            breaker.failed(Unreachable("Timeout", "no answer"), now)
        pauses.append(breaker.until - now)
        now = breaker.until
    assert 1 <= pauses[0] <= 1.25
    assert pauses[1] > pauses[0]
    assert max(pauses) <= LONGEST_SECONDS * 1.25


def test_an_answer_between_failures_begins_the_count_anew() -> None:
    breaker = Breaker(random.Random(3))
    for _ in range(5):
        for _ in range(FAILURES - 1):
            breaker.failed(Unreachable("Reset", "broke"), 0.0)
        breaker.answered()
    assert breaker.is_closed
