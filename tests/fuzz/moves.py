"""One random write each: what a move is, and how the next one is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

JSON = "application/json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class Move:
    """One request about one object.

    `edits`: the object is read, edited at these pointers and put back, as kubectl edit and controllers do. A text
    `$rv` or `$uid` in a body stands for what the object has at that server.
    """

    object: str  # its path
    kind: str  # for people: apply, merge, …
    method: str
    path: str
    content_type: str = JSON
    body: Any = None
    edits: tuple[tuple[str, Any], ...] | None = None  # (pointer, value); REMOVE takes away


REMOVE = "$remove"


class Subject(Protocol):
    """A kind of object that moves are about."""

    def next(self) -> Move: ...


def edited(obj: Any, edits: tuple[tuple[str, Any], ...]) -> Any:
    """Return the object after the edits; those whose place is not there are passed over. `obj` is changed."""
    for pointer, value in edits:
        *steps, last = pointer.strip("/").split("/")
        place = obj
        for step, following in zip(steps, [*steps[1:], last], strict=True):
            if isinstance(place, dict):
                place = place.setdefault(step, [] if following == "-" or following.isdigit() else {})
            elif isinstance(place, list) and step.isdigit() and int(step) < len(place):
                place = place[int(step)]
            else:
                place = None
        if isinstance(place, dict):
            if value == REMOVE:
                place.pop(last, None)
            else:
                place[last] = value
        elif isinstance(place, list) and (last == "-" or (last.isdigit() and int(last) <= len(place))):
            _edit_list(place, last, value)
    return obj


def _edit_list(place: list[Any], last: str, value: Any) -> None:
    if last == "-":
        place.append(value)
    elif value == REMOVE:
        del place[int(last) : int(last) + 1]
    else:
        place[int(last) : int(last) + 1] = [value]
