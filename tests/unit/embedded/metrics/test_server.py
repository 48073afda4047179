from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from volary.embedded.metrics.memory import Memory
from volary.embedded.metrics.promql import Refused
from volary.embedded.metrics.server import QueryServer, moment_ms, query

NOW = datetime(2026, 11, 24, 12, 0, 0, 500_000, tzinfo=UTC)
AT = NOW.timestamp()
X = (("__name__", "x"), ("job", "a"))


def memory() -> Memory:
    found = Memory()
    found.add(round(AT * 1000) - 1000, {X: 1.0})
    found.add(round(AT * 1000), {X: 3.0})
    return found


def asked(method: str, path: str, **more: Any) -> tuple[int, Any]:
    async def run() -> tuple[int, Any]:
        server = QueryServer(memory(), lambda: NOW)
        await server.start()
        try:
            async with aiohttp.ClientSession() as session:
                async with session.request(method, f"http://127.0.0.1:{server.address[1]}{path}", **more) as answer:
                    is_json = answer.content_type == "application/json"
                    return answer.status, await (answer.json() if is_json else answer.text())
        finally:
            await server.stop()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("method", "how"),
    [("GET", {"params": {"query": "x"}}), ("POST", {"data": {"query": "x"}}), ("POST", {"params": {"query": "x"}})],
)
def test_a_query_is_answered_in_prometheus_form(method: str, how: dict[str, Any]) -> None:
    status, answer = asked(method, "/api/v1/query", **how)
    sample = {"metric": {"__name__": "x", "job": "a"}, "value": [AT, "3"]}
    assert (status, answer) == (200, {"status": "success", "data": {"resultType": "vector", "result": [sample]}})


def test_the_time_may_be_said() -> None:
    _, answer = asked("GET", "/api/v1/query", params={"query": "x", "time": str(AT - 0.5)})
    assert answer["data"]["result"][0]["value"] == [AT - 0.5, "1"]


def test_a_refusal_is_400_and_names_the_construct() -> None:
    status, answer = asked("GET", "/api/v1/query", params={"query": "topk(1, x)"})
    assert (status, answer["status"], answer["errorType"]) == (400, "error", "bad_data")
    assert answer["error"].startswith("unsupported: the function topk")


def test_it_says_that_it_is_ready_and_shows_its_newest_samples() -> None:
    assert asked("GET", "/-/ready")[0] == 200
    assert asked("GET", "/metrics") == (200, 'x{job="a"} 3\n')
    assert asked("GET", "/api/v1/query_range", params={"query": "x"})[0] == 404


@pytest.mark.parametrize(
    ("text", "kind", "result"),
    [
        ("vector(1)", "vector", [{"metric": {}, "value": [AT, "1"]}]),
        ("1 / 0", "scalar", [AT, "+Inf"]),
        ("y", "vector", []),
    ],
)
def test_results(text: str, kind: str, result: Any) -> None:
    assert query(Memory(), text, "", NOW) == {"resultType": kind, "result": result}


@pytest.mark.parametrize(("text", "time"), [("", ""), (" ", ""), ("x" * 20_000, ""), ("x", "soon"), ("x", "nan")])
def test_parameters_that_make_no_sense_are_refused(text: str, time: str) -> None:
    with pytest.raises(Refused, match=r'query|time: "'):
        query(Memory(), text, time, NOW)


@pytest.mark.parametrize("text", ["1795521600.5", "2026-11-24T12:00:00.5Z", "2026-11-24T13:00:00.5+01:00"])
def test_moments(text: str) -> None:
    assert moment_ms(text) == 1795521600500
