"""The HTTPS transport against real servers on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from volary.kube.client import Client
from volary.kube.credentials import Credential, Credentials, Fixed
from volary.kube.errors import Unauthorized, Unreachable
from volary.kube.guarded import Guarded
from volary.kube.http import HttpTransport
from volary.kube.kubeconfig import Access
from volary.kube.resources import CONFIG_MAPS
from volary.kube.transport import Request

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@contextlib.asynccontextmanager
async def serving(answer: Answer, secure: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve on loopback; give the port."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=secure).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def transport(port: int, credentials: Credentials | None = None) -> AsyncIterator[HttpTransport]:
    made = HttpTransport(Access(f"http://127.0.0.1:{port}", credentials or Fixed(Credential("t0ken"))))
    try:
        yield made
    finally:
        await made.close()


async def echo(request: web.Request) -> web.Response:
    return web.json_response(
        {
            "method": request.method,
            "target": request.raw_path,
            "token": request.headers.get("authorization"),
            "agent": request.headers.get("user-agent"),
            "body": await request.text(),
        },
        headers={"Retry-After": "7"},
    )


def test_a_request_arrives_as_it_was_meant() -> None:
    async def main() -> None:
        async with serving(echo) as port, transport(port) as made:
            request = Request(
                "PATCH",
                "/apis/a/v1/system:x y/100%/ä",
                {"labelSelector": "a in (b,c)", "q": "1+1&2"},
                {"user-agent": "volary/1", "content-type": "application/json"},
                b"{}",
            )
            response = await made.request(request)
            assert response.status == 200
            assert response.headers["retry-after"] == "7"
            seen = msgspec.json.decode(response.body)
            assert seen["target"] == "/apis/a/v1/system:x%20y/100%25/%C3%A4?labelSelector=a+in+%28b%2Cc%29&q=1%2B1%262"
            assert (seen["method"], seen["body"], seen["agent"]) == ("PATCH", "{}", "volary/1")
            assert seen["token"] == "Bearer t0ken"

    asyncio.run(main())


def test_a_stream_gives_each_chunk_as_it_comes_and_ends_with_the_server() -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for line in (b'{"a":1}\n', b'{"b"', b":2}\n"):
            await response.write(line)
            await asyncio.sleep(0.01)
        return response

    async def main() -> bytes:
        async with serving(slow) as port, transport(port) as made:
            async with made.stream(Request("GET", "/watch", timeout_seconds=5)) as stream:
                assert stream.status == 200
                return b"".join([chunk async for chunk in stream.chunks()])

    assert asyncio.run(main()) == b'{"a":1}\n{"b":2}\n'


async def never(request: web.Request) -> web.Response:
    await asyncio.sleep(600)
    return web.Response()


async def cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    response.content_length = 1000
    await response.prepare(request)
    await response.write(b"half")
    assert request.transport is not None
    request.transport.abort()
    return response


async def silent(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"\n")
    await asyncio.sleep(600)
    return response


async def read_all(made: HttpTransport, request: Request, streaming: bool) -> None:
    if not streaming:
        await made.request(request)
        return
    async with made.stream(request) as stream:
        async for _ in stream.chunks():
            pass


async def failure(made: HttpTransport, streaming: bool, seconds: float) -> Unreachable:
    request = Request("GET", "/api", headers={"x": "s3cret"}, timeout_seconds=seconds)
    with pytest.raises(Unreachable) as caught:
        await read_all(made, request, streaming)
    assert "t0ken" not in str(caught.value)
    assert "s3cret" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("answer", "streaming", "reason"),
    [
        (never, False, "Timeout"),
        (never, True, "Timeout"),
        (silent, False, "Timeout"),
        (silent, True, "Timeout"),
        (cut, False, "Reset"),
        (cut, True, "Reset"),
    ],
)
def test_a_broken_or_silent_line_is_unreachable(answer: Answer, streaming: bool, reason: str) -> None:
    async def main() -> Unreachable:
        async with serving(answer) as port, transport(port) as made:
            return await failure(made, streaming, 0.2 if reason == "Timeout" else 5)

    assert asyncio.run(main()).reason == reason


def test_impersonation_goes_with_every_request_and_large_answers_come_whole() -> None:
    pages = [b"x" * size for size in (300_000, 700_000, 400_000)]

    async def answering(request: web.Request) -> web.StreamResponse:
        assert request.headers.getall("Impersonate-Group") == ["dev", "ops"]
        stream = web.StreamResponse()  # as real servers send large lists: of unknown length
        await stream.prepare(request)
        await stream.write(pages[int(request.query["continue"])])
        return stream

    async def main() -> None:
        headers = (("Impersonate-User", "jane"), ("Impersonate-Group", "dev"), ("Impersonate-Group", "ops"))
        async with serving(answering) as port:
            made = HttpTransport(Access(f"http://127.0.0.1:{port}", impersonation=headers))
            buffer = bytearray()
            for number, page in enumerate(pages):
                response = await made.request(Request("GET", "/", {"continue": str(number)}, buffer=buffer))
                assert response.body == page
                assert id(response.body) == id(buffer)
                assert (await made.request(Request("GET", "/", {"continue": str(number)}))).body == page
            await made.close()

    asyncio.run(main())


def test_a_new_certificate_gets_new_connections_and_what_is_under_way_ends_on_the_old() -> None:
    class Rotating(Fixed):
        certificate = b""

        async def current(self) -> Credential:
            return Credential("t", self.certificate)

    async def main() -> None:
        rotating, begun, going_on = Rotating(Credential()), asyncio.Event(), asyncio.Event()

        async def slowly(request: web.Request) -> web.StreamResponse:
            if request.path == "/slow":
                begun.set()
                await going_on.wait()
            return web.Response(text="done")

        async with serving(slowly) as port, transport(port, rotating) as made, asyncio.TaskGroup() as group:
            slow = group.create_task(made.request(Request("GET", "/slow")))
            await begun.wait()
            old = made._pool
            assert old is not None
            rotating.certificate = b"new"
            assert (await made.request(Request("GET", "/"))).body == b"done"
            assert not old.session.closed
            going_on.set()
            assert (await slow).body == b"done"
            assert old.session.closed

    asyncio.run(main())


def test_a_port_where_nobody_listens_is_refused() -> None:
    async def main() -> tuple[int, Unreachable]:
        async with serving(echo) as port:
            pass
        async with transport(port) as made:
            return port, await failure(made, False, 5)

    port, error = asyncio.run(main())
    assert (error.reason, str(error)) == ("Refused", f"127.0.0.1:{port}: connection refused")


class Rotating:
    """Credentials that are replaced after each rejection."""

    def __init__(self) -> None:
        self.number = 1

    async def current(self) -> Credential:
        return Credential(f"token-{self.number}")

    def rejected(self, credential: Credential) -> bool:
        self.number += 1
        return True


@pytest.mark.parametrize("streaming", [False, True])
def test_after_401_fresh_credentials_are_tried_once(streaming: bool) -> None:
    seen: list[str] = []

    async def second_only(request: web.Request) -> web.Response:
        seen.append(request.headers["authorization"])
        return web.json_response({"metadata": {}}, status=200 if seen[-1] == "Bearer token-2" else 401)

    async def main() -> int:
        async with serving(second_only) as port, transport(port, Rotating()) as made:
            if not streaming:
                return (await made.request(Request("GET", "/"))).status
            async with made.stream(Request("GET", "/")) as stream:
                return stream.status

    assert asyncio.run(main()) == 200
    assert seen == ["Bearer token-1", "Bearer token-2"]


def test_a_token_that_stays_rejected_is_unauthorized_after_one_more_try() -> None:
    seen: list[str] = []

    async def nobody(request: web.Request) -> web.Response:
        seen.append(request.headers["authorization"])
        return web.json_response({"kind": "Status", "message": "Unauthorized"}, status=401)

    async def main() -> None:
        async with serving(nobody) as port, transport(port, Rotating()) as made:
            with pytest.raises(Unauthorized):
                await Client(made).get(CONFIG_MAPS, "a", "b")

    asyncio.run(main())
    assert len(seen) == 2


def test_watches_do_not_take_the_places_of_requests_and_places_are_few() -> None:
    busy, most = 0, 0

    async def count(request: web.Request) -> web.StreamResponse:
        nonlocal busy, most
        if request.path == "/watch":
            return await silent(request)
        busy, most = busy + 1, max(most, busy + 1)
        await asyncio.sleep(0.01)
        busy -= 1
        return web.Response()

    async def main() -> None:
        async with serving(count) as port, contextlib.AsyncExitStack() as stack:
            inner = HttpTransport(Access(f"http://127.0.0.1:{port}"))
            made = Guarded(inner, random.Random(1), requests_at_once=3)
            stack.push_async_callback(made.close)
            for _ in range(5):
                await stack.enter_async_context(made.stream(Request("GET", "/watch")))
            answers = await asyncio.gather(*[made.request(Request("GET", "/")) for _ in range(12)])
            assert [answer.status for answer in answers] == [200] * 12

    asyncio.run(main())
    assert most == 3


def openssl(folder: Path, *args: str) -> None:
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a server certificate for "kube" and one for a client."""
    if shutil.which("openssl") is None:
        pytest.skip("the openssl program makes the certificates of this test, and it is not here")
    folder = tmp_path_factory.mktemp("pki")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl(folder, "req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=authority")
    for name in ("server", "client"):
        openssl(folder, "req", *curve, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "names").write_text("subjectAltName=DNS:kube\n")
        sign = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names", "-days", "2"]
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", *sign, "-out", f"{name}.crt")
    return folder


