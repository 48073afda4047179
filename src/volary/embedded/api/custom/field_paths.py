"""Paths to fields as definitions write them: `.spec.a['b-c']`.

Source: apiextensions-apiserver, apiserver/schema/cel/validation.go (ValidFieldPath).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from volary.embedded.api.schema import Node

PART = re.compile(r"'(?:\\.|[^'\\])*'|[.\[\]]|[^.\[\]]+")
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\"}


class NoSuchPlace(Exception):
    """A path that is none, or that leads nowhere; the text says why."""


def steps(path: str, node: Node, brackets: bool = True) -> Iterator[tuple[str, Node]]:
    """Yield each name of a path and the schema that it is looked up in. Raises: NoSuchPlace."""
    parts = PART.findall(path)
    at = 0

    def following() -> str:
        nonlocal at
        at += 1
        if at > len(parts):
            raise NoSuchPlace("unexpected end of JSON path")
        return str(parts[at - 1])

    while at < len(parts):
        part = following()
        if part == ".":
            name = following()
        elif part == "[":
            if not brackets:
                raise NoSuchPlace("array notation is not allowed")
            name = _quoted(following())
        else:
            raise NoSuchPlace(f"expected [ or . but got: {part}")
        below = _below(node, name)
        yield name, node
        node = below
        if part == "[" and (closing := following()) != "]":
            raise NoSuchPlace(f"expected ] but got {closing}")


def _quoted(part: str) -> str:
    if len(part) < 2 or part[0] != "'" or part[-1] != "'":
        raise NoSuchPlace(f"expected single quoted string but got {part}")
    return ESCAPE.sub(lambda found: ESCAPES.get(found[1], ""), part[1:-1])


def _below(node: Node, name: str) -> Node:
    if node.field_names:
        child = node.field(name)
    else:
        child = node.elem if node.has_values else None
    if child is None:
        raise NoSuchPlace("does not refer to a valid field")
    return child


def place(path: str, node: Node, brackets: bool = True) -> Node:
    """Return the schema that a path leads to. Raises: NoSuchPlace."""
    for name, above in steps(path, node, brackets):
        node = _below(above, name)
    return node
