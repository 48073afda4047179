"""Objects with every field filled, and their bytes in protobuf: what Go clients send."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from datetime import datetime
from struct import pack
from typing import Any

from volary.embedded.api.schema import ANY, LIST, MAP, Node
from volary.embedded.api.serving.protobuf import EPOCH, INTEGERS, MAGIC, Field, message_name, messages

DEEPEST = 2  # how often one struct is inside itself
TIME, MICRO_TIME = "2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456Z"
SCALARS: dict[str, Any] = {"string": "x", "integer": 7, "number": 1.5, "boolean": True}


def filled(node: Node, above: tuple[str, ...] = ()) -> Any:
    """Return a value with every field of a schema."""
    name = node.reference.rpartition(".")[2]
    if name in OWN_FORM:
        return OWN_FORM[name][0]
    if node.kind == LIST:
        item = filled(node.elem, above)
        return None if item is None else [item]
    if node.kind == ANY:
        return {"any": "thing"}
    if node.kind == MAP and not node.struct:
        item = filled(node.elem, above)
        return None if item is None else {"key": item}
    if node.kind == MAP:
        if above.count(node.reference) >= DEEPEST:
            return None
        # An object inside another is sent without saying what it is.
        names = [it for it in node.field_names if not ("metadata" in node.field_names and it in ("apiVersion", "kind"))]
        found = {it: filled(node.child(it), (*above, node.reference)) for it in names}
        return {key: it for key, it in found.items() if it is not None}
    return "AQID" if node.raw.get("format") == "byte" else SCALARS[node.type]


def envelope(obj: dict[str, Any]) -> bytes:
    """Return an object's body of type application/vnd.kubernetes.protobuf."""
    head = chunk(1, obj["apiVersion"].encode()) + chunk(2, obj["kind"].encode())
    inside = {key: it for key, it in obj.items() if key not in ("apiVersion", "kind")}
    written, left = message(message_name(obj["apiVersion"], obj["kind"]), inside)
    assert not left, f"protobuf has no field for {sorted(left)}"
    return MAGIC + chunk(1, head) + chunk(2, written)


def message(name: str, value: Any) -> tuple[bytes, set[str]]:
    """Return the bytes of a message, and the members of `value` that it has no field for."""
    if found := OWN_FORM.get(name.rpartition(".")[2]):
        return found[1](value), set()
    members = {"[]": value} if isinstance(value, list) else value
    left, written = set(members), b""
    for number, field in sorted(messages()[name].items()):
        if field.name:
            left.discard(field.name)
            written += b"".join(chunks(number, field, members.get(field.name)))
            continue
        inlined, without = message(field.kind, {key: members[key] for key in sorted(left)})
        left &= without
        written += chunk(number, inlined)
    return written, left


def chunks(number: int, field: Field, found: Any) -> Iterator[bytes]:
    if found is None:
        return
    if field.mapping:
        for key, it in found.items():
            yield chunk(number, chunk(1, key.encode()) + one(2, field.kind, it))
    else:
        for it in found if field.repeated else [found]:
            yield one(number, field.kind, it)


def one(number: int, kind: str, value: Any) -> bytes:
    """Return one value with its number."""
    if kind in INTEGERS:
        return varint(number << 3) + varint(int(value) & (1 << 64) - 1)
    if kind == "double":
        return varint(number << 3 | 1) + pack("<d", value)
    if kind in ("string", "bytes"):
        return chunk(number, value.encode() if kind == "string" else b64decode(value))
    written, left = message(kind, value)
    assert not left, f"protobuf's {kind} has no field for {sorted(left)}"
    return chunk(number, written)


def chunk(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def time(text: str) -> bytes:
    since = datetime.fromisoformat(text) - EPOCH
    return one(1, "int64", since.days * 86400 + since.seconds) + one(2, "int32", since.microseconds * 1000)


def raw(value: Any) -> bytes:
    return chunk(1, json.dumps(value).encode())


def int_or_string(value: int | str) -> bytes:
    if isinstance(value, int):
        return one(1, "int64", 0) + one(2, "int32", value)
    return one(1, "int64", 1) + chunk(3, value.encode())


def duration(value: str) -> bytes:
    return one(1, "int64", round(float(value.removesuffix("s")) * 1e9))


SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
# Go types that write JSON their own way: a value, and its bytes.
OWN_FORM: dict[str, tuple[Any, Callable[[Any], bytes]]] = {
    "Time": (TIME, time),
    "MicroTime": (MICRO_TIME, time),
    "Duration": ("5s", duration),
    "Quantity": ("2Gi", lambda value: chunk(1, value.encode())),
    "IntOrString": ("25%", int_or_string),
    "RawExtension": ({"a": 1}, raw),
    "FieldsV1": ({"f:a": {}}, raw),
    "CustomResourceSubresourceStatus": ({}, lambda value: b""),
    "JSON": ({"b": [1]}, raw),
    "JSONSchemaPropsOrArray": ({"type": "x"}, lambda value: one(1, SCHEMA, value)),
    "JSONSchemaPropsOrBool": ({"type": "x"}, lambda value: one(1, "bool", True) + one(2, SCHEMA, value)),
    "JSONSchemaPropsOrStringArray": (["x"], lambda value: b"".join(chunk(2, it.encode()) for it in value)),
}
