"""What a function for rules in CEL is, and the values of types that the language itself does not have.

A function of ours gets and gives what Python has for a value. The library passes no objects of other classes, so a
quantity, an address or a version travels as a map with one entry: `{"@quantity": "1.5"}`. Two are equal where the texts
are, hence each text is the canonical one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class Failed(Exception):
    """What keeps a function from giving a value; the text is the rule's error."""


@dataclass(frozen=True, slots=True)
class Function:
    """One overload; a member is called on its first parameter."""

    name: str
    parameters: tuple[str, ...]
    returns: str
    call: Callable[..., Any]
    member: bool = True


def plain(name: str, parameters: tuple[str, ...], returns: str, call: Callable[..., Any]) -> Function:
    """Return a function that is not called on a value."""
    return Function(name, parameters, returns, call, member=False)


def made(kind: str, text: str) -> dict[str, str]:
    """Return a value of a type of Kubernetes."""
    return {f"@{kind}": text}


def text_of(kind: str, value: Any) -> str:
    """Return the text of such a value. Raises: Failed, where it is another."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(found := value.get(f"@{kind}"), str):
        return found
    raise Failed("no such overload")


def kind_of(value: Any) -> str:
    """Return the type of Kubernetes that a map stands for, "" where it is a map."""
    key = next(iter(value), "") if isinstance(value, dict) and len(value) == 1 else ""
    return key[1:] if isinstance(key, str) and key.startswith("@") else ""