def secure_server(pki: Path, want_client: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.crt", pki / "server.key")
    if want_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(pki / "ca.crt")
    return context


async def over_tls(pki: Path, want_client: bool, credential: Credential, **options: object) -> int:
    async with serving(echo, secure_server(pki, want_client)) as port:
        made = HttpTransport(Access(f"https://127.0.0.1:{port}", Fixed(credential), **options))  # type: ignore[arg-type]
        try:
            return (await made.request(Request("GET", "/version", timeout_seconds=10))).status
        finally:
            await made.close()


def test_tls_checks_the_server_by_its_authority_and_name_and_shows_our_certificate(pki: Path) -> None:
    authority = (pki / "ca.crt").read_bytes()
    mine = Credential("", (pki / "client.crt").read_bytes(), (pki / "client.key").read_bytes())
    assert asyncio.run(over_tls(pki, True, mine, authority=authority, server_name="kube")) == 200
    assert asyncio.run(over_tls(pki, False, Credential(), verify=False)) == 200


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"server_name": "kube"},
            "its certificate is not trusted: self-signed certificate in|unable to get local issuer",
        ),
        ({"authority": True}, "its certificate is not trusted: IP address mismatch"),
        ({"authority": b"damaged"}, "a certificate or key of the kubeconfig is damaged"),
    ],
)
def test_a_server_that_cannot_be_trusted_is_not_talked_to(pki: Path, options: dict[str, object], words: str) -> None:
    if options.get("authority") is True:
        options = {"authority": (pki / "ca.crt").read_bytes()}
    with pytest.raises(Unreachable, match=words) as caught:
        asyncio.run(over_tls(pki, False, Credential("t0ken"), **options))
    assert caught.value.reason == "CertificateInvalid"
