"""Bytes that nobody would send: whatever they are, every answer is one, nothing is logged, and nothing is kept."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.embedded.front.wire import HOST, LOGGED_IN, Wire, get, post, run
from tests.unit.embedded.server.parts import FakeApi, FakeWatch
from volary.embedded.front.limits import Limits
from volary.kube.transport import Response

JSON = {"content-type": "application/json"}
PODS = "/api/v1/pods"
SMALL = Limits(body=2000, head=3000, headers=40, ahead=500, behind=5000, discarded=3000)

WORDS = st.sampled_from(
    [
        b"GET ", b"POST ", b"HEAD ", b"/api/v1/pods", b"/watch", b"/clusters/west/livez", b"/%zz", b"?a=%ff&a",
        b" HTTP/1.1\r\n",
        b" HTTP/1.0\r\n", HOST, LOGGED_IN, b"\r\n", b"\n", b"Content-Length: 5\r\n", b"Content-Length: 99999999\r\n",
        b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Connection: Upgrade\r\nUpgrade: x\r\n",
        b"Expect: 100-continue\r\n", b"Content-Encoding: gzip\r\n", b"5\r\nabcde\r\n", b"0\r\n\r\n", b"ffffffff\r\n",
        b"\x1f\x8b\x08", b"\0", b": ", get(PODS), get("/watch"), post(PODS, b"{}"), b"a" * 500,
    ]
)  # fmt: skip
PIECES = st.lists(st.one_of(WORDS, st.binary(max_size=40)), max_size=25)
CUTS = st.lists(st.integers(1, 60), max_size=10)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    found, at = [], 0
    for size in sizes:
        found.append(data[at : at + size])
        at += size
    return [it for it in [*found, data[at:]] if it]


@settings(max_examples=150, deadline=None)
@given(pieces=PIECES, cuts=CUTS, room=st.sampled_from([0, 1 << 30]))
def no_harm(pieces: list[bytes], cuts: list[int], room: int) -> None:
    async def test() -> None:
        watch = FakeWatch(timeout_seconds=3)
        wire = Wire(FakeApi({PODS: Response(200, JSON, b"{}"), "/watch": watch}), SMALL, room)
        wire.send(*cut(b"".join(pieces), cuts))
        await wire.seconds(2)
        wire.send(get(PODS))
        await wire.seconds(200)
        assert wire.transport.closed, "a client that says no more is let go"
        wire.lose()
        assert not wire.site.streams
        assert not wire.front._connections
        assert wire.front.bodies == 0
        assert watch.closed or watch.deliver is None
        for answer in wire.said().split(b"HTTP/1.1 ")[1:]:
            assert answer[:3] in (b"100", b"200", b"400", b"401", b"404", b"413", b"431"), answer[:60]

    run(test())


def test_no_bytes_do_harm(caplog: pytest.LogCaptureFixture) -> None:
    no_harm()
    assert not caplog.records
