"""Prometheus and whatever speaks its query API: one instant query, one number.

The server's own clock is the time of the query: ours may be wrong, and then would ask about another hour.
Source: Prometheus HTTP API v1.
"""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from volary.providers.metrics.reading import CannotRead, NoData
from volary.runtime.http import HttpRequest, HttpResponse

TIMEOUT_SECONDS = 5.0
MOST_SHOWN = 200  # characters of a server's complaint in ours


def request(server: str, query: str) -> HttpRequest:
    """Return the request for one instant query; `server` is the URL below which /api/v1 lies."""
    parts = urlsplit(server)
    path = f"{parts.path.rstrip('/')}/api/v1/query"
    url = urlunsplit((parts.scheme, parts.netloc, path, f"query={quote(query, safe='')}", ""))
    return HttpRequest("GET", url, {"accept": "application/json"}, timeout_seconds=TIMEOUT_SECONDS)


def read(response: HttpResponse) -> float | NoData:
    """Return the number, or NoData for an empty result or a NaN. Raises: CannotRead."""
    if response.status >= 400:
        raise CannotRead(f"error response: Status {response.status}: {shown(response.body)}")
    try:
        document = msgspec.json.decode(response.body)
        data = document["data"]
        if document.get("status") != "success":
            raise CannotRead(f"error response: {document.get('error') or 'status is not success'}")
        return value_of(data["resultType"], data["result"])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise CannotRead(f"not an answer of Prometheus: {shown(response.body)}") from None


def value_of(kind: str, result: Any) -> float | NoData:
    """Return the value of a scalar, or the last one of a vector."""
    if kind == "matrix":
        raise CannotRead("query returned multiple values")
    if kind == "vector":
        if not result:
            return NoData()
        result = result[-1]["value"]
    value = float(result[1])
    return NoData() if math.isnan(value) else value


def shown(body: bytes) -> str:
    """Return the beginning of a body, on one line."""
    text = " ".join(body[: MOST_SHOWN * 4].decode("utf-8", "replace").split())
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
