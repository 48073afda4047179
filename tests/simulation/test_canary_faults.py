"""Bad days: requests refused, answers lost, 409, 429, 500, watches cut, the program killed; then the faults end.

While they last traffic is safe; afterwards everything comes to rest as if nothing had been. The seed is the bug report.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from tests.simulation.canary_cluster import NAMESPACE, Play, play
from tests.simulation.canary_manifests import V2
from tests.simulation.test_canary_story import ELEVEN
from volary.embedded.transport import InProcess
from volary.kube.errors import Unreachable
from volary.kube.objects import Object, dig
from volary.kube.transport import Request, Response, Stream

SEEDS = range(6)
RATE = 0.4  # of all requests
KINDS = ("refused", "answer lost", "409", "429", "500", "killed")


def status(code: int, reason: str) -> Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": reason,
    }
    headers = {"retry-after": "1"} if code == 429 else {}
    return Response(code, {"content-type": "application/json", **headers}, msgspec.json.encode(body))


class BadDays(InProcess):
    """A way to the API server on which things go wrong by chance."""

    def __init__(self, at: Play, rng: random.Random) -> None:
        assert at.transport is not None
        super().__init__(at.api, audit=at.transport.audit, user_agent=at.transport.user_agent)
        self.at = at
        self.rng = rng
        self.bad = True
        self.faults = 0

    async def request(self, request: Request) -> Response:
        if not self.bad or self.rng.random() > RATE:
            return await super().request(request)
        self.faults += 1
        match self.rng.choice(KINDS):
            case "refused":
                raise Unreachable("Refused", "connection refused")
            case "answer lost":
                await super().request(request)
                raise Unreachable("Reset", "connection reset")
            case "409" if request.method != "GET":
                return status(409, "Conflict")
            case "429":
                return status(429, "TooManyRequests")
            case "killed" if request.method != "GET":
                await super().request(request)
                self.at.killed()
                raise Unreachable("Reset", "the program was killed")
            case _:
                return status(500, "InternalError")

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[Stream]:
        async with super().stream(request) as stream:
            yield Cut(stream, self)


class Cut:
    """A watch that breaks off by chance, after it has told something."""

    def __init__(self, stream: Stream, days: BadDays) -> None:
        self.status, self.headers = stream.status, stream.headers
        self.stream, self.days = stream, days

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self.stream.chunks():
            yield chunk
            if self.days.bad and self.days.rng.random() < RATE / 8:
                raise Unreachable("Reset", "watch cut")


def unsafe(at: Play) -> Iterator[str]:
    """Yield what must never be seen: traffic to a canary without Pods."""
    local = at.api.local
    route = local.get("networking.istio.io/virtualservices", NAMESPACE, "podinfo")
    target = local.get("apps/deployments", NAMESPACE, "podinfo")
    weight = dig(route, "spec", "http", 0, "route", 1, "weight") or 0
    if weight and not dig(target, "spec", "replicas"):
        yield f"{weight} % to a canary without Pods"
    if weight and not dig(target, "status", "availableReplicas"):
        yield f"{weight} % to a canary that is not available"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_release_survives_bad_days(seed: int) -> None:
    async def story(at: Play) -> None:
        await at.installed()
        rng = random.Random(seed)
        days: list[BadDays] = []
        seen: list[str] = []

        def transport() -> Any:
            days.append(BadDays(at, rng))
            return days[-1]

        def look(resource: str, old: Object | None, new: Object | None) -> None:
            seen.extend(unsafe(at))

        at.make_transport = transport
        at.api.local.listen(look)
        at.killed()
        await asyncio.sleep(2)
        await at.push(V2)
        await asyncio.sleep(240)
        at.make_transport = None
        for day in days:
            day.bad = False
        await at.until("Succeeded", seconds=400)
        assert not seen, f"seed {seed}: {seen[0]}"
        lines = [line for line in at.told if not line.startswith("!")]
        assert lines[1:] == ELEVEN, f"seed {seed}: every line once"
        assert await at.image("podinfo-primary") == V2
        assert sum(day.faults for day in days) > 5, "the days were not bad enough"

    play(story)
