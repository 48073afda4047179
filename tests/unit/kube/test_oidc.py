"""OIDC tokens, from a provider on loopback: renewed before their end, once for all, and never shown."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from aiohttp import web

from volary.kube.credentials import NoCredentials
from volary.kube.oidc import Oidc, Provider, end_of

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


def jwt(minutes: float, name: str = "jane") -> str:
    claims = msgspec.json.encode({"exp": int((NOW + timedelta(minutes=minutes)).timestamp()), "sub": name})
    return f"eyJhbGciOiJub25lIn0.{base64.urlsafe_b64encode(claims).rstrip(b'=').decode()}.sig"


class Issuer:
    """Gives a token for each refresh token, which it takes once."""

    def __init__(self) -> None:
        self.url = ""
        self.forms: list[dict[str, str]] = []
        self.answer: web.Response | None = None
        self.instead: Callable[[web.Request], Awaitable[web.StreamResponse]] | None = None
        self.tokens = iter([{"id_token": jwt(60, "second"), "refresh_token": "r2"}, {"id_token": jwt(120, "third")}])

    async def configuration(self, request: web.Request) -> web.Response:
        return web.json_response({"issuer": self.url, "token_endpoint": f"{self.url}/token"})

    async def token(self, request: web.Request) -> web.StreamResponse:
        if self.instead is not None:
            return await self.instead(request)
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        return self.answer or web.json_response(next(self.tokens))


@contextlib.asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    issuer, app = Issuer(), web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.configuration)
    app.router.add_post("/token", issuer.token)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        issuer.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield issuer
    finally:
        await runner.cleanup()


def credentials(issuer: Issuer, token: str, refresh: str = "r1", now: list[datetime] | None = None) -> Oidc:
    moment = now or [NOW]
    provider = Provider('config: user "me"', issuer.url, "kubernetes", "cl1ent", b"")
    return Oidc(provider, lambda: moment[0], token, refresh)


def test_a_token_is_used_to_its_end_and_then_renewed_once_for_all_who_wait() -> None:
    async def main() -> None:
        async with issuing() as issuer:
            now = [NOW]
            made = credentials(issuer, jwt(5), now=now)
            assert (await made.current()).token == jwt(5)
            assert not issuer.forms
            now[0] = NOW + timedelta(minutes=4, seconds=55)
            found = await asyncio.gather(*[made.current() for _ in range(9)])
            assert {one.token for one in found} == {jwt(60, "second")}
            assert issuer.forms == [
                {"grant_type": "refresh_token", "refresh_token": "r1", "client_id": "kubernetes",
                 "client_secret": "cl1ent"}
            ]  # fmt: skip
            assert made.rejected(found[0])
            assert (await made.current()).token == jwt(120, "third")
            assert issuer.forms[-1]["refresh_token"] == "r2"
            assert made.rejected(found[0])  # of a token that is gone already
            assert (await made.current()).token == jwt(120, "third")

    asyncio.run(main())


def test_what_goes_wrong_is_said_without_a_secret() -> None:
    async def main() -> None:
        async with issuing() as issuer:
            issuer.answer = web.json_response({"error": "invalid_grant", "hint": "r1"}, status=400)
            await complains(credentials(issuer, ""), r"\(HTTP 400\) refused the refresh-token: invalid_grant; log in")
            issuer.answer = web.Response(text="<html>")
            await complains(credentials(issuer, ""), "did not answer with the JSON of OpenID Connect")
            issuer.answer = web.json_response({"access_token": "x"})
            await complains(credentials(issuer, ""), "gave no id_token; ask for the scope openid")
            await complains(credentials(issuer, "", ""), "there is no refresh-token; log in again")
        await complains(credentials(issuer, ""), "cannot reach http://127.0.0.1:")

    async def complains(made: Oidc, sentence: str) -> None:
        with pytest.raises(NoCredentials, match=sentence) as caught:
            await made.current()
        assert str(caught.value).startswith('config: user "me"')
        assert "r1" not in str(caught.value)
        assert "cl1ent" not in str(caught.value) + repr(made.provider)

    asyncio.run(main())


def test_a_token_endpoint_that_is_not_safe_is_never_sent_a_token() -> None:
    async def main() -> None:
        async with issuing() as issuer:
            made = credentials(issuer, "")
            issuer.url = "http://issuer.example"  # what its configuration says of itself
            with pytest.raises(NoCredentials, match="names no https token_endpoint"):
                await made.current()
            assert not issuer.forms

    asyncio.run(main())


@pytest.mark.parametrize("token", ["", "one", "a.b.c", "a.e30.c", "a.!!.c"])
def test_a_token_that_cannot_be_read_has_ended(token: str) -> None:
    assert end_of(token) < NOW


def test_an_answer_that_comes_in_pieces_is_read_to_its_end() -> None:
    async def main() -> None:
        async with issuing() as issuer:

            async def slowly(request: web.Request) -> web.StreamResponse:
                answer = web.StreamResponse()
                await answer.prepare(request)
                text = msgspec.json.encode({"id_token": jwt(60)})
                for piece in (text[:9], text[9:]):
                    await answer.write(piece)
                    await asyncio.sleep(0.05)
                return answer

            issuer.instead = slowly
            assert (await credentials(issuer, "").current()).token == jwt(60)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            web.Response(status=302, headers={"location": "http://127.0.0.1:1/elsewhere"}),
            r"\(HTTP 302\) did not answer with the JSON",
        ),
        ({"error": "r1 is no good"}, r"refused the refresh-token; log in again"),
        ({"error": "r1", "error_description": "r1"}, r"refused the refresh-token; log in again"),
    ],
)
def test_no_redirect_is_followed_and_no_echo_is_shown(answer: web.Response | dict[str, str], sentence: str) -> None:
    async def main() -> None:
        async with issuing() as issuer:

            async def refuses(request: web.Request) -> web.StreamResponse:
                if isinstance(answer, web.Response):
                    return answer
                return web.json_response(answer, status=400)

            issuer.instead = refuses
            made = credentials(issuer, "")
            for _ in range(3):
                with pytest.raises(NoCredentials, match=sentence) as caught:
                    await made.current()
                assert "r1" not in str(caught.value)

    asyncio.run(main())
