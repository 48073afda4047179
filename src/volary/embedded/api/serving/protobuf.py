"""Request bodies in protobuf, as kubectl 1.32's `create` and Go controllers send them: bytes in, JSON objects out.

Decodes only: every client accepts answers in JSON. What Go writes into JSON by rules of its own (inlined structs, zero
values that are left out, times, quantities) comes out here as Go's JSON would have it.

Source: k8s.io/apimachinery runtime/serializer/protobuf (envelope), `generated.proto` of the API modules (numbers).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from struct import unpack
from typing import Any

import msgspec

from volary.embedded.api.registry import definition_names, load

MAGIC = b"k8s\x00"
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

Raw = int | bytes
Fields = dict[int, Raw]


class Undecodable(ValueError):
    """The bytes are not what they say they are."""


@dataclass(frozen=True, slots=True)
class Field:
    name: str  # in JSON; "" where JSON has the message's members in its place, "[]" where the message is a list
    kind: str  # a scalar, or the name of a message
    repeated: bool
    mapping: bool
    omitted: bool  # left out of JSON when zero


def decode(body: bytes) -> dict[str, Any]:
    """Return the object in a body of type application/vnd.kubernetes.protobuf. Raises: Undecodable."""
    if not body.startswith(MAGIC):
        raise Undecodable("the body does not begin as Kubernetes protobuf does")
    try:
        envelope = fields_of(body[len(MAGIC) :])
        head = fields_of(as_bytes(envelope.get(1, b"")))
        api_version, kind = text(head.get(1, b"")), text(head.get(2, b""))
        found = message(message_name(api_version, kind), as_bytes(envelope.get(2, b"")))
    except (IndexError, UnicodeDecodeError, msgspec.DecodeError, OverflowError) as why:
        raise Undecodable(f"the body is cut off or damaged: {why}") from why
    return {"kind": kind, "apiVersion": api_version, **found}


def message_name(api_version: str, kind: str) -> str:
    group, _, version = api_version.rpartition("/")
    name = definition_names().get((group, version, kind)) or f"{META}{kind}"  # DeleteOptions is of every group
    if name not in messages():
        raise Undecodable(f"{kind} of {api_version} is not known in protobuf; send it as JSON")
    return name


@cache
def messages() -> dict[str, dict[int, Field]]:
    return {
        name: {int(number): field_from(*row) for number, row in rows.items()}
        for name, rows in load("protobuf.json").items()
    }


def field_from(name: str, kind: str) -> Field:
    return Field(name, kind.strip("[]{}?"), kind.startswith("[]"), kind.startswith("{}"), kind.endswith("?"))


def message(name: str, body: bytes) -> Any:
    """Return the JSON of one message."""
    if by_hand := BY_HAND.get(name.rpartition(".")[2]):
        return by_hand(body)
    known = messages()[name]
    # A list that Go always writes is null when it is empty: nothing of it comes over the wire.
    found: dict[str, Any] = {it.name: None for it in known.values() if (it.repeated or it.mapping) and not it.omitted}
    for number, raw in wire(body):
        if field := known.get(number):
            store(found, field, raw)
    return found if "[]" not in found else found["[]"] or []


def store(found: dict[str, Any], field: Field, raw: Raw) -> None:
    """Put one field, as it came over the wire, into the object that is being built."""
    if field.repeated:
        if found.get(field.name) is None:
            found[field.name] = []
        found[field.name].append(value(field.kind, raw))
    elif field.mapping:
        entry = fields_of(as_bytes(raw))
        zero = 0 if field.kind in INTEGERS else b""
        if found.get(field.name) is None:
            found[field.name] = {}
        found[field.name][text(entry.get(1, b""))] = value(field.kind, entry.get(2, zero))
    elif not field.name:
        found.update(value(field.kind, raw))
    else:
        one = value(field.kind, raw)
        if one or not field.omitted:
            found[field.name] = one


def value(kind: str, raw: Raw) -> Any:
    if kind == "string":
        return text(raw)
    if kind == "bytes":
        return b64encode(as_bytes(raw)).decode()
    if kind == "double":
        return unpack("<d", as_bytes(raw))[0]
    if kind == "bool":
        return bool(raw)
    if kind in INTEGERS:
        return signed(raw)
    return message(kind, as_bytes(raw))


INTEGERS = {"int32", "int64", "uint32", "uint64", "bool"}


def signed(raw: Raw) -> int:
    if not isinstance(raw, int):
        raise Undecodable("a number is expected, bytes were found")
    return raw - (1 << 64) if raw >> 63 else raw


def text(raw: Raw) -> str:
    return as_bytes(raw).decode()


def as_bytes(raw: Raw) -> bytes:
    if isinstance(raw, int):
        raise Undecodable("bytes are expected, a number was found")
    return raw


def fields_of(body: bytes) -> Fields:
    """Return field number -> value; the last one wins, as protobuf says."""
    return dict(wire(body))


def wire(body: bytes) -> Iterator[tuple[int, Raw]]:
    """Yield (field number, value): an int for a varint, bytes for all else."""
    at, end = 0, len(body)
    while at < end:
        tag, at = varint(body, at)
        kind = tag & 7
        if kind == VARINT:
            number, at = varint(body, at)
            yield tag >> 3, number
            continue
        if kind == BYTES:
            size, at = varint(body, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
        else:
            raise Undecodable(f"wire type {kind} is not used by Kubernetes")
        if at + size > end:
            raise Undecodable("the body is cut off")
        yield tag >> 3, body[at : at + size]
        at += size


def varint(body: bytes, at: int) -> tuple[int, int]:
    """Return the number at a position, and the position after it."""
    found = shift = 0
    while shift < 70:
        byte = body[at]
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return found & ((1 << 64) - 1), at
        shift += 7
    raise Undecodable("a number is longer than 64 bits")


def time_from(body: bytes) -> str | None:
    moment, _ = moment_from(body)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def micro_time_from(body: bytes) -> str | None:
    moment, nanoseconds = moment_from(body)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{nanoseconds // 1000:06d}Z" if moment else None


def moment_from(body: bytes) -> tuple[datetime | None, int]:
    """Return a time in whole seconds and its nanoseconds; None for Go's zero time, which JSON leaves out."""
    found = fields_of(body)
    seconds = signed(found.get(1, 0))
    if not found or seconds <= -62135596800:
        return None, 0
    return EPOCH + timedelta(seconds=seconds), signed(found.get(2, 0))


