"""What a request can end in instead of an object: a `Problem`, which becomes a Status.

Clients branch on code, reason and the reasons of causes, people read the message: all four are the server's own.

Source: apimachinery, api/errors and util/validation/field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

OMITTED = object()  # a bad value that the message does not repeat

PHRASES = {
    "FieldValueNotFound": "Not found",
    "FieldValueRequired": "Required value",
    "FieldValueDuplicate": "Duplicate value",
    "FieldValueInvalid": "Invalid value",
    "FieldValueNotSupported": "Unsupported value",
    "FieldValueForbidden": "Forbidden",
    "FieldValueTooLong": "Too long",
    "FieldValueTooMany": "Too many",
    "FieldValueTypeInvalid": "Invalid value",
}
WITHOUT_VALUE = {"FieldValueRequired", "FieldValueForbidden", "FieldValueTooLong"}


class Problem(Exception):
    """A refusal. `details` None leaves them out of the Status; {} sends them empty."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.headers = dict(headers or {})

    def status(self) -> dict[str, Any]:
        """Return the Status that a client gets."""
        status: dict[str, Any] = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        status["message"] = self.message
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = dict(self.details)
        return status | {"code": self.code}


class PlainNotFound(Problem):
    """A path that nobody serves; the answer is plain text, as the server's outermost handler gives it."""

    def __init__(self) -> None:
        super().__init__(404, "NotFound", "404 page not found")


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field."""

    reason: str  # FieldValueInvalid, FieldValueRequired, ...
    field: str
    detail: str = ""
    value: Any = OMITTED

    @property
    def body(self) -> str:
        """Return the message without the name of the field."""
        text = PHRASES[self.reason]
        if self.reason not in WITHOUT_VALUE and self.value is not OMITTED:
            text += ": " + show(self.value)
        return f"{text}: {self.detail}" if self.detail else text

    def cause(self) -> dict[str, str]:
        return {"reason": self.reason, "message": self.body, "field": self.field}


def show(value: Any) -> str:
    """Return a value as messages show it."""
    return msgspec.json.encode(value).decode()


def required(field: str, detail: str = "") -> FieldError:
    return FieldError("FieldValueRequired", field, detail)


def invalid(field: str, value: Any, detail: str) -> FieldError:
    return FieldError("FieldValueInvalid", field, detail, value)


def unsupported(field: str, value: Any, supported: Iterable[str]) -> FieldError:
    detail = "supported values: " + ", ".join(f'"{it}"' for it in supported)
    return FieldError("FieldValueNotSupported", field, detail, value)


def forbidden_field(field: str, detail: str) -> FieldError:
    return FieldError("FieldValueForbidden", field, detail)


def duplicate(field: str, value: Any) -> FieldError:
    return FieldError("FieldValueDuplicate", field, "", value)


def not_found_field(field: str, value: Any) -> FieldError:
    return FieldError("FieldValueNotFound", field, "", value)


def details_of(name: str, group: str, kind: str, causes: Sequence[Mapping[str, str]] = ()) -> dict[str, Any]:
    """Return the details of a Status, without what is empty."""
    found: dict[str, Any] = {"name": name, "group": group, "kind": kind, "causes": list(causes)}
    return {key: value for key, value in found.items() if value}


def qualified(plural: str, group: str) -> str:
    """Return PLURAL.GROUP, or KIND.GROUP, as messages name it."""
    return f"{plural}.{group}" if group else plural


def not_found(group: str, plural: str, name: str) -> Problem:
    message = f'{qualified(plural, group)} "{name}" not found'
    return Problem(404, "NotFound", message, details_of(name, group, plural))


def already_exists(group: str, plural: str, name: str) -> Problem:
    message = f'{qualified(plural, group)} "{name}" already exists'
    return Problem(409, "AlreadyExists", message, details_of(name, group, plural))


def conflict(group: str, plural: str, name: str, why: str) -> Problem:
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return Problem(409, "Conflict", message, details_of(name, group, plural))


def forbidden(group: str, plural: str, name: str, why: str, causes: Sequence[Mapping[str, str]] = ()) -> Problem:
    subject = f'{qualified(plural, group)} "{name}"' if name else qualified(plural, group)
    return Problem(403, "Forbidden", f"{subject} is forbidden: {why}", details_of(name, group, plural, causes))


UNAUTHORIZED = Problem(401, "Unauthorized", "Unauthorized")  # for credentials that are no good


def bad_request(message: str) -> Problem:
    return Problem(400, "BadRequest", message)


def internal(message: str) -> Problem:
    causes = [{"message": message}]
    return Problem(500, "InternalError", f"Internal error occurred: {message}", {"causes": causes})


def unexpected(message: str) -> Problem:
    """Return what a plain Go error becomes: 500 and its text, no reason."""
    return Problem(500, "", message)


def no_such_path() -> Problem:
    return Problem(404, "NotFound", "the server could not find the requested resource", {})


def not_allowed() -> Problem:
    message = "the server does not allow this method on the requested resource"
    return Problem(405, "MethodNotAllowed", message, {})


def not_implemented(what: str) -> Problem:
    return Problem(501, "NotImplemented", f"the embedded API server does not implement {what}", {})


def unsupported_media(accepted: Iterable[str]) -> Problem:
    message = "the body of the request was in an unknown format - accepted media types include: " + ", ".join(accepted)
    return Problem(415, "UnsupportedMediaType", message)


def expired(message: str) -> Problem:
    return Problem(410, "Expired", message)


def unprocessable() -> Problem:
    return Problem(422, "Invalid", "the server rejected our request due to an error in our request", {})


def invalid_object(group: str, kind: str, name: str, errors: Sequence[FieldError]) -> Problem:
    """Return the 422 for an object with these field errors."""
    texts = list(dict.fromkeys(f"{error.field}: {error.body}" for error in errors))
    listed = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    message = f'{qualified(kind, group)} "{name}" is invalid: {listed}'
    return Problem(422, "Invalid", message, details_of(name, group, kind, [error.cause() for error in errors]))
