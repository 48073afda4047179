"""Which commit does a ref name? One HTTP request, without the git program: what a poll at rest costs.

Servers that do not speak protocol version 2, redirect, or answer oddly are asked through the git program instead.
Source: Git, `gitprotocol-v2`, command ls-refs; `gitprotocol-common`, pkt-line.
"""

from __future__ import annotations

from collections.abc import Iterator

import aiohttp

from volary.sources import Credentials, Source, SourceError
from volary.sources.credentials import authorization, tls_context

LARGEST_ANSWER = 1 << 20  # bytes; a few refs are asked for, not all
FLUSH, DELIMITER = b"0000", b"0001"


class NotVersionTwo(Exception):
    """The other end does not speak as hoped; nothing else is known."""


def packet(line: bytes) -> bytes:
    return b"%04x" % (len(line) + 4) + line


def question(ref: str) -> bytes:
    """Return the body that asks for the refs that begin with `ref`, tags peeled."""
    arguments = (b"peel\n", b"ref-prefix " + ref.encode() + b"\n")
    wishes = packet(b"command=ls-refs\n") + packet(b"agent=volary\n") + packet(b"object-format=sha1") + DELIMITER
    return wishes + b"".join(packet(argument) for argument in arguments) + FLUSH


def packets(answer: bytes) -> Iterator[bytes]:
    """Yield the lines of an answer. Raises: NotVersionTwo."""
    at = 0
    while at < len(answer):
        try:
            size = int(answer[at : at + 4], 16)
        except ValueError:
            raise NotVersionTwo from None
        if size >= 4:
            if at + size > len(answer):
                raise NotVersionTwo
            yield answer[at + 4 : at + size]
        at += max(size, 4)


def commits(answer: bytes) -> dict[str, str]:
    """Return full ref name -> commit; an annotated tag is peeled. Raises: NotVersionTwo."""
    found = {}
    for line in packets(answer):
        words = line.decode("utf-8", "replace").split()
        if len(words) < 2 or len(words[0]) != 40:
            raise NotVersionTwo
        peeled = [word.removeprefix("peeled:") for word in words[2:] if word.startswith("peeled:")]
        found[words[1]] = peeled[0] if peeled else words[0]
    return found


async def ask(session: aiohttp.ClientSession, source: Source, credentials: Credentials) -> dict[str, str]:
    """Return the commits of the refs that begin with the one asked for. Raises: SourceError, NotVersionTwo."""
    headers = {
        "content-type": "application/x-git-upload-pack-request",
        "accept": "application/x-git-upload-pack-result",
        "git-protocol": "version=2",
        "user-agent": "git/2.30 (volary)",  # some hosts answer only what calls itself git
    }
    header = authorization(credentials)
    if header:
        headers["authorization"] = header
    context = tls_context(credentials)
    try:
        async with session.post(
            source.url.rstrip("/") + "/git-upload-pack",
            data=question(source.ref.full.removesuffix("^{}")),
            headers=headers,
            ssl=context if context is not None else True,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=source.timeout_seconds),
        ) as response:
            check_status(source, response.status)
            if response.headers.get("content-type") != "application/x-git-upload-pack-result":
                raise NotVersionTwo
            return commits(await read_all(response))
    except (aiohttp.ClientError, OSError) as error:
        raise SourceError("GitOperationFailed", f"cannot reach {source.url}: {reason_of(error)}") from None
    except TimeoutError:
        message = f"{source.url} gave no answer within {source.timeout_seconds:g}s"
        raise SourceError("GitOperationFailed", message) from None


async def read_all(response: aiohttp.ClientResponse) -> bytes:
    answer = b""
    async for chunk in response.content.iter_chunked(1 << 16):
        answer += chunk
        if len(answer) > LARGEST_ANSWER:
            raise NotVersionTwo
    return answer


def check_status(source: Source, status: int) -> None:
    """Raise what a status other than 200 means; what only the git program may understand is NotVersionTwo."""
    if status in (401, 403):
        raise not_let_in(source.url)
    if status >= 500 or status == 429:
        raise SourceError("GitOperationFailed", f"{source.url} answered with HTTP {status}")
    if status != 200:
        raise NotVersionTwo


def not_let_in(url: str) -> SourceError:
    message = f"{url} does not let us in; check the user, password or token in the Secret that spec.secretRef names"
    return SourceError("AuthenticationFailed", message)


def reason_of(error: Exception) -> str:
    """Return the reason in a few words."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
        return "its certificate is not trusted; put the authority into the Secret as ca.crt"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "no such host"
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or "connection failed"
    return str(error) or type(error).__name__