def quantity_from(body: bytes) -> str:
    return text(fields_of(body).get(1, b"")) or "0"


def int_or_string_from(body: bytes) -> int | str:
    found = fields_of(body)
    return text(found.get(3, b"")) if found.get(1) else signed(found.get(2, 0))


def raw_json_from(body: bytes) -> Any:
    raw = as_bytes(fields_of(body).get(1, b""))
    return msgspec.json.decode(raw) if raw else None


def duration_from(body: bytes) -> str:
    return f"{signed(fields_of(body).get(1, 0)) / 1e9:g}s"


JSON_SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"


def schema_or_list_from(body: bytes) -> Any:
    found = list(wire(body))
    if schemas := [raw for number, raw in found if number == 1]:
        return message(JSON_SCHEMA, as_bytes(schemas[0]))
    return [message(JSON_SCHEMA, as_bytes(raw)) for number, raw in found if number == 2]


def schema_or_bool_from(body: bytes) -> Any:
    found = fields_of(body)
    return message(JSON_SCHEMA, as_bytes(found[2])) if 2 in found else bool(found.get(1))


def schema_or_names_from(body: bytes) -> Any:
    found = list(wire(body))
    if schemas := [raw for number, raw in found if number == 1]:
        return message(JSON_SCHEMA, as_bytes(schemas[0]))
    return [text(raw) for number, raw in found if number == 2]


# Go types that write their JSON themselves, by the last part of their name.
BY_HAND: dict[str, Callable[[bytes], Any]] = {
    "Time": time_from,
    "MicroTime": micro_time_from,
    "Duration": duration_from,
    "Quantity": quantity_from,
    "IntOrString": int_or_string_from,
    "RawExtension": raw_json_from,
    "FieldsV1": raw_json_from,
    "JSON": raw_json_from,
    "JSONSchemaPropsOrArray": schema_or_list_from,
    "JSONSchemaPropsOrBool": schema_or_bool_from,
    "JSONSchemaPropsOrStringArray": schema_or_names_from,
}
