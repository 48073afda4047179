"""The managedFields of one object on its way through a write: read lazily, tracked, packed again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from volary.embedded.api.apply import managers
from volary.embedded.api.apply.managers import BadManagers, Managers
from volary.embedded.api.apply.ownership import Views, Writer, updated
from volary.embedded.api.apply.typed import NotTyped
from volary.embedded.api.call import Options
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.defaults.omission import zero_value
from volary.embedded.api.encoding import decode, encode

Object = dict[str, Any]
_sorted = msgspec.json.Encoder(order="sorted")  # "." comes first, then fields, keys and values, each in order


def entries_of(meta: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parsed managedFields of stored or given metadata."""
    found = meta.get("managedFields")
    if isinstance(found, msgspec.Raw):
        parsed: list[dict[str, Any]] = decode(bytes(found))
        return parsed
    return [it for it in found if isinstance(it, dict)] if isinstance(found, list) else []


def managers_of(obj: Mapping[str, Any]) -> Managers:
    return managers.decode(entries_of(obj["metadata"]))


def bare(obj: Mapping[str, Any]) -> Object:
    """Return the object without managedFields; its metadata is a fresh map."""
    meta = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": meta}


def opened(obj: Mapping[str, Any]) -> Object:
    """Return the object with managedFields as plain JSON, as a patch may see them."""
    found = obj["metadata"].get("managedFields")
    if not isinstance(found, msgspec.Raw):
        return dict(obj)
    return {**obj, "metadata": {**obj["metadata"], "managedFields": decode(bytes(found))}}


def pack(obj: Object, found: Managers) -> None:
    """Put the managers into `obj` as bytes."""
    if found:
        entries = managers.encode(found)
        for entry in entries:
            entry["fieldsV1"] = msgspec.Raw(_sorted.encode(entry["fieldsV1"]))
        obj["metadata"]["managedFields"] = msgspec.Raw(encode(entries))
    else:
        obj["metadata"].pop("managedFields", None)


def blank(type_: ResourceType) -> Object:
    """Return what an object of this kind is before anybody has filled it in."""
    empty: Object = {"kind": type_.kind.kind, "apiVersion": type_.api_version, "metadata": {}}
    if not type_.custom:
        empty |= {key: value for key, value in zero_value(type_.node).items() if key != "metadata"}
    return empty


def writer(type_: ResourceType, options: Options, subresource: str, now: str) -> Writer:
    """Return who writes."""
    return Writer(options.manager, type_.api_version, subresource, now)


def given(new: Mapping[str, Any], old: Mapping[str, Any], subresource: str) -> Managers:
    """Return the managers that a write starts from: the body's own where it gives some, an empty list resets."""
    sent = new["metadata"].get("managedFields")
    if subresource or sent is None or isinstance(sent, msgspec.Raw):
        return managers_of(old)
    if sent in ([], [{}]):
        return {}
    try:
        return managers.decode_sent(sent) or managers_of(old)
    except BadManagers:
        return managers_of(old)


def track(old: Object, new: Object, views: Views, start: Managers, by: Writer) -> Managers:
    """Return the managers after `old` became `new`."""
    try:
        return updated(bare(old), bare(new), views, start, by)
    except NotTyped:
        return {}  # content that the schema cannot describe: the server clears them as well
