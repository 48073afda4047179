"""Label selectors: the query string's and the objects' own (`matchLabels`, `matchExpressions`).

The server reads them word by word, and says at which word it stopped; so does this.

Source: apimachinery, labels/selector.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from volary.embedded.api.errors import bad_request
from volary.embedded.api.text import forms

Labels = Mapping[str, str]
Requirement = Callable[[Labels], bool]

WORDS = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
SIGNS = frozenset(("==", "!=", "=", "!", "(", ")", ",", "<", ">"))
OPERATORS = ("in", "notin", "=", "==", "!=", "gt", "lt")
COMPARED = frozenset(("=", "==", "!=", "<", ">"))
END = ""


class _Stop(Exception):
    """What the server says of a text that is no selector."""


@lru_cache(maxsize=1024)
def parse(text: str) -> tuple[Requirement, ...]:
    """Return the requirements of a label selector; all must hold. Raises: Problem."""
    reader = _Reader(text)
    try:
        return tuple(reader.requirements())
    except _Stop as stop:
        raise bad_request(str(stop)) from None


class _Reader:
    """The words of one selector, and how far they are read."""

    def __init__(self, text: str) -> None:
        self._words: list[str] = [*WORDS.findall(text), END]
        self._at = 0

    @property
    def _next(self) -> str:
        return self._words[self._at]

    def _take(self) -> str:
        word = self._next
        self._at = min(self._at + 1, len(self._words) - 1)
        return word

    def requirements(self) -> Iterator[Requirement]:
        if self._next == END:
            return
        if self._next in SIGNS and self._next != "!":
            raise _Stop(f"found '{self._next}', expected: !, identifier, or 'end of string'")
        while True:
            try:
                yield self._requirement()
            except _Stop as stop:
                raise _Stop(f"unable to parse requirement: {stop}") from None
            word = self._take()
            if word == END:
                return
            if word != ",":
                raise _Stop(f"found '{word}', expected: ',' or 'end of string'")
            if self._next == END or (self._next in SIGNS and self._next != "!"):
                raise _Stop(f"found '{self._next}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        absent = self._next == "!"
        if absent:
            self._take()
        key = self._take()
        if key == END or key in SIGNS:
            raise _Stop(f"found '{key}', expected: identifier")
        if wrong := forms.key(key):
            raise _Stop(f'<nil>: Invalid value: "{key}": {"; ".join(wrong)}')
        if absent or self._next in (END, ","):
            return lambda labels: (key in labels) is not absent
        operator = self._take()
        if operator in ("in", "notin"):
            values = self._values()
            _check(key, values)
            return _chosen(key, frozenset(values), operator == "in")
        if operator not in COMPARED:
            raise _Stop(f"found '{operator}', expected: {', '.join(OPERATORS)}")
        return _compare(key, operator, self._value())

    def _values(self) -> list[str]:
        """Return what stands in brackets, in order; a place with nothing in it is an empty value."""
        if (word := self._take()) != "(":
            raise _Stop(f"found '{word}' expected: '('")
        values: set[str] = set()
        if self._next == ")":
            self._take()
            return [""]
        while True:
            if self._next in (",", ")"):
                values.add("")
            elif self._next == END or self._next in SIGNS:
                raise _Stop(f"found '{self._next}', expected: ',', or identifier")
            else:
                values.add(self._take())
            word = self._take()
            if word == ")":
                return sorted(values)
            if word != ",":
                raise _Stop(f"found '{word}', expected: ',' or ')'")

    def _value(self) -> str:
        if self._next in (END, ","):
            return ""
        word = self._take()
        if word in SIGNS:
            raise _Stop(f"found '{word}', expected: identifier")
        return word


def _check(key: str, values: Sequence[str]) -> None:
    """Refuse values that no label has. Raises: _Stop."""
    found = [(at, value, forms.label_value(value)) for at, value in enumerate(values)]
    texts = [
        f'values[{at}][{key}]: Invalid value: "{value}": {"; ".join(wrong)}' for at, value, wrong in found if wrong
    ]
    if texts:
        raise _Stop(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")


def _chosen(key: str, values: frozenset[str], wanted: bool) -> Requirement:
    return lambda labels: (labels.get(key) in values) is wanted


def _compare(key: str, operator: str, value: str) -> Requirement:
    if operator in ("<", ">"):
        return _beyond(key, 1 if operator == ">" else -1, value)
    _check(key, [value])
    return _chosen(key, frozenset((value,)), operator != "!=")


def _beyond(key: str, sign: int, value: str) -> Requirement:
    try:
        bound = int(value)
    except ValueError:
        text = "for 'Gt', 'Lt' operators, the value must be an integer"
        raise _Stop(f'values[0]: Invalid value: "{value}": {text}') from None
    _check(key, [value])

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
