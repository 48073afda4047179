"""What a schema may say of how lists and maps are owned: x-kubernetes-list-type, -list-map-keys and -map-type.

Source: apiextensions-apiserver, apis/apiextensions/validation (ValidateCustomResourceDefinitionOpenAPISchema).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required, unsupported

Raw = Mapping[str, Any]
Found = Iterator[FieldError]

LIST_TYPE, KEYS, MAP_TYPE = "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"


def list_errors(schema: Raw, path: str) -> list[FieldError]:
    """Return what is wrong with these three at one place of a schema."""
    return [
        *_types(schema, path, MAP_TYPE, "object", ("atomic", "granular")),
        *_types(schema, path, LIST_TYPE, "array", ()),
        *_set_items(schema, path),
        *_known_list_type(schema, path),
        *_keys(schema, path),
        *_key_fields(schema, path),
    ]


def _types(schema: Raw, path: str, name: str, kind: str, known: tuple[str, ...]) -> Found:
    value = schema.get(name)
    if value is None:
        return
    if schema.get("type") != kind:
        detail = f"must be {kind} if {name} is specified"
        found = schema.get("type")
        yield invalid(f"{path}.type", found, detail) if found else required(f"{path}.type", detail)
    if known and value not in known:
        yield unsupported(f"{path}.{name}", value, known)


def _set_items(schema: Raw, path: str) -> Found:
    """Items of a set are compared as wholes."""
    items = schema.get("items")
    if schema.get(LIST_TYPE) != "set" or schema.get("type") != "array" or not isinstance(items, Mapping):
        return
    detail = f"must be atomic as item of a list with {LIST_TYPE}=set"
    if items.get("type") == "array" and items.get(LIST_TYPE) not in (None, "atomic"):
        yield invalid(f"{path}.items.{LIST_TYPE}", items.get(LIST_TYPE), detail)
    elif items.get("type") == "object" and items.get(MAP_TYPE) != "atomic":
        yield invalid(f"{path}.items.{MAP_TYPE}", items.get(LIST_TYPE), detail)


def _known_list_type(schema: Raw, path: str) -> Found:
    if schema.get(LIST_TYPE) not in (None, "atomic", "set", "map"):
        yield unsupported(f"{path}.{LIST_TYPE}", schema[LIST_TYPE], ("atomic", "set", "map"))


def _keys(schema: Raw, path: str) -> Found:
    kind, keys, items = schema.get(LIST_TYPE), list(schema.get(KEYS) or ()), schema.get("items")
    if keys and kind != "map":
        detail = f"must be map if {KEYS} is non-empty"
        where = f"{path}.{LIST_TYPE}"
        yield required(where, detail) if kind is None else invalid(where, kind, detail)
    if kind != "map":
        return
    if not keys:
        yield required(f"{path}.{KEYS}", f"must not be empty if {LIST_TYPE} is map")
    if items is None:
        yield required(f"{path}.items", f"must have a schema if {LIST_TYPE} is map")
    if not isinstance(items, Mapping):
        return
    if items.get("type") != "object":
        detail = f"must be object if parent array's {LIST_TYPE} is map"
        yield invalid(f"{path}.items.type", items.get("type") or "", detail)
        return
    seen: set[str] = set()
    for key in keys:
        field = (items.get("properties") or {}).get(key)
        if field is None:
            yield invalid(f"{path}.{KEYS}", keys, "entries must all be names of item properties")
        elif field.get("type") in ("array", "object"):
            detail = f"must be a scalar type if parent array's {LIST_TYPE} is map"
            yield invalid(f"{path}.items.properties[{key}].type", items.get("type"), detail)
        if key in seen:
            yield invalid(f"{path}.{KEYS}", keys, "must not contain duplicate entries")
        seen.add(key)


def _key_fields(schema: Raw, path: str) -> Found:
    """Keys must always be there, and so must items."""
    items, kind = schema.get("items"), schema.get(LIST_TYPE)
    if not isinstance(items, Mapping) or kind not in ("set", "map"):
        return
    if items.get("nullable"):
        yield forbidden_field(f"{path}.items.nullable", f"cannot be nullable when {LIST_TYPE} is {kind}")
    if kind != "map":
        return
    for key in schema.get(KEYS) or ():
        field = (items.get("properties") or {}).get(key)
        if field is None:
            continue
        where = f"{path}.items.properties[{key}]"
        if key not in (items.get("required") or ()) and field.get("default") is None:
            detail = f"this property is in {KEYS}, so it must have a default or be a required property"
            yield required(f"{where}.default", detail)
        if field.get("nullable"):
            yield forbidden_field(f"{where}.nullable", f"this property is in {KEYS}, so it cannot be nullable")
