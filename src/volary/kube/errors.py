"""What an API server, or the way to it, can answer instead of an object.

* KubeError
  - Unreachable      no answer: refused, timed out, reset, bad certificate. Nothing is known about the request
  - ApiError         a Status object came back
    + NotFound 404, AlreadyExists 409, Conflict 409, Invalid 422, Forbidden 403, Unauthorized 401
    + Expired 410    the resourceVersion asked for is too old
    + TooManyRequests 429 and ServerBusy 5xx: asking again may help

Source: Kubernetes API conventions, "Response Status Kind".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from volary.kube.transport import Response

LONGEST_AFTER = timedelta(minutes=5)  # a server that names a longer wait is asked all the same


class KubeError(Exception):
    """Base of all; its text is shown to users and never holds a secret."""


class Unreachable(KubeError):
    """No answer came; whether the server did what was asked is unknown."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason  # Refused | Timeout | Reset | CertificateInvalid | Failed


class ApiError(KubeError):
    """The server answered with a Status."""

    def __init__(self, status: Mapping[str, Any], after: timedelta | None = None) -> None:
        super().__init__(str(status.get("message") or status.get("reason") or "the server gave no reason"))
        self.code = code_of(status)
        self.reason = str(status.get("reason") or "")
        details = status.get("details")
        self.details: Mapping[str, Any] = details if isinstance(details, Mapping) else {}
        self.after = after  # Retry-After, where the server gave one


class NotFound(ApiError): ...


class AlreadyExists(ApiError): ...


class Conflict(ApiError):
    """The object changed meanwhile, or another manager owns a field."""

    @property
    def managers(self) -> list[tuple[str, str]]:
        """Return (manager, field path) for each conflict of field managers; empty for a stale resourceVersion."""
        causes = self.details.get("causes")
        return [
            ([*str(cause.get("message")).split('"'), ""][1], str(cause.get("field") or ""))
            for cause in (causes if isinstance(causes, list) else ())
            if isinstance(cause, Mapping) and cause.get("reason") == "FieldManagerConflict"
        ]


class Invalid(ApiError): ...


class Forbidden(ApiError): ...


class Unauthorized(ApiError): ...


class Expired(ApiError): ...


class TooManyRequests(ApiError): ...


class ServerBusy(ApiError): ...


BY_CODE: Mapping[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    422: Invalid,
    429: TooManyRequests,
}

# Server-side apply answers 500 to a value of a wrong type (structured-merge-diff); asking again never helps.
WRONG_TYPE = "failed to create typed patch object"


def error_from(response: Response) -> ApiError:
    """Return the typed error for an answer of status 400 or more."""
    try:
        status = msgspec.json.decode(response.body)
    except msgspec.DecodeError:
        status = None
    if not isinstance(status, dict) or status.get("kind") != "Status":
        text = response.body[:200].decode("utf-8", "replace").strip()
        status = {"message": text or f"HTTP {response.status}"}
    status = {**status, "code": response.status}
    after = retry_after(response.headers)
    if response.status == 500 and str(status.get("message") or "").startswith(WRONG_TYPE):
        status = {**status, "code": 422, "reason": "Invalid"}
        return Invalid(status)
    return error_class(response.status, status.get("reason"))(status, after)


def error_class(code: int, reason: object) -> type[ApiError]:
    """Return the class for a code and reason; a 409 is told apart by its reason."""
    if reason == "AlreadyExists":
        return AlreadyExists
    if code >= 500:
        return ServerBusy
    return BY_CODE.get(code, ApiError)


def code_of(status: Mapping[str, Any]) -> int:
    """Return the code of a Status, 0 where it holds none: what answered may be no API server."""
    code = status.get("code")
    return code if isinstance(code, int) else 0


def retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Return how long the server would have us wait, at most `LONGEST_AFTER`; None where it does not say."""
    text = headers.get("retry-after", "")
    if not text.isdecimal() or not text.isascii():
        return None
    return min(timedelta(seconds=int(text[:9])), LONGEST_AFTER)


def unreadable(path: str, what: str = "a JSON object") -> Unreachable:
    """Return the error for an answer that something other than an API server must have given."""
    return Unreachable("Failed", f"{path}: the answer is not {what}; is this an API server?")
