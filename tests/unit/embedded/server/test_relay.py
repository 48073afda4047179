"""A proxied request reaches the service as it was sent, and the answer comes back whole."""

from __future__ import annotations

import asyncio
import io

from aiohttp import web

from tests.unit.embedded.server.parts import SERVICE, TOKEN, FakeApi, FakeOutside, backend, serving
from volary.embedded.server import MOST_BODY_BYTES


async def echo(http: web.BaseRequest) -> web.Response:
    """Answer with what arrived."""
    body = await http.content.read()
    seen = {"path": http.raw_path, "method": http.method, "size": len(body), "headers": dict(http.headers)}
    return web.json_response(seen, status=418, headers={"X-Volary-Pod": "p1", "Set-Cookie": "a=b"})


def test_path_query_headers_and_status_pass_through() -> None:
    async def run() -> None:
        async with backend(echo) as address, serving(FakeApi(), FakeOutside(at=address)) as (_, client):
            answer = await client.get(f"{SERVICE}/a%2Fb?q=%20x", headers={"User-Agent": "mine", "X-Canary": "yes"})
            seen = await answer.json()
            assert (answer.status, answer.headers["X-Volary-Pod"]) == (418, "p1")
            assert (seen["path"], seen["method"]) == ("/a%2Fb?q=%20x", "GET")
            assert (seen["headers"]["X-Canary"], seen["headers"]["User-Agent"]) == ("yes", "mine")
            assert seen["headers"]["Host"] == "web.test"

    asyncio.run(run())


def test_the_token_stays_with_the_api_server() -> None:
    async def run() -> None:
        async with backend(echo) as address, serving(FakeApi(), FakeOutside(at=address)) as (_, client):
            assert TOKEN not in await (await client.get(f"{SERVICE}/")).text()

    asyncio.run(run())


def test_a_body_passes_through_whatever_its_size() -> None:
    async def run() -> None:
        async with backend(echo) as address, serving(FakeApi(), FakeOutside(at=address)) as (_, client):
            answer = await client.post(f"{SERVICE}/upload", data=io.BytesIO(b"x" * (MOST_BODY_BYTES + 7)))
            assert (await answer.json())["size"] == MOST_BODY_BYTES + 7

    asyncio.run(run())


def test_a_service_without_endpoints_is_unavailable_in_the_real_server_s_words() -> None:
    async def run() -> None:
        async with serving(FakeApi(), FakeOutside()) as (_, client):
            answer = await client.get(f"{SERVICE}/")
            status = await answer.json()
            assert (answer.status, status["reason"]) == (503, "ServiceUnavailable")
            assert status["message"] == 'no endpoints available for service "web"'

    asyncio.run(run())


def test_a_service_that_refuses_is_unavailable() -> None:
    async def run() -> None:
        async with backend(echo) as gone:
            pass
        async with serving(FakeApi(), FakeOutside(at=gone)) as (_, client):
            answer = await client.get(f"{SERVICE}/")
            assert answer.status == 503
            assert (await answer.json())["message"].startswith("error trying to reach service: ")

    asyncio.run(run())
