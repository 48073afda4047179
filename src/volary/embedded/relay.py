"""A client's request carried to a service of the cluster, and its answer back: bytes pass through as they come.

Source: apimachinery util/proxy, UpgradeAwareHandler (headers that stay behind, words for a service that is not there).
"""

from __future__ import annotations

from contextlib import suppress

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from volary.embedded.api.answers import Proxy
from volary.embedded.api.errors import Problem
from volary.embedded.outside import Address

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 300.0  # between two pieces of an answer; a load test answers after it is done
AFTER_PROXY = 8  # parts of /api/v1/namespaces/N/services/S/proxy/, the empty first one too
# What the client did not say, the relay does not say for it.
UNSAID = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
# Of one line between two machines, or the API server's own business.
STAYS = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
     "upgrade", "host", "authorization", "content-length"}
)  # fmt: skip


async def relay(
    client: aiohttp.ClientSession, http: web.BaseRequest, target: Proxy, address: Address
) -> web.StreamResponse:
    """Send the request on and its answer back. Raises: Problem 503 when nobody answers."""
    host, port = address
    url = URL(f"{target.scheme}://{host}:{port}{raw_rest(http)}", encoded=True)
    try:
        async with client.request(
            http.method,
            url,
            headers=forwarded(http, target),
            data=http.content if http.can_read_body else None,
            allow_redirects=False,
            skip_auto_headers=UNSAID,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=ANSWER_SECONDS),
        ) as answer:
            return await send_back(http, answer)
    except (aiohttp.ClientError, TimeoutError, OSError) as why:
        raise Problem(503, "ServiceUnavailable", f"error trying to reach service: {why}") from why


def raw_rest(http: web.BaseRequest) -> str:
    """Return what follows /proxy in the request line, escaped as it came: reading it is the service's business."""
    path, mark, query = http.raw_path.partition("?")
    return "/" + "/".join(path.split("/")[AFTER_PROXY:]) + mark + query


def forwarded(http: web.BaseRequest, target: Proxy) -> CIMultiDict[str]:
    """Return the headers that go on to the service: all but the line's own and the API server's token."""
    found = CIMultiDict((name, value) for name, value in http.headers.items() if name.lower() not in STAYS)
    if http.content_length is not None:
        found["Content-Length"] = str(http.content_length)
    found["Host"] = f"{target.service}.{target.namespace}"
    found["X-Forwarded-For"] = ", ".join(filter(None, (http.headers.get("X-Forwarded-For"), http.remote)))
    found["X-Forwarded-Uri"] = http.raw_path.partition("?")[0]
    return found


async def send_back(http: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    headers = CIMultiDict((name, value) for name, value in answer.headers.items() if name.lower() not in STAYS)
    if "Content-Length" in answer.headers:
        headers["Content-Length"] = answer.headers["Content-Length"]
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    await response.prepare(http)
    with suppress(ConnectionError):  # the client went away
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
    return response
