from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volary.embedded.load.answers import Answer, Garbled, Reader

PLAIN = b"HTTP/1.1 200 OK\r\nX-Volary-Pod: podinfo-a\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 500 Oops\r\nx-volary-pod: b\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
)
EMPTY = b"HTTP/1.1 204 No Content\r\nx-volary-pod: c\r\nconnection: close\r\n\r\n"
UNSIGNED = b"HTTP/1.1 503 Service Unavailable\r\nserver: envoy\r\n\r\n"
ANSWERS = [
    (PLAIN, Answer(200, "podinfo-a", last=False)),
    (CHUNKED, Answer(500, "b", last=False)),
    (EMPTY, Answer(204, "c", last=True)),
    (UNSIGNED, Answer(503, "", last=False)),
]


@given(st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4), st.data())
def test_answers_are_read_wherever_they_are_cut(answers: list[tuple[bytes, Answer]], data: st.DataObject) -> None:
    reader = Reader()
    for text, wanted in answers:
        found = None
        while text:
            assert found is None, "whole before its end"
            size = data.draw(st.integers(1, len(text)))
            found, text = reader.feed(text[:size]), text[size:]
        assert found == wanted


@pytest.mark.parametrize(
    "text", [b"SSH-2.0\r\n\r\n", b"HTTP/1.1 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"]
)
def test_what_is_no_answer_is_said_to_be_garbled(text: bytes) -> None:
    with pytest.raises(Garbled):
        Reader().feed(text)
