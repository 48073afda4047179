"""The order in which Go writes the fields of a built-in kind: that of its structs, mostly that of protobuf numbers.

Only refusals show it: an object that a patch has spoilt is part of the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from volary.embedded.api.registry import load
from volary.embedded.api.schema import ANY, Node
from volary.embedded.api.validation.conform import go_types


@cache
def _places(reference: str) -> Mapping[str, int]:
    """Return field -> place of one struct."""
    known: list[str] | None = (go_types().get(reference) or {}).get("order")
    if known is None:
        numbers: dict[str, Any] = load("protobuf.json").get(reference) or {}
        known = [numbers[it][0] for it in sorted(numbers, key=int)]
    named = {name: place for place, name in enumerate(known)}
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
