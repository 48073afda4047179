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
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import aiohttp
import msgspec

from volary.kube.credentials import Credential, NoCredentials, Now
from volary.kube.tls import context_for

T = TypeVar("T")

SPARE = timedelta(seconds=10)  # as client-go: a token this close to its end is not used any more
ANSWER_SECONDS = 30.0
LARGEST_ANSWER = 1 << 20
FORM = "application/x-www-form-urlencoded"


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


class Oidc:
    """An id token that is renewed shortly before its end and after a 401, once for all who wait."""

    def __init__(self, provider: Provider, now: Now, id_token: str, refresh_token: str) -> None:
        self.provider = provider
        self.now = now
        self._id_token = id_token
        self._refresh_token = refresh_token
        self._lock = asyncio.Lock()

    async def current(self) -> Credential:
        async with self._lock:
            if self.now() >= end_of(self._id_token) - SPARE:
                await self._renew()
            return Credential(self._id_token)

    def rejected(self, credential: Credential) -> bool:
        if credential.token == self._id_token:  # else another request has fetched a new one meanwhile
            self._id_token = ""
        return bool(self._refresh_token)

    async def _renew(self) -> None:
        """Raises: NoCredentials."""
        where = self.provider.where
        if not self._refresh_token:
            raise NoCredentials(f"{where}: the id-token is over and there is no refresh-token; log in again")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                made = await self._ask()
        except TimeoutError:
            raise NoCredentials(f"{where}: {self.provider.issuer} did not answer in {ANSWER_SECONDS:.0f} s") from None
        except (aiohttp.ClientError, OSError, ssl.SSLError) as error:
            raise NoCredentials(f"{where}: cannot reach {self.provider.issuer}: {type(error).__name__}") from None
        if not made.id_token:
            raise NoCredentials(f"{where}: {self.provider.issuer} gave no id_token; ask for the scope openid")
        self._id_token = made.id_token
        self._refresh_token = made.refresh_token or self._refresh_token

    async def _ask(self) -> _Tokens:
        provider = self.provider
        secure = context_for(provider.authority, True, b"", b"")
        connector = aiohttp.TCPConnector(ssl=secure, limit=1)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            url = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
            status, body = await answer_of(session.get(url, allow_redirects=False))
            endpoint = decoded(body, _Discovered, f"{provider.where}: {url} (HTTP {status})").token_endpoint
            if not is_safe(endpoint):
                raise NoCredentials(f"{provider.where}: {url} names no https token_endpoint")
            form = {"grant_type": "refresh_token", "refresh_token": self._refresh_token, "client_id": provider.client}
            if provider.secret:
                form["client_secret"] = provider.secret
            asking = session.post(endpoint, data=urlencode(form), headers={"content-type": FORM}, allow_redirects=False)
            status, body = await answer_of(asking)
            where = f"{provider.where}: {endpoint} (HTTP {status})"
            if status != 200:
                said = decoded(body, _Refusal, where).error[:80]
                raise NoCredentials(f"{where} refused the refresh-token{f': {said}' if said else ''}; log in again")
            return decoded(body, _Tokens, where)


async def answer_of(asking: aiohttp.client._RequestContextManager) -> tuple[int, bytes]:
    async with asking as answer:
        return answer.status, await answer.content.read(LARGEST_ANSWER)


def decoded(body: bytes, kind: type[T], where: str) -> T:
    """Return an answer's JSON. Raises: NoCredentials, without a word of it."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError:
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
    parts = urlsplit(url)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.netloc)))


def is_loopback(netloc: str) -> bool:
    return netloc.rpartition(":")[0] in ("127.0.0.1", "[::1]", "localhost")
