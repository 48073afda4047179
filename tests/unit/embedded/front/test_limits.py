"""Whatever a client does, or leaves undone, costs a bounded amount of memory and a bounded time."""

from __future__ import annotations

import sys

import pytest

from tests.unit.embedded.front.wire import HOST, LOGGED_IN, FakeTransport, Wire, get, post, run
from tests.unit.embedded.server.parts import FakeApi, FakeWatch
from volary.embedded.front.connection import Connection
from volary.embedded.front.limits import Limits
from volary.embedded.front.metrics import kept_label
from volary.embedded.front.target import kept_target
from volary.kube.transport import Response

JSON = {"content-type": "application/json"}
PODS = "/api/v1/pods"
SMALL = Limits(body=1000, head=2000, headers=50, ahead=500, behind=5000, discarded=3000, connections=2)


def api() -> FakeApi:
    return FakeApi({PODS: Response(200, JSON, b"{}"), "/big": Response(200, JSON, b"x" * 100_000)})


@pytest.mark.parametrize(
    "piece",
    [
        b"GET /" + b"a" * 100,  # an endless line
        b"GET / HTTP/1.1\r\nA: " + b"a" * 100,  # an endless header
        b"\r\n" * 50,  # endless nothing
    ],
)
def test_a_head_that_does_not_end_is_refused(piece: bytes) -> None:
    async def test() -> None:
        wire = Wire(api(), SMALL)
        wire.send(piece, *[piece[-10:]] * 300)
        assert wire.statuses() == [431]
        assert not wire.api.asked

    run(test())


def test_ten_thousand_headers_are_refused() -> None:
    async def test() -> None:
        wire = Wire(api())
        wire.send(b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * 10_000 + b"\r\n")
        assert wire.statuses() == [431]

    run(test())


def test_a_trailer_or_an_extension_that_does_not_end_is_refused() -> None:
    async def test() -> None:
        for start in (b"0\r\nA: ", b"1;"):
            wire = Wire(api(), SMALL)
            wire.send(b"POST / HTTP/1.1\r\n" + LOGGED_IN + b"Transfer-Encoding: chunked\r\n\r\n" + start)
            wire.send(*[b"a" * 100] * 30)
            assert wire.statuses() in ([431], [400])

    run(test())


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes() -> None:
    async def test() -> None:
        wire = Wire(api())
        wire.send(b"POST /api/v1/pods HTTP/1.1\r\n" + LOGGED_IN + b"Content-Length: 1073741824\r\n\r\n")
        assert wire.statuses() == [413]
        assert b"connection: close" in wire.said()
        assert not wire.api.asked

    run(test())


def test_what_comes_after_a_refusal_is_thrown_away_up_to_a_limit() -> None:
    async def test() -> None:
        wire = Wire(api(), SMALL)
        wire.send(b"POST /api/v1/pods HTTP/1.1\r\n" + LOGGED_IN + b"Transfer-Encoding: chunked\r\n\r\n")
        wire.send(*[b"64\r\n" + b"a" * 100 + b"\r\n"] * 11)
        assert wire.statuses() == [413]
        assert not wire.transport.closed
        wire.send(*[b"a" * 1000] * 4)
        assert wire.transport.closed

    run(test())


def test_who_is_nobody_need_not_send_a_body() -> None:
    async def test() -> None:
        wire = Wire(api())
        wire.send(
            b"POST /api/v1/pods HTTP/1.1\r\n" + HOST + b"Authorization: Bearer wrong\r\nContent-Length: 9\r\n\r\n"
        )
        assert wire.statuses() == [401]
        wire.send(b"123456789")
        assert (wire.statuses(), wire.transport.eof) == ([401], True)

    run(test())


def test_who_asks_first_is_told_to_go_on_or_why_not() -> None:
    async def test() -> None:
        wire = Wire(api(), SMALL)
        head, _, body = post(PODS, b"12345", b"Expect: 100-continue\r\n").partition(b"\r\n\r\n")
        wire.send(head + b"\r\n\r\n")
        assert wire.said() == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.send(body)
        assert wire.statuses() == [100, 200]
        wire.send(post(PODS, b"a" * 1001, b"Expect: 100-continue\r\n")[:-1001])
        assert wire.statuses() == [100, 200, 413]

    run(test())


def test_bodies_of_all_connections_together_are_bounded() -> None:
    async def test() -> None:
        wire = Wire(api(), Limits(bodies=1000))
        half = post(PODS, b"a" * 600)[:-1]
        wire.send(half)
        other = Connection(wire.front)
        transport = FakeTransport()
        other.connection_made(transport)
        other.data_received(half)
        assert bytes(transport.out).startswith(b"HTTP/1.1 503 ")
        assert (wire.statuses(), wire.front.bodies) == ([], 1198)
        other.connection_lost(None)
        wire.send(b"a", post(PODS, b"b" * 900))
        assert (wire.statuses(), wire.front.bodies) == ([200, 200], 0)

    run(test())


