"""The HTTP front: who may ask, how much, and that every form of answer arrives."""

from __future__ import annotations

import asyncio
import gzip
import io
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest
import yaml

from tests.unit.embedded.server.parts import DATE, SERVICE, TOKEN, FakeApi, FakeOutside, FakeWatch, serving, session
from volary.embedded import feed
from volary.embedded.api.answers import Answer, Logs
from volary.embedded.api.auth.identity import User
from volary.embedded.audit import Event, Recorder
from volary.embedded.kubeconfig import write_kubeconfig
from volary.embedded.server import MOST_BODY_BYTES, Identity, Server
from volary.kube.transport import Request, Response

JSON = {"content-type": "application/json"}
PODS = "/api/v1/pods"


@pytest.mark.parametrize("header", ["Bearer wrong", f"Bearer {TOKEN}x", "Bearer ü", "bearer x"])
def test_with_a_wrong_token_nothing_is_asked(header: str) -> None:
    async def run() -> None:
        api = FakeApi()
        async with serving(api) as (server, _), session(server, {}) as stranger:
            answer = await stranger.get(PODS, headers={"Authorization": header})
            assert answer.status == 401
            assert (await answer.json())["reason"] == "Unauthorized"
        assert not api.asked

    asyncio.run(run())


@pytest.mark.parametrize("header", [None, "Basic correct-horse", "Bearer"])
def test_without_a_token_it_is_nobody_who_asks(header: str | None) -> None:
    async def run() -> None:
        api = FakeApi()
        async with serving(api) as (server, client), session(server, {}) as stranger:
            await stranger.get(PODS, headers={"Authorization": header} if header else {})
            await client.get(PODS)
        assert [it.name for it in api.users] == ["system:anonymous", "admin"]

    asyncio.run(run())


def test_health_needs_no_token() -> None:
    async def run() -> None:
        api = FakeApi({"/livez": Response(200, {"content-type": "text/plain"}, b"ok")})
        async with serving(api) as (server, _), session(server, {}) as stranger:
            assert await (await stranger.get("/livez")).text() == "ok"

    asyncio.run(run())


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_an_address_that_others_could_reach_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        asyncio.run(Server(FakeApi(), Identity(TOKEN)).start(0, host))


def test_a_request_arrives_as_it_was_sent() -> None:
    async def run() -> None:
        api = FakeApi({"/api/v1/a b/c": Response(201, JSON, b'{"a":1}')})
        async with serving(api) as (_, client):
            answer = await client.post("/api/v1/a%20b/c?x=1&x=2&y=", data=b"body", headers={"X-Some": "Thing"})
            assert (answer.status, await answer.read()) == (201, b'{"a":1}')
            assert answer.headers["Date"] == DATE
        (asked,) = api.asked
        assert (asked.method, asked.path, dict(asked.query)) == ("POST", "/api/v1/a b/c", {"x": "1", "y": ""})
        assert (asked.headers["x-some"], asked.body) == ("Thing", b"body")

    asyncio.run(run())


