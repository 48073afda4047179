"""Functions that Kubernetes adds to CEL: lists and regular expressions, and `string` of its own types.

Source: Kubernetes, apiserver/pkg/cel/library; cel-go, common/types (texts of conversions).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from volary.embedded.api.cel.functions import Failed, Function, kind_of, plain, text_of
from volary.embedded.api.cel.library_formats import FORMATS
from volary.embedded.api.cel.library_network import NETWORK
from volary.embedded.api.cel.library_numbers import NUMBERS
from volary.embedded.api.text.go_regex import mistake, pattern

ITEMS = ("string", "int", "uint", "double", "bool", "bytes", "map", "list", "duration", "timestamp", "null")


def is_sorted(items: list[Any]) -> bool:
    return all(one <= other for one, other in pairwise(items))


def total(items: list[Any]) -> Any:
    return sum(items)


def chosen(which: Callable[[list[Any]], Any], name: str) -> Callable[[list[Any]], Any]:
    def choose(items: list[Any]) -> Any:
        if not items:
            raise Failed(f"{name} called on empty list")
        return which(items)

    return choose


def equal(one: Any, other: Any) -> bool:
    """Compare as CEL does: numbers of any type with each other, a boolean with booleans only."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def first_at(items: list[Any], wanted: Any) -> int:
    return next((at for at, item in enumerate(items) if equal(item, wanted)), -1)


def last_at(items: list[Any], wanted: Any) -> int:
    return next((at for at in range(len(items) - 1, -1, -1) if equal(items[at], wanted)), -1)


def text_at(text: str, part: str, start: int = 0) -> int:
    return text.find(part, start)


def last_text_at(text: str, part: str, start: int | None = None) -> int:
    return text.rfind(part) if start is None else text.rfind(part, 0, start + len(part))


def part(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    for at in (start, stop):
        if not 0 <= at <= len(text):
            raise Failed(f"index out of range: {at}")
    if start > stop:
        raise Failed(f"invalid substring range. start: {start}, end: {stop}")
    return text[start:stop]


def expression(text: str) -> re.Pattern[str]:
    try:
        return pattern(text)
    except re.error as error:
        raise Failed(f"Illegal regex: {mistake(text, error)}") from error


def find(text: str, wanted: str) -> str:
    found = expression(wanted).search(text)
    return found[0] if found else ""


def find_all(text: str, wanted: str, most: int = -1) -> list[str]:
    found = [it[0] for it in expression(wanted).finditer(text)]
    return found if most < 0 else found[:most]


def float_text(value: float) -> str:
    """Return a number as Go prints it."""
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    return repr(value)


def time_text(value: datetime) -> str:
    text = value.astimezone(UTC).isoformat().removesuffix("+00:00")
    return (text.rstrip("0") if "." in text else text) + "Z"


def duration_text(value: timedelta) -> str:
    return float_text(value.total_seconds()) + "s"


def type_text(value: Any) -> str:
    kind = kind_of(value)
    if kind in ("ip", "cidr"):
        return text_of(kind, value)
    raise Failed("no such overload")


TO_STRING: dict[str, Callable[[Any], str]] = {
    "string": lambda it: str(it),
    "int": lambda it: str(it),
    "uint": lambda it: str(it),
    "double": float_text,
    "bool": lambda it: "true" if it else "false",
    "bytes": lambda it: bytes(it).decode("utf-8", "replace"),
    "timestamp": time_text,
    "duration": duration_text,
    "map": type_text,
}

LISTS = (
    Function("isSorted", ("list",), "bool", is_sorted),
    Function("sum", ("list",), "dyn", total),
    Function("min", ("list",), "dyn", chosen(min, "min")),
    Function("max", ("list",), "dyn", chosen(max, "max")),
    *(Function("indexoF", ("list", kind), "int", first_at) for kind in ITEMS),
    *(Function("lastIndexoF", ("list", kind), "int", last_at) for kind in ITEMS),
)
TEXTS = (
    Function("indexoF", ("string", "string"), "int", text_at),
    Function("indexoF", ("string", "string", "int"), "int", text_at),
    Function("lastIndexoF", ("string", "string"), "int", last_text_at),
    Function("lastIndexoF", ("string", "string", "int"), "int", last_text_at),
    Function("substrinG", ("string", "int"), "string", part),
    Function("substrinG", ("string", "int", "int"), "string", part),
    Function("find", ("string", "string"), "string", find),
    Function("findAll", ("string", "string"), "list", find_all),
    Function("findAll", ("string", "string", "int"), "list", find_all),
    *(plain("strinG", (kind,), "string", call) for kind, call in TO_STRING.items()),
)
FUNCTIONS = (*LISTS, *TEXTS, *NUMBERS, *NETWORK, *FORMATS)
