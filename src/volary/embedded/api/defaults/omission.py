"""What Go leaves out when it writes a built-in kind: nulls, empty maps and lists, zero values.

Structs stay even when they are empty, as do fields that are always written; `data/go_shapes.json` knows which.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from volary.embedded.api.encoding import copy_of
from volary.embedded.api.registry import load
from volary.embedded.api.schema import ANY, LIST, MAP, Node

Object = dict[str, Any]


@cache
def shapes() -> dict[str, Any]:
    """Return, by definition: `zero`, fields that vanish at their zero value; `always`, fields always written."""
    found: dict[str, Any] = load("go_shapes.json")
    return found


def omit(value: Object, node: Node) -> None:
    """Leave out of `value` what Go would; in place."""
    shape = shapes().get(node.reference) or {}
    vanishing = shape.get("zero", ())
    always = shape.get("always") or {}
    for name, item in [*value.items()]:
        if item:
            if isinstance(item, dict | list):
                _omit_below(item, node.child(name))
            continue
        if item is None:
            gone = always.get(name, "struct") == "struct"  # a struct comes back empty
        elif item == {} or item == []:
            gone = name not in always and _vanishes_empty(item, node.child(name))
        else:
            gone = name in vanishing
        if gone:
            del value[name]


def _vanishes_empty(item: Any, node: Node) -> bool:
    return isinstance(item, list) or (node.kind != ANY and not node.struct)


def _omit_below(item: Any, node: Node) -> None:
    if isinstance(item, dict):
        if node.kind != ANY:
            omit(item, node)
    elif isinstance(item, list) and node.kind == LIST and node.elem.kind == MAP:
        if None in item and node.elem.struct:
            item[:] = [zero_value(node.elem) if it is None else it for it in item]  # a struct comes back empty
        for it in item:
            if isinstance(it, dict):
                omit(it, node.elem)


def zero_value(node: Node) -> Object:
    """Return what Go writes for an object of this kind that nobody has filled in."""
    found: Object = copy_of(_zero(node))
    return found


@cache
def _zero(node: Node) -> Object:
    found: Object = {}
    always = (shapes().get(node.reference) or {}).get("always") or {}
    for name, zero in always.items():
        child = node.field(name)
        if zero == "struct":
            found[name] = _zero(child) if child is not None else {}
        else:
            found[name] = zero
    return found


def fill_always(value: Object, node: Node) -> None:
    """Put in what Go writes always, where it is missing; in place."""
    always = (shapes().get(node.reference) or {}).get("always") or {}
    for name, zero in always.items():
        if value.get(name) is None and (missing := node.field(name)) is not None:
            value[name] = zero_value(missing) if zero == "struct" else zero
    for name, item in value.items():
        if isinstance(item, dict):
            if (child := node.child(name)).struct:
                fill_always(item, child)
        elif isinstance(item, list) and (child := node.child(name)).kind == LIST and child.elem.struct:
            for it in item:
                if isinstance(it, dict):
                    fill_always(it, child.elem)
