"""The kubeconfig's `auth-provider: oidc`: an id token, and a refresh token that buys the next one.

New tokens stay in this process: a kubeconfig is its owner's and is never written. A provider that hands out a new
refresh token each time, and takes each only once, therefore wants an exec plugin such as kubelogin instead, or kubectl
and this program would rob each other.
Source: client-go `plugin/pkg/client/auth/oidc`; OpenID Connect Discovery 1.0; RFC 6749, section 6.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode

import aiohttp
import msgspec

from volary.kube.credentials import Credential, NoCredentials, Now, Renewed, usable
from volary.kube.proxies import is_loopback, proxy_for, split
from volary.kube.tls import context_for

T = TypeVar("T")

SPARE = timedelta(seconds=10)  # as client-go: a token this close to its end is not used any more
ANSWER_SECONDS = 20.0  # less than a request has, so that we can tell who did not answer
LARGEST_ANSWER = 1 << 20
FORM = "application/x-www-form-urlencoded"
WORD = re.compile(r"[a-z_]{1,40}")  # RFC 6749's errors; what is none may be an echo of what we sent


@dataclass(frozen=True, slots=True)
class Provider:
    """Where tokens come from, and as which client we ask."""

    where: str  # the entry of the kubeconfig, for sentences
    issuer: str
    client: str
    secret: str = field(default="", repr=False)
    authority: bytes = field(default=b"", repr=False)  # PEM; empty: the authorities that this computer trusts


class _Discovered(msgspec.Struct):
    token_endpoint: str = ""


class _Tokens(msgspec.Struct):
    id_token: str = ""
    refresh_token: str = ""


class _Refusal(msgspec.Struct):
    error: str = ""


class _Claims(msgspec.Struct):
    exp: float = 0.0


class Oidc(Renewed):
    """An id token, renewed by a refresh token."""

    def __init__(self, provider: Provider, now: Now, id_token: str, refresh_token: str) -> None:
        super().__init__(now, SPARE)
        self.provider = provider
        self._credential, self._expires = Credential(id_token), end_of(id_token)
        self._refresh_token = refresh_token

    def rejected(self, credential: Credential) -> bool:
        return bool(self._refresh_token) and super().rejected(credential)

    async def fetch(self) -> tuple[Credential, datetime | None]:
        where = self.provider.where
        if not self._refresh_token:
            raise NoCredentials(f"{where}: the id-token is over and there is no refresh-token; log in again")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                made = await self._ask()
        except TimeoutError:
            raise NoCredentials(f"{where}: {self.provider.issuer} did not answer in {ANSWER_SECONDS:.0f} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoCredentials(f"{where}: cannot reach {self.provider.issuer}: {type(error).__name__}") from None
        if not made.id_token:
            raise NoCredentials(f"{where}: {self.provider.issuer} gave no id_token; ask for the scope openid")
        usable(made.id_token, f"{where}: {self.provider.issuer}")
        self._refresh_token = made.refresh_token or self._refresh_token
        return Credential(made.id_token), end_of(made.id_token)

    async def _ask(self) -> _Tokens:
        provider = self.provider
        secure = context_for(provider.authority, True, b"", b"")
        connector = aiohttp.TCPConnector(ssl=secure, limit=1)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            url = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            status, body = await answer_of(session.get(url, allow_redirects=False, proxy=proxy_for(url) or None))
            endpoint = decoded(body, _Discovered, f"{provider.where}: {url} (HTTP {status})").token_endpoint
            if not is_safe(endpoint):
                raise NoCredentials(f"{provider.where}: {url} names no https token_endpoint")
            form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token, "client_id": provider.client}
            if provider.secret:
                form["client_secret"] = provider.secret
            sent, headers = urlencode(form), {"content-type": FORM}
            way = proxy_for(endpoint) or None
            asking = session.post(endpoint, data=sent, headers=headers, allow_redirects=False, proxy=way)
            status, body = await answer_of(asking)
            where = f"{provider.where}: {endpoint} (HTTP {status})"
            if status != 200:
                said = decoded(body, _Refusal, where).error
                said = said if WORD.fullmatch(said) else ""
                raise NoCredentials(f"{where} refused the refresh-token{f': {said}' if said else ''}; log in again")
            return decoded(body, _Tokens, where)


async def answer_of(asking: aiohttp.client._RequestContextManager) -> tuple[int, bytes]:
    """Return a whole answer, or as much of it as anybody needs."""
    body = bytearray()
    async with asking as answer:
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                break
        return answer.status, bytes(body)


def decoded(body: bytes, kind: type[T], where: str) -> T:
    """Return an answer's JSON. Raises: NoCredentials, without a word of it."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise NoCredentials(f"{where} did not answer with the JSON of OpenID Connect") from None


def end_of(token: str) -> datetime:
    """Return when an id token ends, by its own word; one that cannot be read has ended long ago."""
    try:
        payload = token.split(".")[1]
        claims = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        return datetime.fromtimestamp(msgspec.json.decode(claims, type=_Claims).exp, UTC)
    except (IndexError, binascii.Error, msgspec.MsgspecError, OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC)


def is_safe(url: str) -> bool:
    """May a secret be sent there?"""
    try:
        parts = split(url)
    except ValueError:
        return False
    host = parts.hostname or ""
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
