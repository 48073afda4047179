"""The open network's `Http`, against real servers on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from tests.unit.kube.test_http import serving
from volary.runtime.http import HttpRequest, HttpResponse, NoAnswer
from volary.runtime.http_client import DirectHttp

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def ask(answer: Answer, path: str = "/", **options: Any) -> HttpResponse:
    async def main() -> HttpResponse:
        http = DirectHttp("volary/1")
        try:
            async with serving(answer) as port:
                url = f"http://127.0.0.1:{port}{path}"
                return await http.send(HttpRequest(options.pop("method", "GET"), url, **options))
        finally:
            await http.close()

    return asyncio.run(main())


async def echo(request: web.Request) -> web.Response:
    agent, body = request.headers["user-agent"], await request.text()
    return web.Response(status=418, text=f"{request.method} {request.raw_path} {agent} {body}", headers={"X-A": "b"})


def test_a_request_arrives_as_it_is_and_any_status_is_an_answer() -> None:
    response = ask(echo, "/a%2Fb?q=%7B1+1%7D&q=2", method="POST", body=b"hi")
    assert (response.status, response.headers["x-a"]) == (418, "b")
    assert response.body == b"POST /a%2Fb?q=%7B1+1%7D&q=2 volary/1 hi"


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(echo).status == 418


async def never(request: web.Request) -> web.Response:
    await asyncio.sleep(600)
    return web.Response()


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 100_000)


async def circle(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"location": "/again"})


async def elsewhere(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"location": "file:///etc/passwd"})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (never, "no answer within 0.2 s"),
        (endless, "the answer is larger than 1 MiB"),
        (circle, "redirected more than 5 times"),
        (elsewhere, "redirected to something that is not http"),
    ],
)
def test_what_is_no_answer_says_why(answer: Answer, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("volary.runtime.http_client.LARGEST_ANSWER", 1 << 20)
    with pytest.raises(NoAnswer, match=words) as caught:
        ask(answer, "/x?token=s3cret", timeout_seconds=0.2 if answer is never else 10.0)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:{port}/x?token=s3cret", "127.0.0.1:{port}/x: connection refused"),
        ("http://me:s3cret@127.0.0.1:{port}/", "http://127.0.0.1:{port}/: connection refused"),
        ("nonsense", "this is not a URL that can be asked"),
        ("ftp://127.0.0.1/", "this is not a URL that can be asked"),
    ],
)
def test_what_cannot_be_reached_is_no_answer_and_shows_no_secret(url: str, words: str) -> None:
    async def main() -> tuple[int, str]:
        async with serving(echo) as port:
            pass
        http = DirectHttp()
        try:
            with pytest.raises(NoAnswer) as caught:
                await http.send(HttpRequest("GET", url.replace("{port}", str(port))))
        finally:
            await http.close()
        return port, str(caught.value)

    port, text = asyncio.run(main())
    assert words.replace("{port}", str(port)) in text
    assert "s3cret" not in text


def test_redirects_are_followed_and_credentials_stay_with_their_host() -> None:
    seen: list[tuple[str, str | None]] = []

    async def main() -> HttpResponse:
        async def second(request: web.Request) -> web.Response:
            seen.append((request.method, request.headers.get("authorization")))
            return web.Response(text="there")

        async with serving(second) as other:

            async def first(request: web.Request) -> web.Response:
                seen.append((request.method, request.headers.get("authorization")))
                to = f"http://localhost:{other}/" if request.path == "/same" else "/same"
                return web.Response(status=303, headers={"location": to})

            async with serving(first) as port:
                http = DirectHttp()
                try:
                    url, headers = f"http://127.0.0.1:{port}/", {"authorization": "Bearer x"}
                    return await http.send(HttpRequest("POST", url, headers, b"body"))
                finally:
                    await http.close()

    assert asyncio.run(main()).body == b"there"
    assert seen == [("POST", "Bearer x"), ("GET", "Bearer x"), ("GET", None)]
