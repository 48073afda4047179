"""Requests in any form that HTTP allows are answered in order; what it forbids is refused and the line goes."""

from __future__ import annotations

import gzip

import pytest

from tests.unit.embedded.front.wire import HOST, LOGGED_IN, Wire, get, post, run
from tests.unit.embedded.server.parts import FakeApi
from volary.kube.transport import Response

JSON = {"content-type": "application/json"}
PODS = "/api/v1/pods"


def api() -> FakeApi:
    paths = {PODS: b"pods", "/api/v1/nodes": b"nodes", "/version": b"version"}
    return FakeApi({path: Response(200, JSON, body) for path, body in paths.items()})


def test_requests_in_one_piece_are_answered_in_order() -> None:
    async def test() -> None:
        wire = Wire(api())
        wire.send(get(PODS) + get("/version") + get("/api/v1/nodes"))
        assert [it.path for it in wire.api.asked] == [PODS, "/version", "/api/v1/nodes"]
        answers = wire.said().split(b"HTTP/1.1 200 OK")[1:]
        assert [it.rpartition(b"\r\n")[2] for it in answers] == [b"pods", b"version", b"nodes"]

    run(test())


def test_a_request_in_single_bytes_is_the_same_request() -> None:
    async def test() -> None:
        wire = Wire(api())
        whole = post(PODS + "?dryRun=All", b'{"a":1}', b"X-A: 1\r\nX-A: 2\r\n")
        wire.send(*(whole[at : at + 1] for at in range(len(whole))))
        (asked,) = wire.api.asked
        assert (asked.method, asked.path, asked.body) == ("POST", PODS, b'{"a":1}')
        assert (dict(asked.query), asked.headers["x-a"]) == ({"dryRun": "All"}, "1,2")

    run(test())


def test_a_body_in_chunks_with_trailers_is_one_body() -> None:
    async def test() -> None:
        wire = Wire(api())
        chunks = b"3\r\nabc\r\n2;note=x\r\nde\r\n0\r\nX-Trailer: y\r\n\r\n"
        wire.send(b"POST /api/v1/pods HTTP/1.1\r\n" + LOGGED_IN + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
        wire.send(get("/version"))
        assert [it.body for it in wire.api.asked] == [b"abcde", b""]
        assert "x-trailer" not in wire.api.asked[0].headers

    run(test())


def test_who_asks_to_close_or_speaks_the_old_version_is_left_after_the_answer() -> None:
    async def test() -> None:
        for request in (get(PODS, b"Connection: close\r\n"), b"GET /version HTTP/1.0\r\n\r\n"):
            wire = Wire(api())
            wire.send(request)
            assert wire.statuses() == [200]
            assert b"\r\nconnection: close\r\n" in wire.said()
            assert wire.transport.closed

    run(test())


def test_the_old_version_may_ask_to_stay() -> None:
    async def test() -> None:
        wire = Wire(api())
        wire.send(b"GET /version HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", get("/version"))
        assert wire.statuses() == [200, 200]
        assert not wire.transport.closed

    run(test())


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS to a port without it
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /version HTTP/1.1\r\n\r\n",  # no Host
        b"GET /%zz HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET version HTTP/1.1\r\n" + HOST + b"\r\n",
        b"CONNECT other:80 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET / HTTP/1.1\r\nA b: c\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_the_line_goes(garbage: bytes) -> None:
    async def test() -> None:
        wire = Wire(api())
        wire.send(garbage)
        assert wire.statuses() == [400]
        assert wire.transport.eof
        wire.send(get(PODS))
        assert wire.statuses() == [400]
        assert not wire.api.asked
        await wire.seconds(7)
        assert wire.transport.aborted

    run(test())


def test_garbage_behind_requests_does_not_cost_their_answers() -> None:
    async def test() -> None:
        wire = Wire(api())
        wire.send(get(PODS) + b"\0\0\0")
        assert wire.statuses() == [200, 400]

    run(test())


@pytest.mark.parametrize("protocol", [b"SPDY/3.1", b"websocket", b"h2c"])
def test_an_upgrade_is_answered_without_one_and_the_line_goes_on(protocol: bytes) -> None:
    async def test() -> None:
        wire = Wire(api())
        wire.send(get(PODS, b"Connection: Upgrade\r\nUpgrade: " + protocol + b"\r\n") + get("/version"))
        assert wire.statuses() == [200, 200]

    run(test())


def test_an_address_may_be_whole_and_a_path_escaped() -> None:
    async def test() -> None:
        wire = Wire(api())
        for line in ("http://x:1/api/v1/pods?a=%20b", "/api/v1/p%6Fds", "/api/v1/pods/%C3%A9", "http://x"):
            wire.get(line)
        assert [it.path for it in wire.api.asked] == [PODS, PODS, "/api/v1/pods/é", "/"]
        assert wire.api.asked[0].query == {"a": " b"}

    run(test())


def test_head_has_the_length_of_what_get_would_send() -> None:
    async def test() -> None:
        wire = Wire(api())
        wire.send(get("/version").replace(b"GET", b"HEAD", 1), get(PODS))
        head, _, rest = wire.said().partition(b"\r\n\r\n")
        assert b"content-length: 7" in head
        assert rest.startswith(b"HTTP/1.1 200 OK")
        assert wire.api.asked[0].method == "GET"

    run(test())


def test_a_packed_body_is_unpacked_and_a_damaged_one_refused() -> None:
    async def test() -> None:
        wire = Wire(api())
        packed = gzip.compress(b"small")
        for body in (packed, packed[:-3], b"not gzip"):
            wire.send(post(PODS, body, b"Content-Encoding: gzip\r\n"))
        assert wire.statuses() == [200, 400, 400]
        assert [it.body for it in wire.api.asked] == [b"small"]

    run(test())


def test_every_cluster_of_the_process_is_behind_its_name() -> None:
    async def test() -> None:
        other = Wire(api())
        wire = Wire(api(), others={"east": other.site})
        for path in (
            "/clusters/east/version",
            "/clusters/west/version?a=b",
            "/clusters/none/version",
            "/clusters/east",
        ):
            wire.get(path)
        assert wire.statuses() == [200, 200, 404, 404]
        assert [it.path for it in other.api.asked] == ["/version", "/"]
        assert [(it.path, dict(it.query)) for it in wire.api.asked] == [("/version", {"a": "b"})]

    run(test())


def test_the_date_is_the_cluster_s_own_at_any_port() -> None:
    async def test() -> None:
        told = iter(["one", "two", "three"])
        one = api()
        one.date = lambda: next(told)  # type: ignore[method-assign]
        wire = Wire(one)
        other = Wire(api(), others={"west": wire.site})
        wire.send(get(PODS) * 2)
        other.get("/clusters/west/version")
        await wire.seconds(2)
        wire.get(PODS)
        dates = [line[6:] for it in (wire, other) for line in it.said().split(b"\r\n") if line.startswith(b"date: ")]
        assert dates == [b"one", b"one", b"three", b"two"]

    run(test())
