"""Parts of objects as rules in CEL see them: fields that the schema names, under escaped names, in the schema's types.

Source: Kubernetes, apiserver/pkg/cel/common (values, schemas). Durations and times stay text: see `cel`.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import Any

from volary.embedded.api.cel.names import escape
from volary.embedded.api.encoding import encode
from volary.embedded.api.schema import Node

# Of the metadata of an object rules see only these.
METADATA = ("name", "generateName")
HEAD = ("apiVersion", "kind")
UNNAMED = "\0"


def visible(node: Node) -> bool:
    """Do rules see what this schema describes? What has no type they do not."""
    if node.type == "array":
        return "items" in node.raw and visible(node.elem)
    if node.type == "object" and node.has_values:
        return visible(node.elem)
    return bool(node.type) or node.int_or_string


def seen(value: Any, node: Node, resource: bool = False) -> Any:
    """Return `value` as a rule at `node` sees it; `resource`: it is a whole object."""
    if value is None or node.int_or_string:
        return value
    if isinstance(value, dict):
        if node.has_values and not resource:
            return {key: seen(it, node.elem, node.elem.embedded) for key, it in value.items()}
        return _fields(value, node, resource or node.embedded)
    if isinstance(value, list):
        return [seen(it, node.elem, node.elem.embedded) for it in value]
    if node.type == "number" and not isinstance(value, bool):
        return float(value)
    if node.type == "integer" and isinstance(value, float):
        return int(value)
    if node.type == "string" and node.raw.get("format") == "byte":
        return _decoded(value)
    return value


def _fields(value: dict[str, Any], node: Node, resource: bool) -> dict[str, Any]:
    """Return the named fields; one that is null counts as absent."""
    found: dict[str, Any] = {}
    for name, it in value.items():
        if resource and name == "metadata" and isinstance(it, dict):
            found[name] = {key: it[key] for key in METADATA if key in it}
            continue
        if resource and name in HEAD:
            found[name] = it
            continue
        child = node.field(name)
        shown = escape(name)
        if child is not None and shown is not None and it is not None and visible(child):
            found[shown] = seen(it, child, child.embedded)
        elif child is None and node.preserve:
            found[UNNAMED + name] = it  # no rule can name it, but it counts when two objects are compared
    return found


def _decoded(text: str) -> Any:
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return text


def aligned(old: Any, new: Any, node: Node) -> Any:
    """Return `old` with the items of its sets and keyed lists in the order of `new`: there order says nothing."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {key: aligned(it, new.get(key), _child(node, key)) for key, it in old.items()}
    if not (isinstance(old, list) and isinstance(new, list)) or node.list_type not in ("set", "map"):
        return old
    place = {key_of(it, node): index for index, it in reversed(list(enumerate(new)))}
    placed = sorted(old, key=lambda it: place.get(key_of(it, node), len(new)))
    by_key = {key_of(it, node): it for it in new}
    return [aligned(it, by_key.get(key_of(it, node)), node.elem) for it in placed]


def _child(node: Node, name: str) -> Node:
    return node.field(name) or node.elem


def key_of(item: Any, node: Node) -> bytes:
    """Return what tells an item of a set or a keyed list from the others."""
    if node.list_type == "map" and isinstance(item, dict):
        return encode([item.get(key) for key in node.keys])
    return encode(item)
