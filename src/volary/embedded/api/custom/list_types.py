"""Items of sets and of lists with keys must differ; so must they in an update, if they did before.

Source: apiextensions-apiserver, apiserver/schema/listtype.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from volary.embedded.api.encoding import encode
from volary.embedded.api.errors import FieldError, duplicate, invalid
from volary.embedded.api.schema import Node


def errors(value: Any, node: Node, path: str = "") -> Iterator[FieldError]:
    """Yield each repeated item, at its second place."""
    if isinstance(value, dict):
        for name, item in value.items():
            child = node.field(name)
            if child is not None:
                yield from errors(item, child, f"{path}.{name}" if path else name)
            elif node.has_values:
                yield from errors(item, node.elem, f"{path}[{name}]")
    elif isinstance(value, list):
        yield from _repeated(value, node, path)
        for index, item in enumerate(value):
            yield from errors(item, node.elem, f"{path}[{index}]")


def _repeated(items: list[Any], node: Node, path: str) -> Iterator[FieldError]:
    if node.list_type not in ("set", "map"):
        return
    if node.list_type == "map":
        for index, item in enumerate(items):
            if item is not None and not isinstance(item, dict):
                yield invalid(f"{path}[{index}]", item, "must be an object for an array of list-type map")
                return
    seen: dict[bytes, int] = {}
    for index, item in enumerate(items):
        shown = {key: item[key] for key in node.keys if key in item} if isinstance(item, dict) and node.keys else item
        if node.list_type == "map" and item is None:
            shown = {}
        known = encode(shown)
        seen[known] = seen.get(known, 0) + 1
        if seen[known] == 2:
            yield duplicate(f"{path}[{index}]", shown)
