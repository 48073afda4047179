"""A body against the schema of a built-in kind: fields that nobody knows, types that Go would refuse.

Source: the texts are those of Go's decoder (sigs.k8s.io/json) as the server passes them on.
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from volary.embedded.api.registry import load
from volary.embedded.api.schema import LIST, MAP, SCALAR, Node
from volary.embedded.api.text.quantities import canonical, quantity_value
from volary.embedded.api.validation.times import BadTime, parse_time, written


@dataclass(slots=True)
class Findings:
    """What a walk through a body finds."""

    unknown: list[str] = field(default_factory=list)
    wrong: WrongType | None = None  # the first value of another type; the walk goes on after it

    def refuse(self, error: WrongType | None) -> None:
        self.wrong = self.wrong or error


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
    """Take unknown fields out of `value` and return their paths. Raises: WrongType.

    Go's decoder goes on after a value of another type, and tells the first of them in the end. A type that decodes
    itself (a time, a quantity) ends it at once.
    """
    found = Findings()
    try:
        _conform(value, node, Place(path, path, owner), found)
    except WrongType as error:
        if found.wrong:
            error.patched = found.wrong.patched  # the converter of patches stops at the first
        raise
    if found.wrong:
        raise found.wrong
    return found.unknown


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


def _conform(value: Any, node: Node, way: Way, found: Findings) -> None:
    if value is None:
        return
    kind = node.kind
    if kind == MAP:
        if isinstance(value, dict):
            _conform_map(value, node, way, found)
        else:
            found.refuse(_mismatch(value, node, place_of(way)))
    elif kind == LIST:
        if isinstance(value, list):
            _conform_list(value, node, way, found)
        else:
            found.refuse(_mismatch(value, node, place_of(way)))
    elif kind == SCALAR:
        _conform_scalar(value, node, way, found)


def _conform_scalar(value: Any, node: Node, way: Way, found: Findings) -> None:
    if node.raw.get("format") == "byte":
        if isinstance(value, str):
            check_base64(value, found)
        else:
            found.refuse(_mismatch_in_bytes(value, node, place_of(way)))
    elif not fits(value, node):
        error = _mismatch(value, node, place_of(way))
        if decodes_itself(node):
            raise error
        found.refuse(error)
    elif node.reference:
        _check_form(value, node)


def _conform_list(value: list[Any], node: Node, way: Way, found: Findings) -> None:
    elem = node.elem
    if elem.kind not in (SCALAR, MAP, LIST):
        return
    for index, item in enumerate(value):
        if item is None:  # of a list of values Go makes null the zero value
            value[index] = ZERO_VALUES.get(elem.type, {})
        _conform(item, elem, (way, node, index), found)


def _conform_map(value: dict[str, Any], node: Node, way: Way, found: Findings) -> None:
    for name, item in [*value.items()]:
        child = node.field(name)
        if child is None:
            if not node.open:
                found.unknown.append(place_of((way, node, name)).path)
                del value[name]
                continue
            child = node.elem
            if value[name] is None and child.type == "string":
                value[name] = "0" if child.quantity else ""
        if item is None or type(item) is child.exact:
            continue
        _conform(item, child, (way, node, name), found)
        if child.kind == SCALAR and value[name] is not None:
            value[name] = _canonical(value[name], child)


def _canonical(value: Any, node: Node) -> Any:
    """Return a value in the form in which the server writes it."""
    if node.quantity:
        return canonical(value)
    if node.reference.endswith("Time") and isinstance(value, str):
        return canonical_time(value, node)
    if isinstance(value, list):  # bytes, one by one
        return b64encode(bytes(it for it in value if isinstance(it, int) and 0 <= it < 256)).decode()
    return value


ZERO_VALUES: dict[str, Any] = {"string": "", "integer": 0, "number": 0, "boolean": False}
LARGEST = {"int32": 2**31 - 1, "int64": 2**63 - 1, "": 2**63 - 1}
QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


def check_base64(text: str, found: Findings) -> None:
    """Refuse text that is no base64."""
    plain = text.replace("\n", "").replace("\r", "")
    body = plain.rstrip("=")
    bad = next((index for index, char in enumerate(body) if char not in BASE64), None)
    if bad is None and (len(plain) % 4 or len(plain) - len(body) > 2):
        bad = len(plain) // 4 * 4  # where the group begins that is not whole
    if bad is not None:
        told = f"illegal base64 data at input byte {bad}"
        found.refuse(WrongType(told, f"error decoding from json: {told}"))


def _check_form(value: Any, node: Node) -> None:
    """Refuse a quantity or a time that is none. Raises: WrongType."""
    if node.quantity:
        if quantity_value(value) is None:
            raise WrongType(QUANTITY)
    elif is_time(node):
        try:
            parse_time(value, node.reference.endswith("MicroTime"))
        except BadTime as error:
            raise WrongType(str(error)) from error


def check_time(text: str) -> None:
    """Refuse a text that is no time. Raises: WrongType."""
    try:
        parse_time(text, micro=False)
    except BadTime as error:
        raise WrongType(str(error)) from error


def canonical_time(text: str, node: Node) -> str:
    """Return a time as the server writes it; what is no time as it is."""
    micro = node.reference.endswith("MicroTime")
    try:
        return written(parse_time(text, micro), micro)
    except BadTime:
        return text


def is_time(node: Node) -> bool:
    return node.reference.endswith(("meta.v1.Time", "meta.v1.MicroTime"))


def decodes_itself(node: Node) -> bool:
    """Has the Go type its own way to read JSON?"""
    return node.int_or_string or node.quantity or is_time(node)


def fits(value: Any, node: Node) -> bool:
    """Can Go decode the scalar?"""
    if node.quantity:
        return isinstance(value, str | int | float) and not isinstance(value, bool)
    if node.int_or_string:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return isinstance(value, str) or (whole and -(2**31) <= value < 2**31)
    if node.type == "string":
        return isinstance(value, str)
    if node.type == "integer":
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and -LARGEST[node.raw.get("format", "")] - 1 <= value <= LARGEST[node.raw.get("format", "")]
    if node.type == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, bool)


def wrap_numbers(value: Any, node: Node) -> None:
    """Cut off what is too much of whole numbers, as the server's converter of patched objects does; in place."""
    members: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in list(members):
        child = node.elem if isinstance(key, int) else node.child(key)
        if isinstance(member, dict | list):
            wrap_numbers(member, child)
        elif child.type == "integer" and isinstance(member, int) and whole_64(member):
            value[key] = wrapped(member, 32 if child.raw.get("format") == "int32" else 64)


