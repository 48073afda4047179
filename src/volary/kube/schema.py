"""CRD schemas from msgspec types: one truth for what a field may hold.

A CRD's schema is a narrow dialect (OpenAPI v3 without references, with one type for each node), so a type that it
cannot say is refused here, when the program is built, and never at a user's API server.
Source: apiextensions.k8s.io/v1, "Specifying a structural schema".
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec

Schema = dict[str, Any]

KEPT = frozenset(
    {
        "type", "description", "enum", "default", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
        "multipleOf", "pattern", "format", "minLength", "maxLength", "minItems", "maxItems", "minProperties",
        "maxProperties", "items", "properties", "required", "additionalProperties",
    }
)  # fmt: skip
DROPPED = frozenset({"title", "examples", "deprecated"})
TYPE_OF = {str: "string", bool: "boolean", int: "integer", float: "number"}


class NotExpressible(TypeError):
    """A CRD cannot say this type; the text names the type and the field."""


def structural_schema(struct_type: type, defaults: bool = True) -> Schema:
    """Return the structural schema of a msgspec Struct; without `defaults` none of its defaults is written into it.

    A default of None, [], () or {} is never written: it says no more than that the field is absent.
    Raises: NotExpressible.
    """
    try:
        document = msgspec.json.schema(struct_type)
    except TypeError as error:
        raise NotExpressible(f"{struct_type.__name__}: {error}") from None
    return Translation(document.get("$defs", {}), defaults).node(document, struct_type.__name__, ())


@cache
def schema_of(struct_type: type) -> Schema | None:
    """Return the (shared) schema of a type, or None where a CRD could not say it."""
    try:
        return structural_schema(struct_type)
    except NotExpressible:
        return None


class Translation:
    """One walk through a JSON schema, with its definitions at hand."""

    def __init__(self, definitions: Mapping[str, Schema], defaults: bool) -> None:
        self.definitions = definitions
        self.defaults = defaults

    def node(self, node: Schema, where: str, inside: tuple[str, ...]) -> Schema:
        """Return `node` in the dialect; `inside` are the definitions that we are in, to notice a type in itself."""
        if "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            if name in inside:
                raise NotExpressible(f"{where}: {name} holds itself, which a CRD cannot say")
            rest = {key: value for key, value in node.items() if key not in ("$ref", "$defs")}
            return self.node({**self.definitions[name], **rest}, where, (*inside, name))
        if "anyOf" in node:
            return self.union(node, where, inside)
        made = self.plain(node, where)
        self.children(made, where, inside)
        return made

    def union(self, node: Schema, where: str, inside: tuple[str, ...]) -> Schema:
        """Return an optional type, or a number-or-text; any other union is refused."""
        choices = [choice for choice in node["anyOf"] if choice.get("type") != "null"]
        rest = {key: value for key, value in node.items() if key != "anyOf"}
        kinds = {choice.get("type") for choice in choices}
        if len(choices) == 1:
            made = self.node({**choices[0], **rest}, where, inside)
        elif kinds == {"integer", "string"}:
            limits = {key: value for choice in choices for key, value in choice.items() if key != "type"}
            made = {**self.plain({**limits, **rest}, where), "x-kubernetes-int-or-string": True}
            made.pop("x-kubernetes-preserve-unknown-fields", None)
        elif kinds == {"integer", "number"}:
            made = self.node({"type": "number", **rest}, where, inside)
        else:
            raise NotExpressible(f"{where}: a CRD cannot say a union of {', '.join(sorted(map(str, kinds)))}")
        return {**made, "nullable": True} if len(choices) < len(node["anyOf"]) else made

    def plain(self, node: Schema, where: str) -> Schema:
        """Return what the node says of itself, without its children's translation."""
        made: Schema = {}
        for key, value in node.items():
            if key in KEPT or key.startswith("x-kubernetes-"):
                made[key] = value
            elif key == "contentEncoding":
                made["format"] = "byte"
            elif key not in DROPPED:
                raise NotExpressible(f'{where}: a CRD cannot say "{key}"')
        if made.get("format") == "duration":
            raise NotExpressible(f"{where}: write a duration as a text with a pattern, as Kubernetes does")
        if "enum" in made and "type" not in made:
            made["type"] = type_of_all(made["enum"], where)
        default = without_nulls(made.pop("default", None))
        if default not in (None, [], {}) and self.defaults:
            made["default"] = default
        draft_four_bounds(made)
        return made

    def children(self, made: Schema, where: str, inside: tuple[str, ...]) -> None:
        """Translate properties, items and values; mark what is free of form."""
        if "properties" in made:
            # A CRD prunes fields that it does not know; it has no word for forbidding them.
            made.pop("additionalProperties", None)
            made["properties"] = {
                name: self.node(child, f"{where}.{name}", inside) for name, child in made["properties"].items()
            }
            if not made.get("required"):
                made.pop("required", None)
        elif "additionalProperties" in made:
            made["additionalProperties"] = self.node(made["additionalProperties"], f"{where}.*", inside)
        elif made.get("type") == "array":
            made["items"] = self.node(made.get("items", {}), f"{where}[]", inside)
        elif made.get("type", "object") == "object":
            made["x-kubernetes-preserve-unknown-fields"] = True


def without_nulls(default: Any) -> Any:
    """Return a default as a server keeps it: it drops a null that it may not store, and would differ for ever."""
    if isinstance(default, dict):
        return {key: without_nulls(value) for key, value in default.items() if value is not None}
    return default


def type_of_all(values: list[Any], where: str) -> str:
    """Return the one JSON type of the values of an enumeration."""
    kinds = {TYPE_OF.get(type(value), "other") for value in values}
    if len(kinds) != 1 or kinds == {"other"}:
        raise NotExpressible(f"{where}: the values of an enumeration must be of one type, not {sorted(kinds)}")
    return kinds.pop()


def draft_four_bounds(made: Schema) -> None:
    """Write exclusive bounds as Kubernetes does: the bound itself, and a flag."""
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        value = made.get(exclusive)
        if value is not None and not isinstance(value, bool):
            made[bound], made[exclusive] = value, True
