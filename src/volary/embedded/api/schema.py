"""One node type for every schema: it serves strategic merge, apply, validation, pruning and defaulting.

Nodes are compiled lazily from OpenAPI v2 definitions of built-ins and from the structural schemas of CRDs, and
shared for good: reading a field the first time compiles it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Raw = Mapping[str, Any]

SCALAR, MAP, LIST, ANY = "scalar", "map", "list", "any"
SCALARS = {"string", "integer", "number", "boolean"}
EXACT: Mapping[str, type] = {"string": str, "boolean": bool}

METADATA: Raw = {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
OBJECT: Raw = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}  # what a whole object inside another has

# OpenAPI v2 carries no defaults, but apply cannot tell two items apart without these.
KEY_DEFAULTS = {
    ("io.k8s.api.core.v1.ContainerPort", "protocol"): "TCP",
    ("io.k8s.api.core.v1.LocalObjectReference", "name"): "",
    ("io.k8s.api.core.v1.ServicePort", "protocol"): "TCP",
}


class Node:
    """A place in a schema."""

    __slots__ = (
        "_elem",
        "_elem_raw",
        "_fields",
        "_key_defaults",
        "_raw_fields",
        "atomic",
        "definitions",
        "embedded",
        "exact",
        "int_or_string",
        "keys",
        "kind",
        "list_type",
        "merge_key",
        "nullable",
        "preserve",
        "quantity",
        "raw",
        "reference",
        "strategy",
        "struct",
        "time",
        "type",
    )

    def __init__(self, raw: Raw, definitions: Mapping[str, Raw], reference: str = "") -> None:
        self.raw = raw
        self.definitions = definitions
        self.reference = reference or str(raw.get("$ref") or "").rpartition("/")[2]
        body = definitions.get(self.reference, raw)
        self.type = str(body.get("type") or "")
        self.int_or_string = bool(raw.get("x-kubernetes-int-or-string")) or body.get("format") == "int-or-string"
        self.quantity = self.reference.endswith("resource.Quantity")
        self.time = self.reference.endswith("Time")
        self.nullable = bool(raw.get("nullable"))
        self.embedded = bool(raw.get("x-kubernetes-embedded-resource"))
        self.preserve = bool(
            raw.get("x-kubernetes-preserve-unknown-fields") or body.get("x-kubernetes-preserve-unknown-fields")
        )
        self.list_type: str = str(raw.get("x-kubernetes-list-type") or "")
        self.keys: tuple[str, ...] = tuple(raw.get("x-kubernetes-list-map-keys") or ())
        self.strategy = tuple(str(raw.get("x-kubernetes-patch-strategy") or "").split(","))
        self.merge_key = str(raw.get("x-kubernetes-patch-merge-key") or "")
        self._fields: dict[str, Node] = {}
        self._elem: Node | None = None
        self._key_defaults: dict[str, Any] | None = None
        self._compile(raw, body)

    def _compile(self, raw: Raw, body: Raw) -> None:
        map_type = raw.get("x-kubernetes-map-type") or body.get("x-kubernetes-map-type")
        self._raw_fields: Mapping[str, Raw] = body.get("properties") or {}
        if self.embedded:
            self._raw_fields = {**OBJECT, **self._raw_fields, "metadata": METADATA}
        self._elem_raw: Raw | None = None
        if self.type == "array":
            self.kind, self.atomic = LIST, self.list_type not in ("set", "map")
            self._elem_raw = body.get("items") or {}
        elif self.type == "object":
            values = body.get("additionalProperties")
            self._elem_raw = values if isinstance(values, Mapping) else {} if values is True else None
            self.atomic = map_type == "atomic"
            free = not self._raw_fields and self._elem_raw is None
            self.kind = ANY if free and not self.atomic else MAP
        elif self.type in SCALARS or self.int_or_string:
            self.kind, self.atomic = SCALAR, True
        else:
            self.kind, self.atomic = ANY, map_type == "atomic"
        self.struct = bool(self._raw_fields)  # a Go struct, or anything else with named fields
        plain = self.kind == SCALAR and not (self.int_or_string or self.reference or raw.get("format") == "byte")
        self.exact = EXACT.get(self.type) if plain else None  # the Python type of which every value fits

    @property
    def field_names(self) -> Mapping[str, Raw]:
        return self._raw_fields

    @property
    def open(self) -> bool:
        """Are keys welcome that the schema does not name?"""
        return self.kind == ANY or self.preserve or self._elem_raw is not None or not self._raw_fields

    @property
    def has_values(self) -> bool:
        """Does the schema say what keys that it does not name hold?"""
        return self.kind == MAP and self._elem_raw is not None

    @property
    def untyped(self) -> bool:
        """Does apply take any scalar here? Of a text with a format it checks nothing but that."""
        text = self.type == "string" and self.raw.get("format", "") not in ("", "byte")
        return self.int_or_string or self.quantity or bool(self.reference and self.kind == SCALAR) or text

    def field(self, name: str) -> Node | None:
        """Return the named field's node, or None."""
        found = self._fields.get(name)
        if found is None and name in self._raw_fields:
            found = self._fields[name] = Node(self._raw_fields[name], self.definitions)
        return found

    def known(self, name: str) -> Node | None:
        """Return the node of a map's key that the schema describes, or None."""
        return self.field(name) or (self.elem if self.has_values else None)

    @property
    def items(self) -> Node | None:
        """Return the node of list items if the schema describes them, or None."""
        return self.elem if self.kind == LIST else None

    @property
    def elem(self) -> Node:
        """Return the node of list items or map values."""
        if self._elem is None:
            self._elem = ANYTHING if self._elem_raw is None else Node(self._elem_raw, self.definitions)
        return self._elem

    def child(self, name: str) -> Node:
        """Return the node of a map's key."""
        found = self._fields.get(name)
        return found if found is not None else self.field(name) or self.elem

    def zero_of(self, key: str, field: Node) -> Any:
        """Return Go's zero value of a required scalar, which is what leaving it out means."""
        if key not in (self.definitions[self.reference].get("required") or ()):
            return None
        return {"string": "", "integer": 0}.get(field.type)

    @property
    def key_defaults(self) -> Mapping[str, Any]:
        """Return what the keys of a list's items are where an item leaves them out."""
        if self._key_defaults is None:
            found: dict[str, Any] = {}
            for key in self.keys:
                field = self.elem.field(key)
                default = KEY_DEFAULTS.get((self.elem.reference, key), field.raw.get("default") if field else None)
                if default is None and field is not None and self.elem.reference in self.definitions:
                    default = self.elem.zero_of(key, field)
                if default is not None:
                    found[key] = default
            self._key_defaults = found
        return self._key_defaults


ANYTHING = Node({}, {})
