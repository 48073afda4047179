"""Fields of a custom resource that its schema does not name: found, and taken out.

Source: apiextensions-apiserver, schema/pruning.
"""

from __future__ import annotations

from typing import Any

from volary.embedded.api.schema import LIST, MAP, Node

# What every object may have at its root, and every embedded one.
ROOT = ("apiVersion", "kind", "metadata")


def prune(value: Any, node: Node, embedded: bool = True) -> list[str]:
    """Take unknown fields out of `value` and return their paths, sorted; `embedded`: it is an object itself."""
    unknown: list[str] = []
    _prune(value, node, "", embedded, unknown)
    return sorted(unknown)


def _prune(value: Any, node: Node, path: str, embedded: bool, unknown: list[str]) -> None:
    if isinstance(value, list) and node.kind == LIST:
        for index, item in enumerate(value):
            _prune(item, node.elem, f"{path}[{index}]", node.elem.embedded, unknown)
    elif isinstance(value, dict) and (node.kind == MAP or node.field_names):
        for name in list(value):
            child = node.field(name)
            where = f"{path}.{name}" if path else name
            if embedded and name in ROOT:
                continue
            if child is None and not _welcome(node):
                unknown.append(where)
                del value[name]
            elif child is not None or node.has_values:
                child = child or node.elem
                _prune(value[name], child, where, child.embedded, unknown)
    elif isinstance(value, dict) and node.type == "object" and not node.preserve:
        for name in [name for name in value if not (embedded and name in ROOT)]:
            unknown.append(f"{path}.{name}" if path else name)
            del value[name]


def _welcome(node: Node) -> bool:
    return node.preserve or node.has_values
