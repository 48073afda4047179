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
        self.code = int(status.get("code") or 0)
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
        causes = self.details.get("causes") or ()
        return [
            (cause["message"].split('"')[1] if '"' in cause.get("message", "") else "", cause.get("field", ""))
            for cause in causes
            if cause.get("reason") == "FieldManagerConflict"
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
    seconds = response.headers.get("retry-after", "")
    after = timedelta(seconds=int(seconds)) if seconds.isdigit() else None
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