def test_the_connections_are_counted() -> None:
    async def test() -> None:
        wire = Wire(api(), SMALL)
        wire.front._connections |= {object(), object()}  # type: ignore[arg-type]
        more = Wire(api(), SMALL)
        more.front._connections |= wire.front._connections
        assert more.front.admit(more.connection) is False

    run(test())


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        (b"", 91),  # idle
        (b"GET / HT", 33),  # in the middle of a head
        (get(PODS) + b"GET / HT", 33),
        (post(PODS, b"12345")[:-1], 61),  # in the middle of a body
    ],
)
def test_a_client_that_is_too_slow_is_hung_up_on(sent: bytes, seconds: int) -> None:
    async def test() -> None:
        wire = Wire(api())
        if sent:
            wire.send(sent)
        await wire.seconds(seconds - 4)
        assert not wire.transport.closed
        await wire.seconds(8)
        assert wire.transport.closed

    run(test())


def test_a_byte_now_and_then_does_not_help() -> None:
    async def test() -> None:
        wire = Wire(api())
        for byte in get(PODS)[:40]:
            wire.send(bytes([byte]))
            await wire.seconds(1)
        assert wire.transport.aborted

    run(test())


def test_a_client_that_does_not_read_gets_no_more_answers_and_is_hung_up_on() -> None:
    async def test() -> None:
        wire = Wire(api(), SMALL, room=0)
        wire.send(get("/big") * 100)
        assert len(wire.api.asked) == 1
        wire.send(*[get("/big")] * 10)
        assert wire.transport.reading_paused
        assert len(wire.connection._held) < 1000
        await wire.seconds(63)
        assert wire.transport.aborted

    run(test())


def test_a_client_that_reads_slowly_gets_all_in_order() -> None:
    async def test() -> None:
        wire = Wire(api(), room=0)
        wire.send(get("/big") + get(PODS) + get("/big"), get("/big"))
        for _ in range(320):
            wire.transport.read(1000)
            await wire.seconds(1)
        assert not wire.transport.closed
        assert [it.path for it in wire.api.asked] == ["/big", PODS, "/big", "/big"]
        assert wire.statuses() == [200] * 4

    run(test())


def test_a_reader_of_a_watch_who_falls_behind_loses_it_and_the_others_do_not() -> None:
    async def test() -> None:
        slow, quick = FakeWatch(), FakeWatch()
        one, other = (Wire(FakeApi({PODS: it}), SMALL, room=0 if it is slow else 1 << 30) for it in (slow, quick))
        for wire in (one, other):
            wire.get(PODS)
        event = b"z" * 100_000 + b"\n"  # more than a transport takes before it says so
        for _ in range(2):
            for watch in (slow, quick):
                if watch.deliver:
                    watch.deliver(event[: 4000 if watch is quick else None])
            await wire.seconds(1)
        assert (one.transport.aborted, slow.closed > 0) == (True, True)
        assert (other.transport.aborted, quick.closed) == (False, 0)

    run(test())


def test_a_beginning_of_a_watch_may_be_as_large_as_the_cluster() -> None:
    async def test() -> None:
        watch = FakeWatch(first=(b"a" * 4000, b"b" * 4000, b"c" * 4000))
        wire = Wire(FakeApi({PODS: watch}), SMALL)
        wire.get(PODS)
        await wire.seconds(1)
        assert not wire.transport.closed
        assert b"c" * 4000 in wire.said()

    run(test())


def test_events_that_wait_for_slow_readers_are_in_memory_once() -> None:
    async def test() -> None:
        watches = [FakeWatch(first=(b"a" * 70_000,)) for _ in range(10)]
        wires = [Wire(FakeApi({PODS: it}), room=0) for it in watches]
        chunks = wires[0].front.chunks
        for wire in wires:
            wire.front.chunks = chunks
            wire.get(PODS)
            await wire.seconds(1)
        event = b"e" * 1000
        for watch in watches:
            assert watch.deliver
            watch.deliver(event)
        assert sys.getrefcount(chunks.of(event)) > len(watches)

    run(test())


def test_what_is_remembered_of_long_lines_and_headers_is_bounded() -> None:
    async def test() -> None:
        wire = Wire(api())
        wire.get("/api/v1/" + "a" * 9000)
        assert wire.statuses() == [414]
        wire = Wire(api())
        kept = kept_target.cache_info().currsize, kept_label.cache_info().currsize
        wire.get(f"{PODS}?labelSelector=" + "b" * 50_000)
        assert wire.api.asked[0].query == {"labelSelector": "b" * 50_000}
        assert (kept_target.cache_info().currsize, kept_label.cache_info().currsize) == kept
        wire.get(PODS, b"X-Long: " + b"c" * 50_000 + b"\r\n")
        assert wire.api.asked[1].headers["x-long"] == "c" * 50_000
        assert len(str(wire.connection._reader._last)) < 20_000

    run(test())
