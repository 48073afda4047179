"""The query API: one request, and what its answers mean."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from volary.providers.metrics.prometheus import read, request
from volary.providers.metrics.reading import CannotRead, NoData
from volary.runtime.http import HttpResponse


def answer(data: Any, **more: Any) -> HttpResponse:
    return HttpResponse(200, {}, json.dumps({"status": "success", "data": data, **more}).encode())


def vector(*values: str) -> HttpResponse:
    return answer({"resultType": "vector", "result": [{"metric": {}, "value": [1.5, value]} for value in values]})


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_the_query_survives_its_way_into_the_url(query: str) -> None:
    sent = request("http://prometheus.istio-system:9090/sub/", query)
    parts = urlsplit(sent.url)
    assert (sent.method, parts.path) == ("GET", "/sub/api/v1/query")
    assert parse_qs(parts.query, keep_blank_values=True)["query"] == [query]


@pytest.mark.parametrize(
    ("response", "value"),
    [
        (vector("99.5"), 99.5),
        (vector("1", "2"), 2.0),
        (vector("+Inf"), float("inf")),
        (vector("NaN"), NoData()),
        (vector(), NoData()),
        (answer({"resultType": "scalar", "result": [1.5, "3"]}), 3.0),
    ],
)
def test_a_good_answer_is_a_number_or_nothing(response: HttpResponse, value: object) -> None:
    assert read(response) == value


@pytest.mark.parametrize(
    ("response", "words"),
    [
        (HttpResponse(503, {}, b"no healthy\n upstream"), "error response: Status 503: no healthy upstream"),
        (answer({}, status="error", error="parse error"), "error response: parse error"),
        (answer({"resultType": "matrix", "result": []}), "query returned multiple values"),
        (answer({"resultType": "vector", "result": [{"value": [1, "x"]}]}), "not an answer of Prometheus"),
        (answer({"resultType": "vector", "result": [{}]}), "not an answer of Prometheus"),
        (HttpResponse(200, {}, b"[]"), "not an answer of Prometheus"),
        (HttpResponse(200, {}, b"<html>" + b"x" * 5000), "not an answer of Prometheus"),
    ],
)
def test_anything_else_says_nothing_of_the_metric(response: HttpResponse, words: str) -> None:
    with pytest.raises(CannotRead) as caught:
        read(response)
    assert str(caught.value).startswith(words)
    assert len(str(caught.value)) < 300
