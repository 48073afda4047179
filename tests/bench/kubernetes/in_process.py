"""The embedded API without HTTP: what one core does when a request is a call."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from tests.bench.figures import Figure
from tests.bench.kubernetes.http import DEPLOYMENTS, MAPS, deployment
from volary.embedded.api.answers import Answer
from volary.embedded.api.auth.identity import ADMIN
from volary.embedded.api.server import ApiServer
from volary.embedded.api.verbs.watching import Watcher
from volary.kube.transport import Request, Response
from volary.runtime.clock import SystemClock

SECONDS = 1.0
WATCHERS = 100
JSON = {"accept": "application/json", "content-type": "application/json", "user-agent": "bench"}
MERGE = {**JSON, "content-type": "application/merge-patch+json"}


def measure(_: Path) -> Iterator[Figure]:
    """Yield requests and deliveries a second of CPU time: nothing here waits."""
    clock = SystemClock()
    api = ApiServer("bench", clock.now, random.Random(1), clock.new_id)
    api.local.create("/namespaces", {"metadata": {"name": "default"}}, "bench")
    good(api.handle(Request("POST", DEPLOYMENTS, {}, JSON, msgspec.json.encode(deployment("web"))), ADMIN))
    one = Request("GET", f"{DEPLOYMENTS}/web", {}, JSON)
    yield row("GET/s in process", 100_000, rate(lambda: good(api.handle(one, ADMIN))))
    yield row(f"watch deliveries/s in process, {WATCHERS} watchers", 100_000, deliveries(api))


def row(name: str, goal: float, measured: float) -> Figure:
    return Figure(name, goal, measured, "/s", "by CPU time", "kubernetes", "more")


def rate(work: Callable[[], object]) -> float:
    """Return how often a second of CPU time is enough for `work`."""
    began, times = time.process_time(), 0
    while (took := time.process_time() - began) < SECONDS:
        for _ in range(100):
            work()
        times += 100
    return times / took


def deliveries(api: ApiServer) -> float:
    """Return the events that watchers of one resource get in a second of CPU time, the writes included."""
    good(api.handle(Request("POST", MAPS, {}, JSON, b'{"metadata":{"name":"m"}}'), ADMIN))
    seen: list[int] = [0]

    def take(event: bytes) -> None:
        seen[0] += 1

    watchers: list[Watcher] = []
    for _ in range(WATCHERS):
        found = api.handle(
            Request("GET", MAPS, {"watch": "true", "resourceVersion": str(api.core.store.version)}, JSON), ADMIN
        )
        assert isinstance(found, Watcher)
        found.open(take)
        watchers.append(found)
    numbers = iter(range(1 << 30))

    def write() -> None:
        body = b'{"data":{"a":"%d"}}' % next(numbers)
        good(api.handle(Request("PATCH", f"{MAPS}/m", {}, MERGE, body), ADMIN))

    writes = rate(write)
    done = seen[0] // WATCHERS
    for watcher in watchers:
        watcher.close()
    assert done == next(numbers), "every watcher saw every write"
    return writes * WATCHERS


def good(answer: Answer) -> None:
    assert isinstance(answer, Response)
    assert answer.status < 300, answer.body
