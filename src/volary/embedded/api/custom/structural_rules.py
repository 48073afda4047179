"""What makes a schema structural: every place of it has a type, and junctions (allOf, not, …) only check values.

Source: apiextensions-apiserver, apiserver/schema (validation, complete).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required
from volary.embedded.api.text.go_regex import mistake, pattern

Raw = Mapping[str, Any]
Found = Iterator[FieldError]

ROOT, ITEM, FIELD = "at the root", "for specified array items", "for specified object fields"
INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]
JUNCTIONS = ("anyOf", "allOf", "oneOf")
EMBEDDED, PRESERVE = "x-kubernetes-embedded-resource", "x-kubernetes-preserve-unknown-fields"
# What a schema inside a junction may not have, and what it must be instead.
FORBIDDEN = (
    ("default", "undefined"), ("title", "empty"), ("description", "empty"), ("nullable", "false"), (PRESERVE, "false"),
    (EMBEDDED, "false"), ("x-kubernetes-int-or-string", "false"), ("x-kubernetes-list-map-keys", "empty"),
    ("x-kubernetes-list-type", "undefined"), ("x-kubernetes-map-type", "undefined"),
    ("x-kubernetes-validations", "empty"),
)  # fmt: skip


def errors(schema: Raw, path: str) -> list[FieldError]:
    """Return what keeps a schema from being structural, in the order of the texts."""
    found = [*_invariants(schema, ROOT, path), *_complete(schema, schema, path, path)]
    return sorted(found, key=lambda it: f"{it.field}: {it.body}")


def _invariants(schema: Raw, level: str, path: str) -> Found:
    kind, more = str(schema.get("type") or ""), schema.get("additionalProperties")
    if kind == "array" and not isinstance(schema.get("items"), Mapping):
        yield required(f"{path}.items", "must be specified")
    if isinstance(schema.get("items"), Mapping):
        yield from _invariants(schema["items"], ITEM, f"{path}.items")
    for name, child in (schema.get("properties") or {}).items():
        yield from _invariants(child, FIELD, f"{path}.properties[{name}]")
    if more is not None:
        if level == ROOT:
            yield forbidden_field(f"{path}.additionalProperties", "must not be used at the root")
        if isinstance(more, Mapping):
            yield from _invariants(more, FIELD, f"{path}.additionalProperties")
    yield from _extensions(schema, path)
    yield from _values(schema, path, schema.get("anyOf") == INT_OR_STRING, _first_any_of(schema))
    yield from _type(schema, kind, level, path)
    yield from _head(schema, level, path)
    if schema.get(EMBEDDED) and not schema.get(PRESERVE) and not schema.get("properties"):
        detail = f"must not be empty if {EMBEDDED} is true without {PRESERVE}"
        yield required(f"{path}.properties", detail)


def _first_any_of(schema: Raw) -> bool:
    parts = list(schema.get("allOf") or ())
    return bool(parts) and bool(parts[0].get("anyOf") == INT_OR_STRING)


def _extensions(schema: Raw, path: str) -> Found:
    if schema.get("x-kubernetes-int-or-string"):
        for name in (PRESERVE, EMBEDDED):
            if schema.get(name):
                yield invalid(f"{path}.{name}", True, "must be false if x-kubernetes-int-or-string is true")


def _type(schema: Raw, kind: str, level: str, path: str) -> Found:
    if schema.get(EMBEDDED) and kind != "object":
        detail = f"must be object if {EMBEDDED} is true"
        yield invalid(f"{path}.type", kind, detail) if kind else required(f"{path}.type", detail)
    elif not kind and not schema.get("x-kubernetes-int-or-string") and not schema.get(PRESERVE):
        yield required(f"{path}.type", f"must not be empty {level}")
    if schema.get(EMBEDDED) and schema.get("additionalProperties") is not None:
        yield forbidden_field(f"{path}.additionalProperties", f"must not be used if {EMBEDDED} is set")
    if level == ROOT and kind and kind != "object":
        yield invalid(f"{path}.type", kind, "must be object at the root")


def _head(schema: Raw, level: str, path: str) -> Found:
    """Check what a schema says of kind, apiVersion and metadata, where it is one of a whole object."""
    whole, fields = level == ROOT or bool(schema.get(EMBEDDED)), schema.get("properties") or {}
    for name in ("kind", "apiVersion"):
        if whole and name in fields and fields[name].get("type") != "string":
            yield invalid(f"{path}.properties[{name}].type", fields[name].get("type") or "", "must be string")
    meta = fields.get("metadata")
    if meta is None:
        return
    where = f"{path}.properties[metadata]"
    if whole and meta.get("type") != "object":
        yield invalid(f"{where}.type", meta.get("type") or "", "must be object")
    if level == ROOT:
        rest = {key: it for key, it in meta.items() if key not in ("type", "default", "description") and it}
        named = set(rest.get("properties") or ())
        if named and named <= {"name", "generateName"}:
            del rest["properties"]
        if rest or meta.get("description"):
            detail = "must not specify anything other than name and generateName, but metadata is implicitly specified"
            yield forbidden_field(where, detail)


def _values(schema: Raw, path: str, skip_any_of: bool, skip_first: bool) -> Found:
    """Check what stands inside junctions."""
    for junction in JUNCTIONS:
        for index, part in enumerate(schema.get(junction) or ()):
            if not (junction == "anyOf" and skip_any_of):
                skip = junction == "allOf" and index == 0 and skip_first
                yield from _nested(part, f"{path}.{junction}[{index}]", skip)
    if isinstance(schema.get("not"), Mapping):
        yield from _nested(schema["not"], f"{path}.not", False)
    if schema.get("pattern"):
        try:
            pattern(str(schema["pattern"]))
        except re.error as error:
            detail = f"must be a valid regular expression, but isn't: {mistake(str(schema['pattern']), error)}"
            yield invalid(f"{path}.pattern", schema["pattern"], detail)


def _nested(schema: Raw, path: str, skip_any_of: bool) -> Found:
    yield from _values(schema, path, skip_any_of, False)
    if isinstance(schema.get("items"), Mapping):
        yield from _nested(schema["items"], f"{path}.items", False)
    for name, child in (schema.get("properties") or {}).items():
        yield from _nested(child, f"{path}.properties[{name}]", False)
    if schema.get("type"):
        yield forbidden_field(f"{path}.type", "must be empty to be structural")
    if schema.get("additionalProperties") is not None:
        yield forbidden_field(f"{path}.additionalProperties", "must be undefined to be structural")
    for name, what in FORBIDDEN:
        if schema.get(name):
            yield forbidden_field(f"{path}.{name}", f"must be {what} to be structural")
    if "metadata" in (schema.get("properties") or ()):
        yield forbidden_field(f"{path}.properties[metadata]", "must not be specified in a nested context")


def _complete(values: Raw, schema: Raw | None, place: str, path: str) -> Found:
    """Check that what junctions say of fields and items is said of fields and items that there are."""
    if schema is None:
        yield required(place, f"because it is defined in {path}")
        return
    if isinstance(values.get("not"), Mapping):
        yield from _complete_nested(values["not"], schema, place, f"{path}.not")
    for junction in ("allOf", "anyOf", "oneOf"):
        for index, part in enumerate(values.get(junction) or ()):
            yield from _complete_nested(part, schema, place, f"{path}.{junction}[{index}]")


def _complete_nested(values: Raw, schema: Raw, place: str, path: str) -> Found:
    yield from _complete(values, schema, place, path)
    if isinstance(values.get("items"), Mapping):
        items = schema.get("items")
        if not isinstance(items, Mapping):
            yield required(f"{place}.items", f"because it is defined in {path}.items")
        else:
            yield from _complete_nested(values["items"], items, f"{place}.items", f"{path}.items")
    known = schema.get("properties") or {}
    for name, child in (values.get("properties") or {}).items():
        where = f"{place}.properties[{name}]"
        if name not in known:
            yield required(where, f"because it is defined in {path}.properties[{name}]")
        else:
            yield from _complete_nested(child, known[name], where, f"{path}.properties[{name}]")
