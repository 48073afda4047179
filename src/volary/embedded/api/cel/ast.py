"""The tree of a compiled expression, read from its serialized form: what selects which field of what.

Source: google/api/expr/v1alpha1 (checked.proto, syntax.proto).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
KINDS = {3: "const", 4: "ident", 5: "select", 6: "call", 7: "list", 8: "map", 9: "comprehension"}
CONSTANTS = {1: "null", 2: "bool", 3: "int", 4: "uint", 5: "double", 6: "string", 7: "bytes"}


@dataclass(slots=True)
class Tree:
    """One expression; which members count depends on its kind."""

    id: int = 0
    kind: str = ""
    name: str = ""  # of an ident, a selected field, a called function; the type of a constant
    text: str = ""  # of a constant that is one
    target: Tree | None = None  # what a field is selected of, or a function is called on
    test: bool = False  # only asks whether the field is there
    parts: list[Tree] = field(default_factory=list)  # arguments, or items
    loop: Mapping[int, Tree] = field(default_factory=dict)  # of a comprehension, by its numbers
    variables: Mapping[int, str] = field(default_factory=dict)


def tree_of(serialized: bytes) -> tuple[Tree, dict[int, int]]:
    """Return the expression, and where each part of it stands in the text."""
    tree, places = Tree(), {}
    checked = dict(_messages(serialized))[2]  # it comes in an envelope that names its type
    for number, value in _fields(checked):
        if number == 4 and isinstance(value, bytes):
            tree = _tree(value)
        elif number == 5 and isinstance(value, bytes):
            for inner, entry in _fields(value):
                if inner == 4 and isinstance(entry, bytes):
                    pair = dict(_fields(entry))
                    places[_number(pair.get(1, 0))] = _number(pair.get(2, 0))
    return tree, places


def _number(value: int | bytes) -> int:
    return value if isinstance(value, int) else 0


def _tree(body: bytes) -> Tree:
    tree = Tree()
    for number, value in _fields(body):
        if number == 2 and isinstance(value, int):
            tree.id = value
        elif number in KINDS and isinstance(value, bytes):
            tree.kind = KINDS[number]
            _fill(tree, value)
    return tree


def _fill(tree: Tree, body: bytes) -> None:
    found = list(_fields(body))
    if tree.kind == "const":
        for number, value in found:
            tree.name = CONSTANTS.get(number, "")
            tree.text = value.decode("utf-8", "replace") if number == 6 and isinstance(value, bytes) else ""
        return
    if tree.kind == "comprehension":
        tree.loop = {number: _tree(value) for number, value in _messages(body) if number in (2, 4, 5, 6, 7)}
        tree.variables = {number: value.decode() for number, value in _messages(body) if number in (1, 3, 8)}
        return
    for number, value in found:
        if not isinstance(value, bytes):
            tree.test = tree.test or (tree.kind == "select" and number == 3 and bool(value))
        elif tree.kind == "ident" or (tree.kind in ("select", "call") and number == 2):
            tree.name = value.decode()
        elif tree.kind in ("select", "call") and number == 1:
            tree.target = _tree(value)
        elif tree.kind == "map":
            tree.parts += [_tree(it) for inner, it in _messages(value) if inner in (3, 4)]
        elif (tree.kind, number) in (("call", 3), ("list", 1)):
            tree.parts.append(_tree(value))


def _messages(body: bytes) -> Iterator[tuple[int, bytes]]:
    for number, value in _fields(body):
        if isinstance(value, bytes):
            yield number, value


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield (number, value) of a message."""
    at = 0
    while at < len(body):
        tag, at = _varint(body, at)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value, at = _varint(body, at)
            yield number, value
        elif wire == BYTES:
            size, at = _varint(body, at)
            yield number, body[at : at + size]
            at += size
        else:
            at += 8 if wire == FIXED64 else 4
            yield number, 0


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = body[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
