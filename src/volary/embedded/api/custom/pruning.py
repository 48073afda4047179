"""Fields of a custom resource that its schema does not name, and nulls that it does not allow: found, and taken out.

Source: apiextensions-apiserver, apiserver/schema/pruning and apiserver/schema/defaulting/prunenulls.go.
"""

from __future__ import annotations

from typing import Any

from volary.embedded.api.schema import Node

# What every object may have at its root, and every embedded one.
ROOT = ("apiVersion", "kind", "metadata")


def prune(value: Any, node: Node, embedded: bool = True) -> list[str]:
    """Take unknown fields out of `value` and return their paths, sorted; `embedded`: it is an object itself."""
    unknown: list[str] = []
    _prune(value, node, "", embedded, unknown)
    return sorted(unknown)


def _prune(value: Any, node: Node | None, path: str, embedded: bool, unknown: list[str]) -> None:
    if isinstance(value, list):
        keeps = node is not None and node.preserve
        elem = node.items if node is not None else None
        for index, item in enumerate(value):
            if not keeps or elem is not None:
                _prune(item, elem, f"{path}[{index}]", elem is not None and elem.embedded, unknown)
    elif isinstance(value, dict):
        for name in list(value):
            where = f"{path}.{name}" if path else name
            if embedded and name in ROOT:
                continue
            child = node.known(name) if node is not None else None
            if child is not None:
                _prune(value[name], child, where, child.embedded, unknown)
            elif node is None or not (node.preserve or node.has_values):
                unknown.append(where)
                del value[name]


def drop_nulls(value: Any, node: Node | None) -> None:
    """Take nulls out of `value` that have no place there; those with a default are left, for defaulting to fill."""
    if isinstance(value, dict):
        for name in list(value):
            child = node.known(name) if node is not None else None
            if value[name] is None and child is not None and not child.nullable and child.raw.get("default") is None:
                del value[name]
            else:
                drop_nulls(value[name], child)
    elif isinstance(value, list):
        for item in value:
            drop_nulls(item, node.items if node is not None else None)