def test_head_is_get_without_the_body() -> None:
    async def run() -> None:
        async with serving(FakeApi({PODS: Response(200, JSON, b"12345")})) as (_, client):
            answer = await client.head(PODS)
            assert (answer.status, answer.headers["Content-Length"], await answer.read()) == (200, "5", b"")

    asyncio.run(run())


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused(chunked: bool) -> None:
    async def pieces() -> object:
        for _ in range(4):
            yield b"x" * (MOST_BODY_BYTES // 3)

    async def run() -> None:
        api = FakeApi()
        async with serving(api) as (_, client):
            answer = await client.post(PODS, data=pieces() if chunked else io.BytesIO(b"x" * (MOST_BODY_BYTES + 1)))
            assert answer.status == 413
            assert (await answer.json())["message"] == "Request entity too large: limit is 3145728"
        assert not api.asked

    asyncio.run(run())


def test_a_body_that_swells_is_refused_before_it_does() -> None:
    async def run() -> None:
        api = FakeApi({PODS: Response(201, JSON, b"{}")})
        async with serving(api) as (_, client):
            packed = {"Content-Encoding": "gzip"}
            swollen = gzip.compress(b"x" * (MOST_BODY_BYTES + 1))
            assert (await client.post(PODS, data=gzip.compress(b"small"), headers=packed)).status == 201
            for body, status in ((swollen, 413), (b"not gzip", 400)):
                answer = await client.post(PODS, data=body, headers=packed)
                assert answer.status == status
                assert (await answer.json())["kind"] == "Status"
        assert [it.body for it in api.asked] == [b"small"]

    asyncio.run(run())


def test_a_client_that_asks_before_it_sends_is_told_to_go_on() -> None:
    async def run() -> None:
        api = FakeApi({PODS: Response(201, JSON, b"{}")})
        async with serving(api) as (_, client):
            answer = await client.post(PODS, data=b"body", expect100=True)
            assert answer.status == 201
            await answer.read()

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_bug_is_an_internal_error_and_not_the_end(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(FakeApi):
        def handle(self, request: Request, user: User) -> Answer:
            raise KeyError("oops")

    async def run() -> None:
        async with serving(Broken()) as (_, client):
            for _ in range(2):
                answer = await client.get(PODS)
                assert (answer.status, (await answer.json())["reason"]) == (500, "InternalError")

    asyncio.run(run())
    assert "oops" in caplog.text


def test_a_large_answer_is_compressed_for_who_can_read_it() -> None:
    async def run() -> None:
        body = b"y" * 200_000
        async with serving(FakeApi({PODS: Response(200, JSON, body)})) as (server, _):
            async with session(server, unpack=False) as client:
                packed = await client.get(PODS, headers={"Accept-Encoding": "gzip"})
                plain = await client.get(PODS, headers={"Accept-Encoding": "identity"})
                assert gzip.decompress(await packed.read()) == await plain.read() == body

    asyncio.run(run())


def test_a_watch_goes_out_as_it_happens_and_ends_with_the_server() -> None:
    async def run() -> None:
        watch = FakeWatch()
        async with serving(FakeApi({PODS: watch})) as (server, client):
            answer = await client.get(PODS)
            assert await answer.content.readline() == b"first\n"
            assert watch.deliver
            watch.deliver(b"second\n")
            assert await answer.content.readline() == b"second\n"
            await server.close()
            assert await answer.content.read() == b""
        assert watch.closed

    asyncio.run(run())


def test_a_watch_is_closed_when_its_reader_goes() -> None:
    async def run() -> None:
        watch = FakeWatch()
        async with serving(FakeApi({PODS: watch})) as (_, client):
            answer = await client.get(PODS)
            await answer.content.readline()
            answer.close()
            while watch.deliver:
                watch.deliver(b"more\n")
                await asyncio.sleep(0)
        assert watch.closed

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_reader_that_does_not_read_loses_its_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MOST_BYTES", 1 << 16)

    async def run() -> None:
        watch = FakeWatch(first=())
        async with serving(FakeApi({PODS: watch})) as (_, client):
            answer = await client.get(PODS)
            while watch.deliver:
                watch.deliver(b"z" * 10_000)
                await asyncio.sleep(0)
            with pytest.raises(aiohttp.ClientError):
                await answer.content.read()
            answer.close()

    asyncio.run(asyncio.wait_for(run(), 10))


def test_logs_are_text() -> None:
    async def run() -> None:
        path = "/api/v1/namespaces/test/pods/p/log"
        async with serving(FakeApi({path: Logs("test", "p", "c", {})}), FakeOutside()) as (_, client):
            answer = await client.get(path)
            assert (answer.content_type, await answer.text()) == ("text/plain", "p/c says hello\n")

    asyncio.run(run())


def test_every_request_is_in_the_audit_log_a_watch_twice() -> None:
    async def run() -> list[Event]:
        events: list[Event] = []
        audit = Recorder(events.append, lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda: "id")
        api = FakeApi({PODS: FakeWatch(), "/version": Response(200, JSON, b"{}")})
        async with serving(api, audit=audit) as (_, client):
            await (await client.get("/version", headers={"User-Agent": "one/1"})).read()
            async with client.get(PODS, params={"watch": "true"}) as watching:
                await watching.content.readline()
                await (await client.get(f"{SERVICE}/metrics")).read()
        return events

    events = asyncio.run(run())
    assert [(it["verb"], it["stage"], it["responseStatus"]["code"]) for it in events] == [
        ("get", "ResponseComplete", 200),
        ("watch", "ResponseStarted", 200),
        ("get", "ResponseComplete", 503),
        ("watch", "ResponseComplete", 200),
    ]
    assert events[0]["userAgent"] == "one/1"


def test_the_kubeconfig_has_a_context_for_each_cluster_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"

    async def run() -> None:
        servers = {name: Server(FakeApi(), Identity(f"token-{name}")) for name in ("hub", "west")}
        for server in servers.values():
            await server.start()
        write_kubeconfig(path, servers)
        for server in servers.values():
            await server.close()

    asyncio.run(run())
    config = yaml.safe_load(path.read_text())
    assert [it["name"] for it in config["contexts"]] == ["hub", "west"]
    assert config["users"][1]["user"]["token"] == "token-west"
    assert config["clusters"][1]["cluster"]["server"].startswith("https://127.0.0.1:")
    assert path.stat().st_mode & 0o777 == 0o600


def test_nobody_else_s_certificate_is_trusted() -> None:
    async def run() -> None:
        async with serving(FakeApi()) as (one, _), serving(FakeApi()) as (other, _):
            other.url = one.url
            async with session(other) as client:
                with pytest.raises(aiohttp.ClientConnectorCertificateError):
                    await client.get("/version")

    asyncio.run(run())
