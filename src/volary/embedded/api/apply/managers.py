"""Who owns which field: managedFields read and written.

An entry is known by (manager, operation, apiVersion, subresource). For "Apply" the version is no part of who it is.

Source: apimachinery, util/managedfields/internal/managedfields.go.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from volary.embedded.api.apply.field_sets import FieldSet, normal, well_formed

Entry = dict[str, Any]


class Who(NamedTuple):
    """What tells one entry from another."""

    manager: str
    operation: str  # Apply | Update
    version: str  # apiVersion; "" in the identity of an Apply
    subresource: str

    @property
    def identity(self) -> str:
        """Return what the server sorts by: the entry as JSON, without fields and time."""
        parts = [("manager", self.manager), ("operation", self.operation), ("apiVersion", self.version)]
        parts.append(("subresource", self.subresource))
        return json.dumps({key: value for key, value in parts if value}, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Owned:
    """The fields of one manager."""

    fields: FieldSet
    version: str
    time: str


Managers = dict[Who, Owned]


class BadManagers(Exception):
    """A `managedFields` that nobody can read."""


def decode(entries: Iterable[Mapping[str, Any]]) -> Managers:
    """Return the managers of a stored `managedFields`."""
    return {who_of(entry): _owned(entry) for entry in entries}


def _owned(entry: Mapping[str, Any]) -> Owned:
    return Owned(entry.get("fieldsV1") or {}, str(entry.get("apiVersion") or ""), str(entry.get("time") or ""))


def who_of(entry: Mapping[str, Any]) -> Who:
    operation = str(entry.get("operation") or "")
    version = str(entry.get("apiVersion") or "") if operation == "Update" else ""
    return Who(str(entry.get("manager") or ""), operation, version, str(entry.get("subresource") or ""))


def decode_sent(entries: Any) -> Managers:
    """Return the managers that a client sends. Raises: BadManagers."""
    if not isinstance(entries, list):
        raise BadManagers("managedFields must be a list")
    found: Managers = {}
    for entry in entries:
        if not isinstance(entry, dict):
            raise BadManagers("an entry must be an object")
        _check(entry)
        owned = _owned(entry)
        found[who_of(entry)] = replace(owned, fields=normal(owned.fields))
    return found


TEXTS = ("manager", "operation", "apiVersion", "time", "fieldsType", "subresource")


def _check(entry: Entry) -> None:
    for name in TEXTS:
        if not isinstance(entry.get(name), str | None):
            raise BadManagers(f"{name} must be text")
    if entry.get("operation") not in ("Apply", "Update"):
        raise BadManagers("operation must be `Apply` or `Update`")
    if not entry.get("apiVersion"):
        raise BadManagers("apiVersion must not be empty")
    if entry.get("fieldsType") != "FieldsV1":
        raise BadManagers("fieldsType must be FieldsV1")
    if entry.get("time"):
        try:
            datetime.fromisoformat(entry["time"])
        except ValueError:
            raise BadManagers("time must be a time") from None
    if not well_formed(entry.get("fieldsV1") or {}):
        raise BadManagers("fieldsV1 must be a set of fields")


def encode(managers: Managers) -> list[Entry]:
    """Return `managedFields`: applies before updates, then by time."""
    entries = []
    for who, owned in managers.items():
        entry: Entry = {"manager": who.manager, "operation": who.operation, "apiVersion": owned.version}
        if owned.time:
            entry["time"] = owned.time
        entry |= {"fieldsType": "FieldsV1", "fieldsV1": owned.fields}
        if who.subresource:
            entry["subresource"] = who.subresource
        entries.append(entry)
    entries.sort(
        key=lambda it: (it["operation"], it.get("time", ""), it["manager"], it["apiVersion"], it.get("subresource", ""))
    )
    return entries
