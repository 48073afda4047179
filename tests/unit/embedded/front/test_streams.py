"""Answers that go on: a watch goes out as it happens, and what is asked behind it waits its turn."""

from __future__ import annotations

import pytest

from tests.unit.embedded.front.wire import LOGGED_IN, Wire, get, run
from tests.unit.embedded.server.parts import SERVICE, FakeApi, FakeWatch
from volary.embedded.api.answers import Answer, Logs
from volary.embedded.feed import BOOKMARK_SECONDS, LONGEST_SECONDS
from volary.kube.transport import Request, Response

JSON = {"content-type": "application/json"}
PODS = "/api/v1/pods"
VERSION = Response(200, JSON, b"version")


def chunked(*events: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(it), it) for it in events)


def test_events_of_one_turn_go_out_in_one_write() -> None:
    async def test() -> None:
        watch = FakeWatch(first=(b"one\n", b"two\n"))
        wire = Wire(FakeApi({PODS: watch}))
        wire.get(PODS)
        await wire.seconds(1)
        head, _, body = wire.said().partition(b"\r\n\r\n")
        assert b"transfer-encoding: chunked" in head
        assert body == chunked(b"one\n", b"two\n")

    run(test())


def test_what_is_asked_behind_a_watch_is_answered_when_it_ends() -> None:
    async def test() -> None:
        watch = FakeWatch(timeout_seconds=40)
        wire = Wire(FakeApi({PODS: watch, "/version": VERSION}))
        wire.send(get(PODS) + get("/version"), get("/version"))
        await wire.seconds(39)
        assert b"version" not in wire.said()
        await wire.seconds(2)
        assert wire.said().count(b"HTTP/1.1 200 OK") == 3
        body = wire.said().partition(b"\r\n\r\n")[2]
        assert body.startswith(chunked(b"first\n", b"bookmark\n", b"bookmark\n") + b"0\r\n\r\nHTTP/1.1 200 OK")
        assert not wire.transport.closed

    run(test())


def test_a_watch_that_is_over_when_it_begins_ends_at_once() -> None:
    async def test() -> None:
        watch = FakeWatch(first=(b"gone\n",), ended=True)
        wire = Wire(FakeApi({PODS: watch, "/version": VERSION}))
        wire.send(get(PODS) + get("/version"))
        await wire.seconds(1)
        assert chunked(b"gone\n") + b"0\r\n\r\nHTTP/1.1 200 OK" in wire.said()

    run(test())


def test_no_watch_lasts_for_ever() -> None:
    async def test() -> None:
        wire = Wire(FakeApi({PODS: FakeWatch()}))
        wire.get(PODS)
        await wire.seconds(int(LONGEST_SECONDS) + 2)
        assert wire.said().endswith(b"0\r\n\r\n")

    run(test())


def test_the_old_version_gets_lines_until_the_line_ends() -> None:
    async def test() -> None:
        wire = Wire(FakeApi({PODS: FakeWatch(timeout_seconds=BOOKMARK_SECONDS + 1)}))
        wire.send(b"GET /api/v1/pods HTTP/1.0\r\n" + LOGGED_IN + b"Connection: keep-alive\r\n\r\n")
        await wire.seconds(int(BOOKMARK_SECONDS) + 3)
        assert wire.said().partition(b"\r\n\r\n")[2] == b"first\nbookmark\n"
        assert wire.transport.closed

    run(test())


def test_a_watch_ends_with_its_reader() -> None:
    async def test() -> None:
        watch = FakeWatch()
        wire = Wire(FakeApi({PODS: watch}))
        wire.get(PODS)
        await wire.seconds(1)
        assert wire.site.streams
        wire.lose()
        assert watch.closed
        assert not wire.site.streams

    run(test())


def test_a_watch_ends_with_its_cluster() -> None:
    async def test() -> None:
        wire = Wire(FakeApi({PODS: FakeWatch()}))
        wire.get(PODS)
        wire.site.end()
        assert wire.said().endswith(chunked(b"first\n") + b"0\r\n\r\n")
        wire.site.end()

    run(test())


