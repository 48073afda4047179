"""The API in this process, behind the seam: the same answers, and streams that go by the loop's clock."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.unit.embedded.server.parts import DATE, SERVICE, FakeApi, FakeOutside, FakeWatch
from volary.embedded import feed
from volary.embedded.api.answers import Logs
from volary.embedded.api.server import ApiServer
from volary.embedded.audit import Event, Recorder
from volary.embedded.feed import BOOKMARK_SECONDS
from volary.embedded.transport import InProcess
from volary.kube.transport import Request, Response
from volary.sim.loop import VirtualLoop

PODS = "/api/v1/pods"
MAPS = "/api/v1/namespaces/default/configmaps"


def run(coroutine: Any) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(coroutine)


def test_a_watch_gets_bookmarks_while_nothing_happens_and_ends_in_time() -> None:
    async def watched() -> tuple[list[bytes], float]:
        watch = FakeWatch(timeout_seconds=40)
        async with InProcess(FakeApi({PODS: watch})).stream(Request("GET", PODS)) as stream:
            seen = [chunk async for chunk in stream.chunks()]
        assert watch.closed
        return seen, asyncio.get_running_loop().time()

    seen, now = run(watched())
    assert seen == [b"first\n", b"bookmark\n", b"bookmark\n"]
    assert now == 40


def test_without_bookmarks_a_silent_watch_says_nothing() -> None:
    async def watched() -> list[bytes]:
        watch = FakeWatch(timeout_seconds=4 * BOOKMARK_SECONDS, bookmarks=False, first=())
        async with InProcess(FakeApi({PODS: watch})).stream(Request("GET", PODS)) as stream:
            return [chunk async for chunk in stream.chunks()]

    assert run(watched()) == []


def test_a_reader_that_falls_behind_loses_its_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MOST_BYTES", 100)

    async def watched() -> list[bytes]:
        watch = FakeWatch()
        async with InProcess(FakeApi({PODS: watch})).stream(Request("GET", PODS)) as stream:
            chunks = stream.chunks()
            first = await anext(chunks)
            for _ in range(20):
                if watch.deliver:
                    watch.deliver(b"0123456789")
            return [first, *[chunk async for chunk in chunks]]

    assert run(watched()) == [b"first\n"]


def test_closing_the_transport_ends_its_watches() -> None:
    async def watched() -> list[bytes]:
        transport = InProcess(FakeApi({PODS: FakeWatch()}))

        async def close_later() -> None:
            await asyncio.sleep(1)
            await transport.close()

        async with asyncio.TaskGroup() as group, transport.stream(Request("GET", PODS)) as stream:
            group.create_task(close_later())
            return [chunk async for chunk in stream.chunks()]

    assert run(watched()) == [b"first\n"]


def test_the_real_api_streams_what_is_written_meanwhile() -> None:
    async def watched() -> list[str]:
        begin = datetime(2026, 1, 1, tzinfo=UTC)
        loop = asyncio.get_running_loop()
        api = ApiServer("w", lambda: begin + timedelta(seconds=loop.time()), random.Random(1), iter_ids())
        transport = InProcess(api, user_agent="me/1")
        body = msgspec.json.encode({"metadata": {"name": "late"}})
        api.handle(
            Request("POST", "/api/v1/namespaces", {}, {}, msgspec.json.encode({"metadata": {"name": "default"}}))
        )
        loop.call_later(10, api.handle, Request("POST", MAPS, {}, {}, body), "admin")
        query = {"watch": "true", "timeoutSeconds": "20", "allowWatchBookmarks": "true"}
        async with transport.stream(Request("GET", MAPS, query)) as stream:
            assert stream.status == 200
            text = b"".join([chunk async for chunk in stream.chunks()])
        events = [msgspec.json.decode(line) for line in text.splitlines()]
        return [f"{it['type']} {it['object']['metadata'].get('name', '')}".strip() for it in events]

    assert run(watched()) == ["ADDED late", "BOOKMARK"]


def iter_ids() -> Any:
    numbers = iter(range(1_000_000))
    return lambda: f"00000000-0000-4000-8000-{next(numbers):012d}"


def test_services_and_logs_are_asked_outside() -> None:
    async def asked() -> tuple[Response, Response]:
        transport = InProcess(FakeApi({"/log": Logs("n", "p", "c", {})}), outside=FakeOutside())
        return await transport.request(Request("GET", f"{SERVICE}/")), await transport.request(Request("GET", "/log"))

    refused, log = run(asked())
    assert refused.status == 503
    assert b"no endpoints available" in refused.body
    assert log.body == b"p/c says hello\n"
    assert (refused.headers["date"], log.headers["date"]) == (DATE, DATE)


def test_every_request_is_audited_with_its_agent() -> None:
    events: list[Event] = []

    async def asked() -> None:
        audit = Recorder(events.append, lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda: "id")
        transport = InProcess(FakeApi({PODS: FakeWatch(timeout_seconds=1)}), audit=audit, user_agent="mine/2")
        await transport.request(Request("GET", "/version"))
        async with transport.stream(Request("GET", PODS, {"watch": "true"})) as stream:
            async for _ in stream.chunks():
                pass

    run(asked())
    assert [(it["verb"], it["stage"]) for it in events] == [
        ("get", "ResponseComplete"),
        ("watch", "ResponseStarted"),
        ("watch", "ResponseComplete"),
    ]
    assert {it["userAgent"] for it in events} == {"mine/2"}