def whole_64(number: int) -> bool:
    """Is it read as a whole number? One beyond 64 bits becomes a float."""
    return not isinstance(number, bool) and -(2**63) <= number < 2**63


def wrapped(number: int, bits: int) -> int:
    """Return a number cut to so many bits."""
    half = 1 << (bits - 1)
    return (number + half) % (2 * half) - half


def struct_name(node: Node) -> str:
    return node.reference.rpartition(".")[2]


def _mismatch(value: Any, node: Node, place: Place) -> WrongType:
    name = f"{place.owner}.{place.plain}" if place.owner else place.plain
    # A number that is no number of the type is shown, any other value only by its kind.
    numeric = node.type in ("integer", "number") or node.int_or_string
    shown = f"number {value}" if numeric and json_kind(value) == "number" else json_kind(value)
    go = "string" if is_time(node) else "int32" if node.int_or_string else place.go or go_type(node)
    if node.quantity:
        return WrongType(QUANTITY, _unrestorable(value, node, go))
    text = f"json: cannot unmarshal {shown} into Go struct field {name} of type {go}"
    return WrongType(text, _unrestorable(value, node, go))


def _mismatch_in_bytes(value: Any, node: Node, place: Place) -> WrongType | None:
    """Return what is wrong with bytes that are no text: Go takes a list of numbers, too."""
    if not isinstance(value, list):
        return _mismatch(value, node, place)
    bad = [it for it in value if not isinstance(it, int) or isinstance(it, bool) or not 0 <= it < 256]
    if not bad:
        return None
    name = f"{place.owner}.{place.plain}" if place.owner else place.plain
    shown = f"number {bad[0]}" if json_kind(bad[0]) == "number" else json_kind(bad[0])
    text = f"json: cannot unmarshal {shown} into Go struct field {name} of type uint8"
    return WrongType(text, _unrestorable(value, node, "[]uint8"))


REFLECTED = {"bool": "bool", "string": "string", "object": "map", "array": "slice"}


def _unrestorable(value: Any, node: Node, go: str) -> str:
    """Return why a value does not fit, in the words of the server's converter of untyped objects."""
    if node.type == "integer" and isinstance(value, int) and not isinstance(value, bool):
        return f"unrecognized type: {go}"
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
