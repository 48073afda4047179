"""Label selectors: the query string's and the objects' own (`matchLabels`, `matchExpressions`).

Source: apimachinery, labels/selector.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from volary.embedded.api.errors import bad_request

Labels = Mapping[str, str]
Requirement = Callable[[Labels], bool]

KEY = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?(?:/[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
VALUE = re.compile(r"^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?$")
SET = re.compile(rf"^({KEY})\s+(in|notin)\s*\(([^)]*)\)$")
EQUAL = re.compile(rf"^({KEY})\s*(!=|==|=|>|<)\s*(.*)$")
EXISTS = re.compile(rf"^(!?)\s*({KEY})$")
PARTS = re.compile(r"[^,(]+(?:\([^)]*\))?")


@lru_cache(maxsize=1024)
def parse(text: str) -> tuple[Requirement, ...]:
    """Return the requirements of a label selector; all must hold. Raises: Problem."""
    return tuple(_requirement(part.strip(), text) for part in _parts(text))


def _parts(text: str) -> list[str]:
    if not text.strip():
        return []
    parts, depth, current = [], 0, ""
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(current)
            current = ""
        else:
            current += char
    return [*parts, current]


def _requirement(part: str, whole: str) -> Requirement:
    if found := SET.match(part):
        values = frozenset(_value(value.strip(), whole) for value in found[3].split(","))
        return _within(found[1], values) if found[2] == "in" else _without(found[1], values)
    if found := EQUAL.match(part):
        return _compare(found[1], found[2], found[3].strip(), whole)
    if found := EXISTS.match(part):
        key, absent = found[2], bool(found[1])
        return lambda labels: (key in labels) is not absent
    raise bad_request(f"unable to parse requirement: {_complaint(part)}")


def _complaint(part: str) -> str:
    """Return what the server's parser trips over first."""
    words = part.split()
    if len(words) > 1:
        return f"found '{words[1]}', expected: in, notin, =, ==, !=, gt, lt"
    return (
        f"found '{part}', expected: identifier after '!'"
        if part in ("", "!")
        else f"found '{part}', expected: identifier"
    )


def _value(value: str, whole: str) -> str:
    if value.startswith("!"):
        raise bad_request("unable to parse requirement: found '!', expected: identifier")
    if len(value) > 63 or not VALUE.match(value):
        raise bad_request(
            f'unable to parse requirement: values[0][{whole}]: Invalid value: "{value}": a valid label must be an '
            "empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
            "alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
            "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
        )
    return value


def _within(key: str, values: frozenset[str]) -> Requirement:
    return lambda labels: labels.get(key) in values


def _without(key: str, values: frozenset[str]) -> Requirement:
    return lambda labels: labels.get(key) not in values


def _compare(key: str, operator: str, value: str, whole: str) -> Requirement:
    if operator in ("=", "=="):
        wanted = _value(value, whole)
        return lambda labels: labels.get(key) == wanted
    if operator == "!=":
        unwanted = _value(value, whole)
        return lambda labels: labels.get(key) != unwanted
    try:
        bound = int(value)
    except ValueError:
        text = f"for 'Gt', 'Lt' operators, the value must be an integer: {value}"
        raise bad_request(f"unable to parse requirement: {text}") from None
    sign = 1 if operator == ">" else -1

    def beyond(labels: Labels) -> bool:
        try:
            return sign * int(labels[key]) > sign * bound
        except (KeyError, ValueError):
            return False

    return beyond


def matches(requirements: tuple[Requirement, ...], labels: Labels) -> bool:
    return all(requirement(labels) for requirement in requirements)


def selector_text(selector: Mapping[str, Any]) -> str:
    """Return a LabelSelector object as a query string, as the scale subresource shows it."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        key, operator = expression["key"], expression["operator"]
        values = ",".join(sorted(expression.get("values") or ()))
        shown = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        parts.append(shown.get(operator, f"!{key}"))
    return ",".join(parts)


def object_matches(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Does a LabelSelector object match these labels?"""
    return matches(parse(selector_text(selector)), labels)
