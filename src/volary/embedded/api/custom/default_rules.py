"""Defaults in a schema must be valid under it, and have no fields that it does not name.

Source: apiextensions-apiserver, apiserver/schema/defaulting/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from volary.embedded.api.cel import rules as cel_rules
from volary.embedded.api.custom import embedded_objects, structural
from volary.embedded.api.custom.pruning import prune
from volary.embedded.api.custom.ratcheting import NEW
from volary.embedded.api.encoding import copy_of
from volary.embedded.api.errors import FieldError, invalid
from volary.embedded.api.registry import definitions
from volary.embedded.api.schema import Node
from volary.embedded.api.validation.conform import WrongType

HEAD = ("metadata", "apiVersion", "kind")


def errors(schema: Any, path: str) -> list[FieldError]:
    """Return what is wrong with the defaults of a structural schema."""
    return list(_errors(Node(schema, definitions()), path, True))


def _errors(node: Node, path: str, resource: bool) -> Iterator[FieldError]:
    if node.raw.get("default") is not None:
        yield from _default(node, f"{path}.default", resource)
    if node.type == "array":
        yield from _errors(node.elem, f"{path}.items", node.elem.embedded)
    for name in node.field_names:
        child = node.field(name)
        if child is not None and not (resource and name in HEAD):  # metadata is of a type that the server knows
            yield from _errors(child, f"{path}.properties[{name}]", child.embedded)


def _default(node: Node, path: str, resource: bool) -> Iterator[FieldError]:
    value = node.raw["default"]
    pruned = copy_of(value)
    if prune(pruned, node, resource):
        yield invalid(path, value, "must not have unknown fields")
    try:
        embedded_objects.coerce(copy_of(value), node)
    except WrongType as error:
        yield invalid(path, value, str(error))
        return
    found = embedded_objects.errors(value, node, resource)
    if not found:
        found = structural.validate(value, node)
    if found:
        yield from (_placed(it, path) for it in found)
        return
    rules = cel_rules.rules_of(node)
    if rules is not None:
        for broken in cel_rules.check(node, value, NEW, lambda _: None):
            yield _placed(broken, path)


def _placed(error: FieldError, path: str) -> FieldError:
    """Return an error of a default with the whole path."""
    place = "" if error.field == "<nil>" else error.field
    joined = "" if not place or place.startswith("[") else "."
    return FieldError(error.reason, f"{path}{joined}{place}", error.detail, error.value)
