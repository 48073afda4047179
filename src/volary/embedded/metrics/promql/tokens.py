"""Cuts a query into words. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from volary.embedded.metrics.promql.syntax import Refused

WORDS = re.compile(
    r"""
    (?P<space>\s+|\#[^\n]*)
  | (?P<duration>(?:\d+(?:ms|[smhdwy]))+)(?!\w)
  | (?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?!\w)
  | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
  | (?P<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
  | (?P<sign>=~|!~|==|!=|>=|<=|[-+*/%^(){}\[\],=<>@:])
    """,
    re.VERBOSE,
)
UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000, "y": 31_536_000_000}
ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
PLAIN_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


@dataclass(frozen=True, slots=True)
class Token:
    """One word; `at` is its place in the query, from 0."""

    kind: str  # duration, number, name, text, sign, end
    text: str
    at: int


def cut(query: str) -> list[Token]:
    """Return the words of a query, the last one of kind "end". Raises: Refused."""
    tokens: list[Token] = []
    at = 0
    while at < len(query):
        found = WORDS.match(query, at)
        if found is None:
            raise Refused(f"unexpected {query[at]!r} at position {at + 1}")
        kind = found.lastgroup or ""
        if kind != "space":
            tokens.append(Token(kind, found.group(), at))
        at = found.end()
    return [*tokens, Token("end", "", len(query))]


def duration_ms(text: str) -> int:
    """Return a duration such as 1m30s in milliseconds."""
    parts = re.findall(r"(\d+)(ms|[smhdwy])", text)
    return sum(int(number) * UNIT_MS[unit] for number, unit in parts)


def unquote(token: Token) -> str:
    """Return what a quoted string says. Raises: Refused."""
    body = token.text[1:-1]
    if token.text[0] == "`":
        return body
    quote = token.text[0]

    def one(found: re.Match[str]) -> str:
        escape = found.group(1)
        if escape[0] in "xuU":
            return chr(int(escape[1:], 16))
        if escape.isdigit() and len(escape) == 3:
            return chr(int(escape, 8))
        if escape in ("\\", quote):
            return escape
        if escape in PLAIN_ESCAPES:
            return PLAIN_ESCAPES[escape]
        raise Refused(f"unknown escape \\{escape} at position {token.at + 1}")

    return ESCAPE.sub(one, body)
