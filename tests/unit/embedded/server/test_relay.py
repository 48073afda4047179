"""A proxied request reaches the service as it was sent, and the answer comes back whole."""

from __future__ import annotations

import asyncio
import io

import aiohttp
import pytest
from aiohttp import web

from tests.unit.embedded.server.parts import SERVICE, TOKEN, FakeApi, FakeOutside, backend, serving
from volary.embedded.server import MOST_BODY_BYTES

PATIENCE_SECONDS = 30


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


def test_an_answer_comes_piece_by_piece_and_the_line_stays() -> None:
    async def run() -> None:
        go_on = asyncio.Event()

        async def slowly(http: web.BaseRequest) -> web.StreamResponse:
            answer = web.StreamResponse()
            await answer.prepare(http)
            await answer.write(b"one")
            await go_on.wait()
            await answer.write(b"two")
            return answer

        async with backend(slowly) as address, serving(FakeApi(), FakeOutside(at=address)) as (_, client):
            for _ in range(2):
                go_on.clear()
                answer = await client.get(f"{SERVICE}/")
                assert await answer.content.readexactly(3) == b"one"
                go_on.set()
                assert await answer.content.read() == b"two"

    asyncio.run(asyncio.wait_for(run(), PATIENCE_SECONDS))


def test_a_service_that_breaks_off_breaks_the_line() -> None:
    async def run() -> None:
        async def half(http: web.BaseRequest) -> web.StreamResponse:
            answer = web.StreamResponse(headers={"Content-Length": "10"})
            await answer.prepare(http)
            await answer.write(b"half")
            assert http.transport
            http.transport.abort()
            return answer

        async with backend(half) as address, serving(FakeApi(), FakeOutside(at=address)) as (_, client):
            with pytest.raises(aiohttp.ClientError):
                await (await client.get(f"{SERVICE}/")).read()
            assert (await client.get("/version")).status == 404  # of the fake API: the server goes on

    asyncio.run(asyncio.wait_for(run(), PATIENCE_SECONDS))


def test_a_client_that_goes_takes_its_request_with_it() -> None:
    async def run() -> None:
        come, gone = asyncio.Event(), asyncio.Event()

        async def endless(http: web.BaseRequest) -> web.StreamResponse:
            answer = web.StreamResponse()
            await answer.prepare(http)
            come.set()
            try:
                while True:
                    await answer.write(b"x")
                    await asyncio.sleep(0)
            finally:
                gone.set()

        async with backend(endless) as address, serving(FakeApi(), FakeOutside(at=address)) as (server, client):
            answer = await client.get(f"{SERVICE}/")
            await come.wait()
            answer.close()
            await gone.wait()
            assert not server.site.streams

    asyncio.run(asyncio.wait_for(run(), PATIENCE_SECONDS))
