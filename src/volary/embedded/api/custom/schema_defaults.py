"""Defaults of a structural schema, put where a field is missing (or null where null is not allowed).

Source: apiextensions-apiserver, schema/defaulting.
"""

from __future__ import annotations

from typing import Any

from volary.embedded.api.encoding import copy_of
from volary.embedded.api.schema import Node


def put_defaults(value: Any, node: Node) -> None:
    """Fill in the defaults of `value`; in place."""
    if isinstance(value, dict):
        for name, raw in node.field_names.items():
            child = node.field(name)
            assert child is not None
            if "default" in raw and (name not in value or (value[name] is None and not child.nullable)):
                value[name] = copy_of(raw["default"])
            if name in value:
                put_defaults(value[name], child)
        if node.has_values:
            for name, item in value.items():
                if name not in node.field_names:
                    put_defaults(item, node.elem)
    elif isinstance(value, list):
        for item in value:
            put_defaults(item, node.elem)
