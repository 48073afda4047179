"""The type that `self` has in a rule, as far as the checker is told: texts, numbers, lists and maps of those.

Objects stay dynamic, since the library knows named fields only of protobuf messages; which fields a rule selects is
checked in `cel_fields`.
"""

from __future__ import annotations

from volary.embedded.api.cel.expression import DYN, Type
from volary.embedded.api.schema import Node

SCALARS = {"string": "string", "integer": "int", "number": "double", "boolean": "bool"}
OPAQUE = {"duration", "date", "date-time"}  # another type in the language, and text here


def self_type(node: Node) -> Type:
    """Return the type of a value under a schema."""
    if node.int_or_string:
        return DYN
    if node.type == "array":
        return ("list", self_type(node.elem))
    if node.type == "object":
        return ("map", ("string",), self_type(node.elem)) if node.has_values else DYN
    if node.type == "string" and node.raw.get("format") in OPAQUE:
        return DYN
    if node.type == "string" and node.raw.get("format") == "byte":
        return ("bytes",)
    return (SCALARS[node.type],) if node.type in SCALARS else DYN
