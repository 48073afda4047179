"""What is checked of a custom resource before it is stored, in the server's order.

Metadata, schema, scale, embedded objects, list types, and last the rules in CEL, which are asked only of what has the
right types.

Source: apiextensions-apiserver, registry/customresource (strategy, status_strategy, validator).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.cel import rules as cel_rules
from volary.embedded.api.custom import embedded_objects, list_types, ratcheting, structural
from volary.embedded.api.errors import FieldError, invalid
from volary.embedded.api.text.go_text import go_text
from volary.embedded.api.validation.names import metadata_errors

Object = Mapping[str, Any]

# After these the rules are not asked: values may be of types that the rules do not expect.
BLOCKING = {
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
}
BLOCKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete "
    "validation"
)
LARGEST_COUNT = 2**31 - 1


def check(
    type_: ResourceType, obj: Object, old: Object | None, subresource: str, warn: Callable[[str], None]
) -> list[FieldError]:
    """Return what is wrong with an object; `old`: what it was before an update."""
    node = type_.node
    past = ratcheting.updated(old, obj) if old is not None else ratcheting.NEW
    found = metadata_errors(obj["metadata"], built_in=False)
    if subresource == "status":
        status = node.field("status")
        if "status" in obj and status is not None:
            wrong = structural.validate(obj["status"], status, "", past.field("status", status))
            found += [replace(it, field=_below_status(it.field)) for it in wrong]  # the texts begin below the status
    else:
        found += structural.validate(obj, node, "", past)
        found += _scale_spec(type_, obj)
    found += _scale_status(type_, obj)
    if subresource != "status":
        found += embedded_objects.errors(obj, node)
    if old is None or not any(list_types.errors(old, node)):
        found += list_types.errors(obj, node)
    if cel_rules.rules_of(node) is not None:
        if any(it.reason in BLOCKING for it in found):
            found.append(FieldError("FieldValueInvalid", "<nil>", BLOCKED, None))
        else:
            found += cel_rules.check(node, obj, past, warn)
    return found


def _below_status(field: str) -> str:
    return f"status.{field}" if field else "status"


def _paths(type_: ResourceType) -> Object:
    return (type_.version.get("subresources") or {}).get("scale") or {}


class NoWay(Exception):
    """A path that leads through something else than maps."""


def _at(path: str, obj: Object) -> Any:
    """Return the value at a path, None if it is not there. Raises: NoWay."""
    value: Any = obj
    steps = path.removeprefix(".").split(".")
    for index, step in enumerate(steps):
        if value is None:
            return None
        if not isinstance(value, Mapping):
            raise NoWay(_accessor("." + ".".join(steps[: index + 1]), value, "map[string]interface{}"))
        value = value.get(step)
    return value


def _is_null(path: str, obj: Object) -> bool:
    """Is null said in this place? An apply can leave it there; all others take it away first."""
    above, _, last = path.rpartition(".")
    place = _at(above, obj) if above else obj
    return isinstance(place, Mapping) and last in place and place[last] is None


def _scale_spec(type_: ResourceType, obj: Object) -> list[FieldError]:
    return _count(_paths(type_).get("specReplicasPath") or "", obj)


def _scale_status(type_: ResourceType, obj: Object) -> list[FieldError]:
    paths = _paths(type_)
    found = _count(paths.get("statusReplicasPath") or "", obj)
    path = paths.get("labelSelectorPath") or ""
    try:
        value = _at(path, obj) if path else None
    except NoWay as error:
        return [*found, invalid(path, "", str(error))]
    if (value is not None and not isinstance(value, str)) or _is_null(path, obj):
        found.append(invalid(path, "", _accessor(path, value, "string")))
    return found


def _count(path: str, obj: Object) -> list[FieldError]:
    """Return what keeps the replicas from being read as a count."""
    try:
        value = _at(path, obj) if path else None
    except NoWay as error:
        return [invalid(path, 0, str(error))]
    if value is None:
        return [invalid(path, 0, _accessor(path, None, "int64"))] if _is_null(path, obj) else []
    if isinstance(value, int) and not isinstance(value, bool):
        if value < 0:
            return [invalid(path, value, "should be a non-negative integer")]
        return (
            [invalid(path, value, f"should be less than or equal to {LARGEST_COUNT}")] if value > LARGEST_COUNT else []
        )
    return [invalid(path, 0, _accessor(path, value, "int64"))]


GO_TYPES: Mapping[type, str] = {
    str: "string", float: "float64", bool: "bool", int: "int64",
    dict: "map[string]interface {}", list: "[]interface {}", type(None): "<nil>",
}  # fmt: skip


def _accessor(path: str, value: Any, wanted: str) -> str:
    kind = GO_TYPES.get(type(value), "object")
    return f"{path} accessor error: {go_text(value)} is of the type {kind}, expected {wanted}"
