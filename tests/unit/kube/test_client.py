"""The verbs: what they send, what they return, and which error is which."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import pytest

from tests.unit.kube.fake_server import FakeServer, Refusal
from volary.kube.client import APPLY, Client
from volary.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    KubeError,
    NotFound,
    ServerBusy,
    TooManyRequests,
    Unauthorized,
    Unreachable,
    error_from,
)
from volary.kube.resources import CONFIG_MAPS, NAMESPACES
from volary.kube.transport import Request, Response

T = TypeVar("T")
MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "apps"}, "data": {"x": "1"}}


def run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(main)


def test_an_object_goes_there_and_back() -> None:
    async def main() -> None:
        server = FakeServer()
        client = Client(server, "volary/1")
        assert await client.get(CONFIG_MAPS, "a", "apps") is None
        made = await client.create(CONFIG_MAPS, MAP, "me")
        with pytest.raises(AlreadyExists):
            await client.create(CONFIG_MAPS, MAP)
        changed = await client.patch(CONFIG_MAPS, "a", {"data": {"x": None, "y": "2"}}, "apps")
        assert changed["data"] == {"y": "2"}
        with pytest.raises(Conflict) as caught:
            await client.update(CONFIG_MAPS, made)
        assert caught.value.managers == []
        assert await client.delete(CONFIG_MAPS, "a", "apps", uid="u1")
        assert not await client.delete(CONFIG_MAPS, "a", "apps")
        sent = server.requests[1]
        assert (sent.method, sent.path) == ("POST", "/api/v1/namespaces/apps/configmaps")
        assert sent.query == {"fieldManager": "me"}
        assert sent.headers["user-agent"] == "volary/1"
        deletion = msgspec.json.decode(server.requests[-2].body)
        assert deletion["preconditions"] == {"uid": "u1"}

    run(main())


def test_a_list_reads_all_pages_and_completes_its_items() -> None:
    async def main() -> None:
        server = FakeServer()
        for number in range(7):
            server.put("api/v1/namespaces", {"metadata": {"name": f"n{number}"}})
        listing = await Client(server).list(NAMESPACES, limit=3)
        assert [item["metadata"]["name"] for item in listing.items] == [f"n{number}" for number in range(7)]
        assert {(item["apiVersion"], item["kind"]) for item in listing.items} == {("v1", "Namespace")}
        assert listing.version == "107"
        assert len(server.requests) == 3

    run(main())


def test_apply_is_a_patch_of_its_own_kind() -> None:
    async def main() -> None:
        server = FakeServer()
        server.put("api/v1/configmaps", dict(MAP), "apps")
        await Client(server).apply(CONFIG_MAPS, MAP, "volary-sync", force=True, dry_run=True)
        [sent] = server.requests
        assert sent.query == {"fieldManager": "volary-sync", "force": "true", "dryRun": "All"}
        assert sent.headers["content-type"] == APPLY

    run(main())


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (400, "BadRequest", ApiError),
        (401, "Unauthorized", Unauthorized),
        (403, "Forbidden", Forbidden),
        (404, "NotFound", NotFound),
        (409, "Conflict", Conflict),
        (409, "AlreadyExists", AlreadyExists),
        (410, "Expired", Expired),
        (422, "Invalid", Invalid),
        (429, "TooManyRequests", TooManyRequests),
        (500, "InternalError", ServerBusy),
        (504, "Timeout", ServerBusy),
    ],
)
def test_each_answer_becomes_its_error(code: int, reason: str, error: type[ApiError]) -> None:
    async def main() -> None:
        server = FakeServer()
        server.refusals = [Refusal(code, reason, "the server's words")]
        with pytest.raises(KubeError, match="the server's words") as caught:
            await Client(server).create(CONFIG_MAPS, MAP)
        assert type(caught.value) is error

    run(main())


@pytest.mark.parametrize(
    ("headers", "body", "text", "after"),
    [
        ({"retry-after": "3"}, b"<html>busy</html>", "<html>busy</html>", timedelta(seconds=3)),
        ({"retry-after": "soon"}, b"", "HTTP 503", None),
        ({}, b'{"kind": "Status"}', "the server gave no reason", None),
    ],
)
def test_an_answer_of_a_proxy_is_an_error_too(headers: dict[str, str], body: bytes, text: str, after: object) -> None:
    error = error_from(Response(503, headers, body))
    assert (type(error), str(error), error.after) == (ServerBusy, text, after)


def test_a_conflict_of_managers_names_them() -> None:
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using v1', "field": ".data.x"}
    body = msgspec.json.encode({"kind": "Status", "reason": "Conflict", "details": {"causes": [cause]}})
    error = error_from(Response(409, {}, body))
    assert isinstance(error, Conflict)
    assert error.managers == [("kubectl", ".data.x")]


class Answering(FakeServer):
    """Gives one answer to everything."""

    def __init__(self, *answers: Response) -> None:
        super().__init__()
        self.answers = list(answers)

    async def request(self, request: Request) -> Response:
        self.requests.append(request)
        return self.answers.pop(0)


@pytest.mark.parametrize("body", [b"<html>", b"[]", b""])
def test_an_answer_that_is_no_object_is_no_answer(body: bytes) -> None:
    with pytest.raises(Unreachable, match="is this an API server"):
        run(Client(Answering(Response(200, {}, body))).get(CONFIG_MAPS, "a", "apps"))


def test_a_redirect_is_an_error() -> None:
    with pytest.raises(ApiError) as caught:
        run(Client(Answering(Response(302, {}, b""))).get(CONFIG_MAPS, "a", "apps"))
    assert caught.value.code == 302


def test_the_server_s_clock_is_noted() -> None:
    client = Client(Answering(Response(200, {"date": "Tue, 24 Nov 2026 10:00:05 GMT"}, b"{}")))
    run(client.get(CONFIG_MAPS, "a", "apps"))
    assert client.server_time == datetime(2026, 11, 24, 10, 0, 5, tzinfo=UTC)


def test_a_kind_is_looked_up_once_and_an_unknown_one_is_not_found() -> None:
    async def main() -> None:
        resources = [
            {"name": "things", "kind": "Thing", "namespaced": True},
            {"name": "things/status", "kind": "Thing", "namespaced": True},
        ]
        found = Response(200, {}, msgspec.json.encode({"resources": resources}))
        server = Answering(Response(200, {}, b'{"kind": "APIVersions"}'), found, found)
        client = Client(server)
        thing = await client.resource_for("a.b/v1", "Thing")
        assert thing.path("ns", "x", "status") == "/apis/a.b/v1/namespaces/ns/things/x/status"
        assert await client.resource_for("a.b/v1", "Thing") == thing
        assert [request.path for request in server.requests] == ["/api", "/apis/a.b/v1"]
        with pytest.raises(NotFound, match=r'no kind "Other" in "a\.b/v1"'):
            await client.resource_for("a.b/v1", "Other")

    run(main())
