"""A body against the schema of a built-in kind: fields that nobody knows, types that Go would refuse.

Source: the texts are those of Go's decoder (sigs.k8s.io/json) as the server passes them on.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from volary.embedded.api.quantities import canonical, quantity_value
from volary.embedded.api.schema import LIST, MAP, SCALAR, Node


class WrongType(Exception):
    """A value that cannot be decoded."""


def conform(value: Any, node: Node, path: str = "", owner: str = "") -> list[str]:
    """Take unknown fields out of `value` and return their paths. Raises: WrongType."""
    unknown: list[str] = []
    _conform(value, node, path, owner, unknown)
    return unknown


def _conform(value: Any, node: Node, path: str, owner: str, unknown: list[str]) -> None:
    if value is None:
        return
    kind = node.kind
    if kind == MAP:
        if not isinstance(value, dict):
            raise _mismatch(value, node, path, owner)
        _conform_map(value, node, path, owner, unknown)
    elif kind == LIST:
        if not isinstance(value, list):
            raise _mismatch(value, node, path, owner)
        elem = node.elem
        if elem.kind == SCALAR or elem.kind in (MAP, LIST):
            for index, item in enumerate(value):
                if item is None:  # of a list of values Go makes null the zero value
                    value[index] = ZERO_VALUES.get(elem.type, {})
                _conform(item, elem, f"{path}[{index}]" if path else f"[{index}]", owner, unknown)
    elif kind == SCALAR and not fits(value, node):
        raise _mismatch(value, node, path, owner)
    elif kind == SCALAR and node.raw.get("format") == "byte":
        check_base64(value)
    elif kind == SCALAR and node.reference:
        _check_form(value, node)


def _conform_map(value: dict[str, Any], node: Node, path: str, parent: str, unknown: list[str]) -> None:
    owner = struct_name(node)
    for name in list(value):
        child = node.field(name)
        where = f"{path}.{name}" if path else name
        if child is None:
            if not node.open:
                unknown.append(where)
                del value[name]
                continue
            child = node.elem
            if value[name] is None and child.type == "string":
                value[name] = ""
            if child.kind == SCALAR and not (value[name] is None or fits(value[name], child)):
                raise _mismatch(value[name], child, path, parent)  # messages name the map, not its key
        _conform(value[name], child, where, owner, unknown)
        if child.quantity and value[name] is not None:
            value[name] = canonical(value[name])


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
        bad = len(plain)
    if bad is not None:
        raise WrongType(f"illegal base64 data at input byte {bad}")


def _check_form(value: Any, node: Node) -> None:
    """Refuse a quantity or a time that is none. Raises: WrongType."""
    if node.reference.endswith("resource.Quantity"):
        if quantity_value(value) is None:
            raise WrongType(QUANTITY)
    elif node.reference.endswith(("meta.v1.Time", "meta.v1.MicroTime")):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            layout = MICRO_TIME if node.reference.endswith("MicroTime") else TIME
            raise WrongType(f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"') from None


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


def _mismatch(value: Any, node: Node, path: str, owner: str) -> WrongType:
    # Go tells the path with indexes left out.
    plain = "".join(part.partition("]")[2] if "]" in part else part for part in path.replace("[", "\0[").split("\0"))
    name = f"{owner}.{plain}" if owner else plain
    # A whole number that is too large is shown, any other value only by its kind.
    overflows = node.type == "integer" and isinstance(value, int) and not isinstance(value, bool)
    shown = f"number {value}" if overflows or isinstance(value, float) else json_kind(value)
    return WrongType(f"json: cannot unmarshal {shown} into Go struct field {name} of type {go_type(node)}")


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
