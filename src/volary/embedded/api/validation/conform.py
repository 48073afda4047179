"""A body against the schema of a built-in kind: fields that nobody knows, types that Go would refuse.

Source: the texts are those of Go's decoder (sigs.k8s.io/json) as the server passes them on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from volary.embedded.api.registry import load
from volary.embedded.api.schema import LIST, MAP, SCALAR, Node
from volary.embedded.api.text.quantities import canonical, quantity_value


class WrongType(Exception):
    """A value that cannot be decoded; `patched` says so as the server does of a strategic patch."""

    def __init__(self, text: str, patched: str = "") -> None:
        super().__init__(text)
        self.patched = patched or text


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an object a value is, as messages name it."""

    path: str = ""  # with indexes, as unknown fields are told
    plain: str = ""  # without, but with the structs that Go inlines
    owner: str = ""  # the struct that has it
    go: str = ""  # its type in Go, where the schema does not say it

    def member(self, name: str, node: Node) -> Place:
        known = go_types().get(node.reference) or {}
        inner = (known.get("inlined") or {}).get(name)
        plain = ".".join(it for it in (self.plain, inner, name) if it)
        path = f"{self.path}.{name}" if self.path else name
        return Place(path, plain, struct_name(node) or self.owner, (known.get("types") or {}).get(name, ""))

    def value(self, key: str) -> Place:
        """Return the place of a map's value; messages name the map, not its key."""
        return Place(f"{self.path}.{key}" if self.path else key, self.plain, self.owner, VALUE_TYPE.sub("", self.go))

    def item(self, index: int) -> Place:
        return Place(f"{self.path}[{index}]", self.plain, self.owner, self.go.removeprefix("[]"))


VALUE_TYPE = re.compile(r"^map\[[^\]]*\]")


@cache
def go_types() -> dict[str, Any]:
    """Return, by definition: `types` of fields in Go, and in which struct a field is `inlined`."""
    found: dict[str, Any] = load("go_types.json")
    return found


def conform(value: Any, node: Node, path: str = "", owner: str = "") -> list[str]:
    """Take unknown fields out of `value` and return their paths. Raises: WrongType."""
    unknown: list[str] = []
    _conform(value, node, Place(path, path, owner), unknown)
    return unknown


# How a value was reached: (how its parent was, the parent's schema, a field's name or an index). Only an error asks
# for the place that this is, so the way costs no more than a tuple.
Way = Any


def place_of(way: Way) -> Place:
    if isinstance(way, Place):
        return way
    parent, node, key = way
    place = place_of(parent)
    if isinstance(key, int):
        return place.item(key)
    return place.member(key, node) if node.field(key) is not None else place.value(key)


def _conform(value: Any, node: Node, way: Way, unknown: list[str]) -> None:
    if value is None:
        return
    kind = node.kind
    if kind == MAP:
        if not isinstance(value, dict):
            raise _mismatch(value, node, place_of(way))
        _conform_map(value, node, way, unknown)
    elif kind == LIST:
        if not isinstance(value, list):
            raise _mismatch(value, node, place_of(way))
        _conform_list(value, node, way, unknown)
    elif kind == SCALAR and not fits(value, node):
        raise _mismatch(value, node, place_of(way))
    elif kind == SCALAR and node.raw.get("format") == "byte":
        check_base64(value)
    elif kind == SCALAR and node.reference:
        _check_form(value, node)


def _conform_list(value: list[Any], node: Node, way: Way, unknown: list[str]) -> None:
    elem = node.elem
    if elem.kind not in (SCALAR, MAP, LIST):
        return
    for index, item in enumerate(value):
        if item is None:  # of a list of values Go makes null the zero value
            value[index] = ZERO_VALUES.get(elem.type, {})
        _conform(item, elem, (way, node, index), unknown)


def _conform_map(value: dict[str, Any], node: Node, way: Way, unknown: list[str]) -> None:
    for name in list(value):
        child = node.field(name)
        if child is None:
            if not node.open:
                unknown.append(place_of((way, node, name)).path)
                del value[name]
                continue
            child = node.elem
            if value[name] is None and child.type == "string":
                value[name] = ""
        _conform(value[name], child, (way, node, name), unknown)
        if child.quantity and value[name] is not None:
            value[name] = canonical(value[name])
        elif child.reference.endswith("Time") and value[name] is not None:
            value[name] = canonical_time(value[name], child)


ZERO_VALUES: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False}
LARGEST = {"int32": 2**31 - 1, "int64": 2**63 - 1, "": 2**63 - 1}
QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
TIME, MICRO_TIME = "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05.000000Z07:00"


BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def check_base64(text: str) -> None:
    """Refuse text that is no base64. Raises: WrongType."""
    plain = text.replace("\n", "").replace("\r", "")
    body = plain.rstrip("=")
    bad = next((index for index, char in enumerate(body) if char not in BASE64), None)
    if bad is None and (len(plain) % 4 or len(plain) - len(body) > 2):
        bad = len(plain) // 4 * 4  # where the group begins that is not whole
    if bad is not None:
        told = f"illegal base64 data at input byte {bad}"
        raise WrongType(told, f"error decoding from json: {told}")


RFC_3339 = re.compile(r"^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$")


def _check_form(value: Any, node: Node) -> None:
    """Refuse a quantity or a time that is none. Raises: WrongType."""
    if node.reference.endswith("resource.Quantity"):
        if quantity_value(value) is None:
            raise WrongType(QUANTITY)
    elif node.reference.endswith(("meta.v1.Time", "meta.v1.MicroTime")) and _moment(value) is None:
        layout = MICRO_TIME if node.reference.endswith("MicroTime") else TIME
        raise WrongType(f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"')


def check_time(text: str) -> None:
    """Refuse a text that is no time. Raises: WrongType."""
    if _moment(text) is None:
        raise WrongType(f'parsing time "{text}" as "{TIME}": cannot parse "{text}" as "2006"')


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if RFC_3339.match(text) else None
    except ValueError:
        return None


def canonical_time(text: str, node: Node) -> str:
    """Return a time as the server writes it: whole seconds, or six digits, and in UTC."""
    found = _moment(text)
    if found is None:
        return text
    layout = "%Y-%m-%dT%H:%M:%S.%fZ" if node.reference.endswith("MicroTime") else "%Y-%m-%dT%H:%M:%SZ"
    return found.astimezone(UTC).strftime(layout)


def fits(value: Any, node: Node) -> bool:
    """Can Go decode the scalar?"""
    if node.int_or_string or node.reference.endswith("resource.Quantity"):
        return isinstance(value, str | int | float) and not isinstance(value, bool)
    if node.type == "string":
        return isinstance(value, str)
    if node.type == "integer":
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and -LARGEST[node.raw.get("format", "")] - 1 <= value <= LARGEST[node.raw.get("format", "")]
    if node.type == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, bool)


def struct_name(node: Node) -> str:
    return node.reference.rpartition(".")[2]


def _mismatch(value: Any, node: Node, place: Place) -> WrongType:
    name = f"{place.owner}.{place.plain}" if place.owner else place.plain
    # A whole number that is too large is shown, any other value only by its kind.
    overflows = node.type == "integer" and isinstance(value, int) and not isinstance(value, bool)
    shown = f"number {value}" if overflows or isinstance(value, float) else json_kind(value)
    go = "string" if node.reference.endswith("MicroTime") else place.go or go_type(node)
    text = f"json: cannot unmarshal {shown} into Go struct field {name} of type {go}"
    return WrongType(text, _unrestorable(value, node, go))


REFLECTED = {"bool": "bool", "string": "string", "object": "map", "array": "slice"}


def _unrestorable(value: Any, node: Node, go: str) -> str:
    """Return why a value does not fit, in the words of the server's converter of untyped objects."""
    number = "float64" if isinstance(value, float) else "int64"
    kind = REFLECTED.get(json_kind(value), number)
    if node.kind == MAP:
        return f"cannot restore struct from: {kind}" if node.struct else f"cannot restore map from {kind}"
    if node.kind == LIST or go == "[]uint8":
        return f"cannot restore slice from {kind}"
    numeric = node.type in ("integer", "number")
    if kind in ("int64", "float64") and (numeric or (node.type == "string" and kind == "int64")):
        return f"cannot convert {kind} to {go}"
    return f"unrecognized type: {go if numeric else {'boolean': 'bool'}.get(node.type, 'string')}"


def json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    return "object" if isinstance(value, dict) else "array"


def go_type(node: Node) -> str:
    """Return the Go type as messages name it."""
    if node.kind == LIST:
        return f"[]{go_type(node.elem)}"
    if node.kind == MAP and not node.struct:
        return f"map[string]{go_type(node.elem)}"
    if node.type == "integer":
        return str(node.raw.get("format") or "int64")
    if node.type == "boolean":
        return "bool"
    if node.reference and node.kind != SCALAR:
        package = "v1" if ".meta.v1." in node.reference else node.reference.split(".")[-2]
        return f"{package}.{struct_name(node)}"
    return node.type or "interface {}"
