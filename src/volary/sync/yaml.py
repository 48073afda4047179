"""YAML as the tools of Kubernetes read it, in two dialects, on libyaml's events.

kubectl reads with one library (`PLAIN`: `yes` is true, the last of two equal keys wins), kustomize with its successor
(`KUSTOMIZE`: `yes` is a string, two equal keys are an error). Neither reads as PyYAML does: there are no dates and no
base-60 numbers, and 0777 is octal. Results are plain JSON values.
Source: go-yaml v2 and v3, resolve tables; differences checked against kubectl 1.32.
"""

from __future__ import annotations

import base64
import binascii
import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml
from yaml import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

# PyYAML built without libyaml gives the same events, slower.
PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

MOST_ALIASED = 100_000  # values that aliases may stand for in one document; more is an attack
DEEPEST = 200  # levels of nesting
TAG = "tag:yaml.org,2002:"

BOTH: Mapping[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
YES_AND_NO: Mapping[str, Any] = {
    word: answer
    for answer, words in ((True, "y Y yes Yes YES on On ON"), (False, "n N no No NO off Off OFF"))
    for word in words.split()
}
NOT_JSON = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)")
OCTAL = re.compile(r"([-+]?)0o?([0-7]+)")
HEXADECIMAL = re.compile(r"([-+]?)0[xX]([0-9a-fA-F]+)")
BINARY = re.compile(r"([-+]?)0[bB]([01]+)")
FLOATING = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
STARTS_NUMBER = frozenset("+-.0123456789")
DATE = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)"
    r"(?:[Tt](\d\d?):(\d\d?):(\d\d?)(\.\d+)?(Z|[-+]\d\d:\d\d)| (\d\d?):(\d\d?):(\d\d?)(\.\d+)?)?"
)


class BadYaml(ValueError):
    """The text cannot be read; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one library makes of plain words."""

    words: Mapping[str, Any]
    unique_keys: bool  # two equal keys are an error
    dates: bool  # an unquoted date is written out as a time


PLAIN = Dialect({**BOTH, **YES_AND_NO}, unique_keys=False, dates=False)
KUSTOMIZE = Dialect(BOTH, unique_keys=True, dates=True)


