"""A client's request carried to a service of the cluster, and its answer back: bytes pass through as they come.

Source: apimachinery util/proxy, UpgradeAwareHandler (headers that stay behind, words for a service that is not there).
"""

from __future__ import annotations

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from volary.embedded.api.answers import Proxy
from volary.embedded.api.errors import Problem
from volary.embedded.front.incoming import Incoming
from volary.embedded.front.pieces import Pieces
from volary.embedded.outside import Address

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 300.0  # between two pieces of an answer; a load test answers after it is done
AFTER_PROXY = 8  # parts of /api/v1/namespaces/N/services/S/proxy/, the empty first one too
# What the client did not say, the relay does not say for it.
UNSAID = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
# Of one line between two machines, or the API server's own business.
STAYS = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
     "upgrade", "host", "authorization", "content-length", "expect"}
)  # fmt: skip


async def relay(
    client: aiohttp.ClientSession, incoming: Incoming, target: Proxy, address: Address, pieces: Pieces
) -> None:
    """Send the request on and its answer back. Raises: Problem 503 when nobody answers, ConnectionError."""
    host, port = address
    url = URL(f"{target.scheme}://{host}:{port}{raw_rest(incoming)}", encoded=True)
    try:
        async with client.request(
            incoming.method,
            url,
            headers=forwarded(incoming, target),
            data=incoming.upload.pieces() if incoming.upload else None,
            allow_redirects=False,
            skip_auto_headers=UNSAID,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=ANSWER_SECONDS),
        ) as answer:
            await send_back(answer, pieces)
    except (aiohttp.ClientError, TimeoutError, OSError) as why:
        if pieces.status:  # half an answer is out: only the broken line can say that there is no more
            raise ConnectionResetError(str(why)) from why
        raise Problem(503, "ServiceUnavailable", f"error trying to reach service: {why}") from why


def raw_rest(incoming: Incoming) -> str:
    """Return what follows /proxy in the request line, escaped as it came: reading it is the service's business."""
    path, mark, query = incoming.target.raw.partition("?")
    return "/" + "/".join(path.split("/")[AFTER_PROXY:]) + mark + query


def forwarded(incoming: Incoming, target: Proxy) -> CIMultiDict[str]:
    """Return the headers that go on to the service: all but the line's own and the API server's token."""
    named = ((name.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for name, value in incoming.fields)
    found = CIMultiDict((name, value) for name, value in named if name.lower() not in STAYS)
    if incoming.length is not None:
        found["Content-Length"] = str(incoming.length)
    found["Host"] = f"{target.service}.{target.namespace}"
    found["X-Forwarded-For"] = ", ".join(filter(None, (incoming.headers.get("x-forwarded-for"), incoming.remote)))
    found["X-Forwarded-Uri"] = incoming.target.raw.partition("?")[0]
    return found


async def send_back(answer: aiohttp.ClientResponse, pieces: Pieces) -> None:
    headers = [(name, value) for name, value in answer.headers.items() if name.lower() not in STAYS]
    length = answer.headers.get("Content-Length")
    pieces.start(answer.status, headers, int(length) if length is not None else None, answer.reason or "")
    async for chunk in answer.content.iter_any():
        await pieces.write(chunk)
