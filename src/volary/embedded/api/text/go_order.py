"""The order in which Go writes the fields of a built-in kind: that of its structs, which protobuf numbers follow.

Only refusals show it: an object that a patch has spoilt is part of the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from volary.embedded.api.registry import load
from volary.embedded.api.schema import ANY, Node


@cache
def _places(reference: str) -> Mapping[str, int]:
    """Return field -> place of one struct."""
    found: dict[str, Any] = load("protobuf.json")
    named = {entry[0]: int(number) for number, entry in (found.get(reference) or {}).items()}
    return {"kind": -2, "apiVersion": -1, **named}


def in_order(value: Any, node: Node) -> Any:
    """Return the value with the fields of structs in Go's order."""
    if isinstance(value, list):
        return [in_order(it, node.elem) for it in value]
    if not isinstance(value, dict) or node.kind == ANY:
        return value
    if not node.struct:
        return {key: in_order(it, node.elem) for key, it in sorted(value.items())}
    places = _places(node.reference)
    ordered = sorted(value, key=lambda it: places.get(it, len(places)))
    return {key: in_order(value[key], node.child(key)) for key in ordered}