def load_all(text: bytes | str, where: str, dialect: Dialect = KUSTOMIZE) -> list[Any]:
    """Return the documents of a file as JSON values, empty ones as None. Raises: BadYaml, with file and line."""
    try:
        parser = PARSER(text if isinstance(text, str) else text.decode())
        return list(Builder(parser, where, dialect).documents())
    except UnicodeDecodeError:
        raise BadYaml(f"{where}: not UTF-8 text") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" line {mark.line + 1}" if mark else ""
        raise BadYaml(f"{where}{line}: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise BadYaml(f"{where}: {' '.join(str(error).split())}") from None


class Builder:
    """Builds the documents of one text out of the parser's events."""

    def __init__(self, parser: Any, where: str, dialect: Dialect) -> None:
        self.next = parser.get_event
        self.where = where
        self.dialect = dialect
        self.anchors: dict[str, Any] = {}
        self.aliased = 0
        self.depth = 0
        self.words: dict[str, Any] = dict(dialect.words)  # grows into a cache of resolved scalars

    def documents(self) -> Iterator[Any]:
        while True:
            event = self.next()
            if isinstance(event, StreamEndEvent):
                return
            if isinstance(event, DocumentStartEvent):
                if event.version is not None:
                    raise self.bad(event, "a %YAML directive is not supported")
                self.anchors, self.aliased = {}, 0
                yield self.node(self.next())
                self.next()

    def bad(self, event: Any, message: str) -> BadYaml:
        return BadYaml(f"{self.where} line {event.start_mark.line + 1}: {message}")

    def node(self, event: Any) -> Any:
        kind = type(event)
        if kind is AliasEvent:
            return self.alias(event)
        if kind is ScalarEvent:
            value = self.scalar(event)
        else:
            self.depth += 1
            if self.depth > DEEPEST:
                raise self.bad(event, f"nested deeper than {DEEPEST} levels")
            value = self.mapping(event) if kind is MappingStartEvent else self.sequence()
            self.depth -= 1
        if event.anchor:
            self.anchors[event.anchor] = value  # not before it is complete: an alias within itself is an error
        return value

    def alias(self, event: Any) -> Any:
        """Return a copy of what was anchored: shared parts would be changed together later."""
        if event.anchor not in self.anchors:
            raise self.bad(event, f"unknown anchor '{event.anchor}'")
        value = self.anchors[event.anchor]
        if not isinstance(value, dict | list):
            return value
        self.aliased += size(value)
        if self.aliased > MOST_ALIASED:
            raise self.bad(event, "excessive aliasing")
        return copy.deepcopy(value)

    def sequence(self) -> list[Any]:
        made: list[Any] = []
        while True:
            event = self.next()
            if type(event) is SequenceEndEvent:
                return made
            made.append(self.node(event))

    def mapping(self, start: Any) -> dict[str, Any]:
        made: dict[str, Any] = {}
        merged: list[Any] = []
        while True:
            event = self.next()
            if type(event) is MappingEndEvent:
                break
            if type(event) is ScalarEvent and event.value == "<<" and event.implicit[0]:
                merged += self.to_merge(event)
                continue
            key = self.key(event)
            if self.dialect.unique_keys and key in made:
                raise self.bad(event, f'mapping key "{key}" is already defined')
            made[key] = self.node(self.next())
        for other in merged:
            for key, value in other.items():
                made.setdefault(key, value)
        return made

    def to_merge(self, event: Any) -> list[Any]:
        value = self.node(self.next())
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            raise self.bad(event, "map merge requires map or sequence of maps as the value")
        return sources

    def key(self, event: Any) -> str:
        """Return a key as text, as JSON needs it."""
        if type(event) is not ScalarEvent and type(event) is not AliasEvent:
            raise self.bad(event, "a key must be a plain value, not a map or a list")
        value = self.node(event)
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(value)
        raise self.bad(event, "null is not allowed as a key")

    def scalar(self, event: Any) -> Any:
        tag, text = event.tag, event.value
        if tag is None or tag == "!":
            return self.resolve(text, event) if event.implicit[0] else text
        return self.tagged(tag.removeprefix(TAG), text, event)

    def tagged(self, tag: str, text: str, event: Any) -> Any:
        value = self.resolve(text, event) if tag in ("int", "float", "bool", "null") else text
        if tag == "binary":
            try:
                return base64.b64decode("".join(text.split()), validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise self.bad(event, "!!binary value contains invalid base64 data") from None
        wanted = {"int": int, "float": int | float, "bool": bool, "null": type(None)}.get(tag)
        if wanted is not None and not isinstance(value, wanted):
            raise self.bad(event, f"cannot decode {text!r} as !!{tag}")
        return value

    def resolve(self, text: str, event: Any) -> Any:
        """Return what a plain scalar means."""
        known = self.words.get(text, self)
        if known is not self:
            return known
        value: Any = text
        if text[0] in STARTS_NUMBER:
            if NOT_JSON.fullmatch(text):
                raise self.bad(event, f"{text} cannot be written as JSON")
            value = number(text)
            if value is text and self.dialect.dates:
                value = date(text)
        if len(text) < 64:
            self.words[text] = value
        return value


def size(value: Any) -> int:
    """Return of how many values a value is made."""
    if isinstance(value, dict):
        return 1 + sum(size(part) for part in value.values())
    return 1 + sum(size(part) for part in value) if isinstance(value, list) else 1


def number(text: str) -> Any:
    """Return the number that a plain scalar stands for, or the very text."""
    plain = text.replace("_", "")
    value: int | float
    if DECIMAL.fullmatch(plain):
        value = int(plain)
    elif match := OCTAL.fullmatch(plain):
        value = int(match[1] + match[2], 8)
    elif match := HEXADECIMAL.fullmatch(plain):
        value = int(match[1] + match[2], 16)
    elif match := BINARY.fullmatch(plain):
        value = int(match[1] + match[2], 2)
    elif FLOATING.fullmatch(plain):
        value = float(plain)
        if value in (float("inf"), float("-inf")):
            return text
        return int(value) if value.is_integer() and abs(value) < 1e21 else value  # 1.0 is 1 on the wire
    else:
        return text
    return value if -(1 << 63) <= value < (1 << 64) else float(plain)


def date(text: str) -> str:
    """Return an unquoted date as kustomize writes it out, any other text as it is."""
    match = DATE.fullmatch(text)
    if not match:
        return text
    year, month, day = match.groups()[:3]
    if not (1 <= int(month) <= 12 and 1 <= int(day) <= 31):
        return text
    hour, minute, second, fraction, zone = match.groups()[3:8] if match[8] else (*match.groups()[8:], None)
    time = f"{int(hour or 0):02}:{int(minute or 0):02}:{int(second or 0):02}{(fraction or '').rstrip('0').rstrip('.')}"
    return f"{year}-{int(month):02}-{int(day):02}T{time}{zone or 'Z'}"
