"""Sets of field paths in the form of FieldsV1, so that managedFields need no translation.

A set maps path elements (`f:NAME`, `k:{KEYS}`, `v:VALUE`) to the sets below them. A leaf member is {}; a member that
has members below it carries the key ".". An element with members below but without "." is no member itself.

Source: structured-merge-diff, fieldpath.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from volary.embedded.api.schema import ANYTHING, LIST, MAP, Node

FieldSet = dict[str, Any]
Path = tuple[str, ...]


def member(below: FieldSet) -> bool:
    """Is the element whose subset this is a member of the set?"""
    return not below or "." in below


def insert(fields: FieldSet, path: Path) -> None:
    """Make `path` a member."""
    last = len(path) - 1
    for index, element in enumerate(path):
        below = fields.get(element)
        if below is None:
            below = fields[element] = {}
        elif index == last:
            if below:
                below["."] = {}
        elif not below:
            below["."] = {}
        fields = below


def has(fields: FieldSet, path: Path) -> bool:
    """Is the path a member?"""
    for element in path:
        below = fields.get(element)
        if below is None:
            return False
        fields = below
    return member(fields)


# Of two sets what only one of them has is taken over as it is: sets are shared, and not changed once they are made.


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    if not left or not right:
        return left or right
    found = {}
    for element, ours in left.items():
        theirs = right.get(element)
        found[element] = ours if theirs is None else _both(ours, theirs)
    return found | {element: theirs for element, theirs in right.items() if element not in left}


def _both(ours: FieldSet, theirs: FieldSet) -> FieldSet:
    found = union(ours, theirs)
    if found and "." not in found and (not ours or not theirs):  # a leaf is a member, which now has others below it
        found = {**found, ".": {}}
    return found


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    found = {}
    for element, ours in left.items():
        theirs = right.get(element)
        if theirs is None or element == ".":
            continue
        below = intersection(ours, theirs)
        if member(ours) and member(theirs):
            if below:
                below["."] = {}
            found[element] = below
        elif below:
            found[element] = below
    return found


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    if not left or not right:
        return left
    found = {}
    for element, ours in left.items():
        theirs = right.get(element)
        if theirs is None or element == ".":
            found[element] = ours
            continue
        below = {key: it for key, it in difference(ours, theirs).items() if key != "."}
        if member(ours) and not member(theirs):
            if below:
                below["."] = {}
            found[element] = below
        elif below:
            found[element] = below
    return found


def without(fields: FieldSet, prefixes: FieldSet) -> FieldSet:
    """Return the set without the members of `prefixes` and all that lies below them."""
    kept: FieldSet = {}
    for element, below in fields.items():
        prefix = prefixes.get(element) if element != "." else None
        if prefix is None:
            kept[element] = below
        elif not member(prefix):
            rest = without(below, prefix)
            if rest:
                kept[element] = rest
    return kept


def only(fields: FieldSet, prefixes: FieldSet) -> FieldSet:
    """Return the members that lie at or below a member of `prefixes`."""
    kept: FieldSet = {}
    for element, below in fields.items():
        prefix = prefixes.get(element) if element != "." else None
        if prefix is None:
            continue
        if member(prefix):
            kept[element] = below
        elif rest := only(below, prefix):
            kept[element] = rest
    return kept


def with_named_parents(fields: FieldSet, node: Node) -> FieldSet:
    """Return the set with every named field on the way to a member made a member too (not keys of maps or lists)."""
    found: FieldSet = {}
    for element, below in fields.items():
        if element == "." or not below:
            found[element] = {}
            continue
        named = False
        child = ANYTHING
        if element.startswith("f:"):
            if node.kind == MAP:
                child = node.child(element[2:])
                named = node.field(element[2:]) is not None
        elif node.kind == LIST:
            child = node.elem
        inner = with_named_parents(below, child)
        if named or member(below):
            inner["."] = {}
        found[element] = inner
    return found


def paths(fields: FieldSet, prefix: Path = ()) -> Iterator[Path]:
    """Yield the members as the server lists them: those of a level sorted, then those below them."""
    elements = sorted((element for element in fields if element != "."), key=_order)
    for element in elements:
        if member(fields[element]):
            yield (*prefix, element)
    for element in elements:
        if fields[element]:
            yield from paths(fields[element], (*prefix, element))


def _order(element: str) -> tuple[Any, ...]:
    kind, _, rest = element.partition(":")
    if kind == "f":
        return 0, rest
    if kind == "k":
        return 1, [(key, _value_order(value)) for key, value in sorted(json.loads(rest).items())]
    return (2, _value_order(json.loads(rest))) if kind == "v" else (3, int(rest))


def _value_order(value: Any) -> tuple[Any, ...]:
    """Return what sorts values as the server does: numbers, texts, booleans, lists and maps, null."""
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, int | float):
        return 0, value
    if isinstance(value, str):
        return 1, value
    return (4, "") if value is None else (3, json.dumps(value, sort_keys=True))


def well_formed(fields: Any) -> bool:
    """Is it a set of fields?"""
    if not isinstance(fields, dict):
        return False
    for element, below in fields.items():
        if element != "." and not _known(element):
            return False
        if not well_formed(below):
            return False
    return True


def normal(fields: FieldSet) -> FieldSet:
    """Return a set that a client sent in the one form that it has here: only a member with others below carries "."."""
    return {element: _normal_below(below) for element, below in fields.items() if element != "."}


def _normal_below(below: FieldSet) -> FieldSet:
    found = normal(below)
    if found and "." in below:
        found["."] = {}
    return found


def _known(element: str) -> bool:
    kind, separator, rest = element[:1], element[1:2], element[2:]
    if separator != ":" or kind not in "fkvi" or not kind:
        return False
    if kind == "f":
        return True
    try:
        value = json.loads(rest)
    except ValueError:
        return False
    if kind == "k":
        return isinstance(value, dict)
    return kind == "v" or (isinstance(value, int) and not isinstance(value, bool))


def _shown(value: Any) -> str:
    """Return the value of a key as conflicts show it: of maps and lists in it no braces and no quotes of names."""
    if isinstance(value, dict):
        return "".join(f"{key}={_shown(it)}" for key, it in value.items())
    if isinstance(value, list):
        return "[" + ",".join(map(_shown, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def path_text(path: Path) -> str:
    """Return a path as conflicts show it: .spec.containers[name="web"].image"""
    text = ""
    for element in path:
        kind, _, rest = element.partition(":")
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            text += "[" + ",".join(f"{key}={_shown(value)}" for key, value in json.loads(rest).items()) + "]"
        elif kind == "v":
            text += f"[={rest}]"
        else:
            text += f"[{rest}]"
    return text
