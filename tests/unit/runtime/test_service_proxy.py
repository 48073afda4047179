"""The way to services inside a cluster, from outside of it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
import pytest

from volary.kube.client import Client
from volary.kube.errors import Unreachable
from volary.kube.transport import Request, Response, Stream
from volary.runtime.http import HttpRequest, HttpResponse, NoAnswer
from volary.runtime.service_proxy import Mode, ServiceHttp

OK = Response(200, {"x": "y"}, b"hello")


class ApiServer:
    """Answers everything with one answer."""

    def __init__(self, response: Response | Unreachable = OK) -> None:
        self.response = response
        self.seen: list[Request] = []

    async def request(self, request: Request) -> Response:
        self.seen.append(request)
        if isinstance(self.response, Unreachable):
            raise self.response
        return self.response

    def stream(self, request: Request) -> contextlib.AbstractAsyncContextManager[Stream]:
        raise AssertionError("nobody streams here")

    async def close(self) -> None: ...


class Direct:
    def __init__(self) -> None:
        self.seen: list[str] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.seen.append(request.url)
        return HttpResponse(204, {}, b"")

    async def close(self) -> None: ...


def send(
    url: str, mode: Mode = "proxy", server: ApiServer | None = None, **options: Any
) -> tuple[HttpResponse, list[Request], list[str]]:
    server, direct = server or ApiServer(), Direct()
    http = ServiceHttp(Client(server, "volary/1"), direct, mode)
    response = asyncio.run(http.send(HttpRequest(options.pop("method", "GET"), url, **options)))
    return response, server.seen, direct.seen


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("http://flagger-loadtester.test/", "test/services/flagger-loadtester:80/proxy/"),
        ("http://flagger-loadtester.test", "test/services/flagger-loadtester:80/proxy/"),
        (
            "http://prometheus.istio-system:9090/api/v1/query",
            "istio-system/services/prometheus:9090/proxy/api/v1/query",
        ),
        ("https://hook.apps.svc/a%20b", "apps/services/https:hook:443/proxy/a b"),
        ("http://hook.apps.svc.cluster.local:8080/x", "apps/services/hook:8080/proxy/x"),
    ],
)
def test_services_are_reached_through_the_api_server(url: str, path: str) -> None:
    response, [request], direct = send(url)
    assert request.path == f"/api/v1/namespaces/{path}"
    assert (response.status, response.body, direct) == (200, b"hello", [])


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:9090/",
        "http://127.0.0.1:9090/",
        "http://[::1]:9090/",
        "https://hooks.slack.com/services/x",
        "https://example.com./hook",
        "http://prometheus:9090/",
        "http://a.b.svc.example.org/",
        "http://Bad_Name.test/",
    ],
)
def test_all_other_hosts_are_asked_directly(url: str) -> None:
    response, proxied, direct = send(url)
    assert (response.status, proxied, direct) == (204, [], [url])


def test_in_direct_mode_everything_is() -> None:
    _, proxied, direct = send("http://flagger-loadtester.test/", "direct")
    assert (proxied, direct) == ([], ["http://flagger-loadtester.test/"])


def test_query_headers_body_and_deadline_go_along_and_the_connection_s_own_headers_do_not() -> None:
    _, [request], _ = send(
        "http://p.ns:9090/q?query=sum(a%7Bb%3D%22c+d%22%7D)&x=",
        method="POST",
        headers={"content-type": "application/json", "host": "p", "connection": "close"},
        body=b"{}",
        timeout_seconds=3.0,
    )
    assert request.query == {"query": 'sum(a{b="c d"})', "x": ""}
    assert request.headers == {"user-agent": "volary/1", "content-type": "application/json"}
    assert (request.method, request.body, request.timeout_seconds) == ("POST", b"{}", 3.0)


def status(code: int, message: str, reason: str = "") -> Response:
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reason,
        "code": code,
    }
    return Response(code, {}, msgspec.json.encode(body))


@pytest.mark.parametrize(
    ("response", "sentence"),
    [
        (
            status(503, 'no endpoints available for service "hook"', "ServiceUnavailable"),
            'service hook.apps:80: no endpoints available for service "hook"',
        ),
        (
            status(404, 'services "hook" not found', "NotFound"),
            'service hook.apps:80: there is no such service (services "hook" not found); '
            "a host outside the cluster is written with a final dot",
        ),
        (status(403, "no", "Forbidden"), "service hook.apps:80: we may not use the service proxy: no"),
        (
            Response(503, {}, b"error trying to reach service: dial tcp 10.0.0.1:80: connect: connection refused"),
            "service hook.apps:80: not reached: error trying to reach service: dial tcp 10.0.0.1:80: "
            "connect: connection refused",
        ),
        (
            Unreachable("Timeout", "w:6443: no answer within 3 s"),
            "service hook.apps:80, through the API server: w:6443: no answer within 3 s",
        ),
    ],
)
def test_what_the_api_server_says_for_itself_is_no_answer(response: Response | Unreachable, sentence: str) -> None:
    with pytest.raises(NoAnswer) as caught:
        send("http://hook.apps/", server=ApiServer(response))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "response",
    [
        Response(404, {}, b"not found"),
        Response(503, {}, b'{"kind": "Problem"}'),
        Response(500, {}, b""),
        Response(200, {}, b'{"kind": "Status", "apiVersion": "v1"}'),
        OK,
    ],
)
def test_what_the_service_says_is_its_answer_whatever_it_is(response: Response) -> None:
    answer, _, _ = send("http://hook.apps/", server=ApiServer(response))
    assert (answer.status, answer.body) == (response.status, response.body)


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://hook.apps/?a=1&a=2", {}),
        ("http://me:pw@hook.apps/", {}),
        ("http://hook.apps/", {"authorization": "Bearer x"}),
    ],
)
def test_what_would_arrive_as_another_request_is_refused(url: str, headers: dict[str, str]) -> None:
    server = ApiServer()
    with pytest.raises(NoAnswer):
        send(url, server=server, headers=headers)
    assert server.seen == []
