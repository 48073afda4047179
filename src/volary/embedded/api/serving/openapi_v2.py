"""The OpenAPI v2 document as gnostic protobuf, the only form in which kubectl 1.27 and older take it.

Encodes by hand the few messages that occur; what a field number means is in `openapiv2.proto` of gnostic-models.

Source: google/gnostic-models openapiv2/OpenAPIv2.proto
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

METHODS = {"get": 2, "put": 3, "post": 4, "delete": 5, "options": 6, "head": 7, "patch": 8}
IN_QUERY = 3


def encoded(document: Mapping[str, Any]) -> bytes:
    """Return a whole document: swagger, info, paths, definitions."""
    info = document["info"]
    return b"".join(
        (
            member(1, document["swagger"]),
            member(2, member(1, info["title"]) + member(2, info["version"])),
            member(8, b"".join(member(2, named(path, path_item(it))) for path, it in document["paths"].items())),
            member(9, b"".join(member(1, named(name, schema(it))) for name, it in document["definitions"].items())),
        )
    )


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


def member(number: int, value: bytes | str) -> bytes:
    """Encode a field of type message, bytes or string."""
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def flag(number: int) -> bytes:
    return varint(number << 3) + b"\x01"


def named(name: str, value: bytes) -> bytes:
    """Encode an entry of what JSON writes as an object."""
    return member(1, name) + member(2, value)


def anything(value: Any) -> bytes:
    """Encode a value of an extension: text in YAML, of which JSON is a part."""
    return member(2, msgspec.json.encode(value))


def extensions(number: int, node: Mapping[str, Any]) -> bytes:
    return b"".join(member(number, named(key, anything(it))) for key, it in node.items() if key.startswith("x-"))


def path_item(methods: Mapping[str, Any]) -> bytes:
    return b"".join(member(METHODS[method], operation(it)) for method, it in methods.items())


def operation(node: Mapping[str, Any]) -> bytes:
    answers = b"".join(
        member(1, named(code, member(1, member(1, it["description"])))) for code, it in node["responses"].items()
    )
    parameters = b"".join(member(8, member(1, member(2, member(IN_QUERY, query(it))))) for it in node["parameters"])
    return member(5, node["operationId"]) + parameters + member(9, answers) + extensions(13, node)


def query(node: Mapping[str, Any]) -> bytes:
    return member(2, node["in"]) + member(4, node["name"]) + member(6, node["type"]) + flag(20)


def schema(node: Mapping[str, Any]) -> bytes:
    """Encode one schema: of its words those that kubectl reads."""
    found = [
        member(number, node[key]) for key, number in (("$ref", 1), ("format", 2), ("description", 4)) if key in node
    ]
    found += [member(19, name) for name in node.get("required") or ()]
    if isinstance(extra := node.get("additionalProperties"), Mapping):
        found.append(member(21, member(1, schema(extra))))
    if kind := node.get("type"):
        found.append(member(22, member(1, kind)))
    if isinstance(items := node.get("items"), Mapping):
        found.append(member(23, member(1, schema(items))))
    if properties := node.get("properties"):
        found.append(member(25, b"".join(member(1, named(name, schema(it))) for name, it in properties.items())))
    return b"".join(found) + extensions(31, node)