def test_garbage_in_a_watch_breaks_the_line_once_its_turn_comes() -> None:
    async def test() -> None:
        wire = Wire(FakeApi({PODS: FakeWatch(timeout_seconds=5)}))
        wire.send(get(PODS), b"\0\0garbage\r\n\r\n")
        await wire.seconds(7)
        assert b"HTTP/1.1 400 Bad Request" in wire.said()
        assert wire.transport.eof
        wire = Wire(FakeApi({PODS: FakeWatch()}))
        wire.send(get(PODS) + b"\0\0garbage")
        assert wire.transport.aborted

    run(test())


def test_requests_behind_a_watch_wait_within_bounds() -> None:
    async def test() -> None:
        wire = Wire(FakeApi({PODS: FakeWatch(timeout_seconds=5), "/version": VERSION}))
        wire.send(get(PODS))
        for _ in range(2000):
            if not wire.transport.reading_paused:
                wire.send(get("/version"))
        held = len(wire.connection._held)
        assert held < (64 << 10) + 1000
        await wire.seconds(7)
        assert not wire.transport.reading_paused
        assert wire.said().count(b"HTTP/1.1 200 OK") == 1 + held // len(get("/version"))

    run(test())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_bug_costs_one_answer_and_not_the_line(method: str, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeApi):
        def handle(self, request: Request, user: object) -> Answer:
            raise KeyError("oops")

    async def test() -> None:
        wire = Wire(Broken())
        wire.send(get(PODS).replace(b"GET", method.encode(), 1), get(PODS))
        assert wire.statuses() == [500, 500]

    run(test())
    assert "oops" in caplog.text


def test_a_line_break_in_a_header_of_an_answer_begins_no_other() -> None:
    async def test() -> None:
        wire = Wire(FakeApi({PODS: Response(200, {**JSON, "warning": "a\r\nSet-Cookie: x"}, b"{}")}))
        wire.get(PODS)
        assert b"\r\nSet-Cookie" not in wire.said()

    run(test())


def test_logs_of_a_client_that_goes_are_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        path = "/api/v1/namespaces/test/pods/p/log"
        wire = Wire(FakeApi({path: Logs("test", "p", "c", {})}))
        await wire.front.start("127.0.0.1", 0, None)
        wire.get(path)
        wire.lose()
        await wire.front.close()
        assert not wire.site.streams

    run(test())
    assert not caplog.records


def test_a_body_that_passes_through_is_read_no_faster_than_the_service_takes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        wire = Wire()
        monkeypatch.setattr(wire.front, "spawn", lambda work: work.close())  # the service takes nothing by itself
        wire.send(b"POST " + SERVICE.encode() + b"/ HTTP/1.1\r\n" + LOGGED_IN + b"Content-Length: 200000\r\n\r\n")
        upload = wire.connection._upload
        assert upload
        sent = 0
        while wire.reads():
            wire.send(b"x" * 1000)
            sent += 1000
        assert 64_000 < sent < 70_000
        pieces = upload.pieces()
        taken = 0
        while not wire.reads():
            taken += len(await anext(pieces))
        wire.send(b"y" * (200_000 - sent))
        taken += sum([len(it) async for it in pieces])
        assert taken == 200_000
        assert wire.reads()

    run(test())


def test_a_service_hears_of_a_client_that_goes_in_the_middle_of_its_body(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        wire = Wire()
        monkeypatch.setattr(wire.front, "spawn", lambda work: work.close())
        wire.send(b"POST " + SERVICE.encode() + b"/ HTTP/1.1\r\n" + LOGGED_IN + b"Content-Length: 9\r\n\r\n123")
        upload = wire.connection._upload
        assert upload
        wire.lose()
        with pytest.raises(ConnectionResetError):
            [it async for it in upload.pieces()]

    run(test())
