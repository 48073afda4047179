"""Who owns which field: managedFields read, written, and moved by updates and by server-side apply.

An entry is known by (manager, operation, apiVersion, subresource). For "Apply" the version is no part of who it is.

Source: structured-merge-diff, merge/update.go; apimachinery, util/managedfields.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from volary.embedded.api.errors import Problem
from volary.embedded.api.field_sets import (
    FieldSet,
    difference,
    intersection,
    only,
    path_text,
    paths,
    union,
    with_named_parents,
    without,
)
from volary.embedded.api.schema import Node
from volary.embedded.api.typed import Comparison, compare, cut, field_set, merge

MOST_UPDATERS = 10  # beyond it the oldest entries of updates are folded into one
ANCIENT = "ancient-changes"
BEFORE_FIRST = "before-first-apply"

# Never owned: what names the object, and what the server sets.
STRIPPED: FieldSet = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        ".": {},
        "f:name": {},
        "f:namespace": {},
        "f:creationTimestamp": {},
        "f:selfLink": {},
        "f:uid": {},
        "f:clusterName": {},
        "f:generation": {},
        "f:managedFields": {},
        "f:resourceVersion": {},
    },
}


class Who(NamedTuple):
    """What tells one entry from another."""

    manager: str
    operation: str  # Apply | Update
    version: str  # apiVersion; "" in the identity of an Apply
    subresource: str


@dataclass(frozen=True, slots=True)
class Owned:
    """The fields of one manager."""

    fields: FieldSet
    version: str
    time: str


Managers = dict[Who, Owned]


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes now, through what, and which fields this way of writing cannot touch."""

    manager: str
    version: str
    subresource: str
    now: str
    reset: FieldSet | None = None  # not owned: below these (with `keep_only`: all but these)
    keep_only: bool = False

    def visible(self, fields: FieldSet) -> FieldSet:
        if self.reset is None:
            return fields
        return only(fields, self.reset) if self.keep_only else without(fields, self.reset)


class Conflicts(Exception):
    """Fields that other managers own, with the owners."""

    def __init__(self, found: Mapping[Who, FieldSet]) -> None:
        super().__init__("conflict")
        self.found = found

    def problem(self) -> Problem:
        """Return the 409, with a cause for each field."""
        owners = [(owner_text(who), [path_text(path) for path in paths(fields)]) for who, fields in _sorted(self.found)]
        causes = [
            {"reason": "FieldManagerConflict", "message": f"conflict with {owner}", "field": path}
            for owner, owned in owners
            for path in owned
        ]
        if len(causes) == 1:
            message = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
        else:
            lines = [
                line for owner, owned in owners for line in (f"conflicts with {owner}:", *(f"- {it}" for it in owned))
            ]
            message = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
        return Problem(409, "Conflict", message, {"causes": causes})


def _sorted(found: Mapping[Who, FieldSet]) -> list[tuple[Who, FieldSet]]:
    return sorted(
        found.items(), key=lambda item: (item[0].manager, item[0].operation, item[0].version, item[0].subresource)
    )


def owner_text(who: Who) -> str:
    """Return an owner as conflicts name it."""
    text = f'"{who.manager}"'
    if who.subresource:
        text += f' with subresource "{who.subresource}"'
    return f"{text} using {who.version}" if who.operation == "Update" else text


def who_of(entry: Mapping[str, Any]) -> Who:
    operation = str(entry.get("operation") or "")
    version = str(entry.get("apiVersion") or "") if operation == "Update" else ""
    return Who(str(entry.get("manager") or ""), operation, version, str(entry.get("subresource") or ""))


def decode(entries: Iterable[Mapping[str, Any]]) -> Managers:
    """Return the managers of a parsed `managedFields`."""
    return {
        who_of(entry): Owned(
            entry.get("fieldsV1") or {}, str(entry.get("apiVersion") or ""), str(entry.get("time") or "")
        )
        for entry in entries
    }


def encode(managers: Managers) -> list[dict[str, Any]]:
    """Return `managedFields`: applies before updates, then by time."""
    entries = []
    for who, owned in managers.items():
        entry: dict[str, Any] = {"manager": who.manager, "operation": who.operation, "apiVersion": owned.version}
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


def _visible(compared: Comparison, writer: Writer) -> Comparison:
    return Comparison(
        writer.visible(compared.added), writer.visible(compared.removed), writer.visible(compared.modified)
    )


def _take_over(compared: Comparison, managers: Managers, me: Who | None, force: bool) -> Managers:
    """Take changed and removed fields from all others. Raises: Conflicts, unless forced."""
    changed = union(compared.modified, compared.added)
    conflicts = {
        who: found for who, it in managers.items() if who != me and (found := intersection(it.fields, changed))
    }
    if conflicts and not force:
        raise Conflicts(conflicts)
    left: Managers = {}
    for who, owned in managers.items():
        fields = owned.fields
        if who != me:
            if who in conflicts:
                fields = difference(fields, conflicts[who])
            fields = difference(fields, compared.removed)
        if fields:
            left[who] = replace(owned, fields=fields)
    return left


def updated(live: Any, new: Any, node: Node, managers: Managers, writer: Writer) -> Managers:
    """Return the managers after a write other than apply; `live` and `new` without managedFields."""
    compared = _visible(compare(live, new, node), writer)
    left = _take_over(compared, managers, None, force=True)
    fields = difference(union(compared.modified, compared.added), compared.removed)
    fields = difference(writer.visible(fields), STRIPPED)
    if fields:
        me = Who(writer.manager, "Update", writer.version, writer.subresource)
        before = left.get(me)
        left[me] = Owned(union(before.fields, fields) if before else fields, writer.version, writer.now)
    return _capped(left)


def _capped(managers: Managers) -> Managers:
    """Fold the oldest updaters of a version into one entry while there are too many."""
    updaters = sorted((who for who in managers if who.operation == "Update"), key=lambda it: (managers[it].time, it))
    count = len(updaters)
    first: dict[str, Who] = {}
    for who in updaters:
        if count <= MOST_UPDATERS:
            break
        owned = managers[who]
        bucket = Who(ANCIENT, "Update", owned.version, "")
        if owned.version not in first:
            first[owned.version] = who
            continue
        if bucket not in managers:
            managers[bucket] = managers.pop(first[owned.version])
        managers[bucket] = replace(owned, fields=union(owned.fields, managers[bucket].fields))
        del managers[who]
        count -= 1
    return managers


def applied(
    live: Any, config: Any, node: Node, managers: Managers, writer: Writer, force: bool
) -> tuple[Any, Managers]:
    """Return the object and its managers after an apply of `config`. Raises: Conflicts, NotTyped."""
    me = Who(writer.manager, "Apply", "", writer.subresource)
    last = managers.get(me)
    merged = merge(live, config, node)
    fields = writer.visible(field_set(config, node))
    managers = {**managers, me: Owned(fields, writer.version, last.time if last else "")}
    if last is not None and last.fields:
        merged = _pruned(merged, last.fields, node, managers)
    compared = _visible(compare(live, merged, node), writer)
    managers = _take_over(compared, managers, me, force)
    changed = merged != live
    if me in managers:
        owned = difference(managers[me].fields, STRIPPED)
        if owned:
            time = writer.now if changed else managers[me].time
            managers[me] = Owned(owned, writer.version, time)
        else:
            del managers[me]
    return merged, managers


def _pruned(merged: Any, last: FieldSet, node: Node, managers: Managers) -> Any:
    """Cut what this manager applied last time and nobody claims now."""

    def full(fields: FieldSet) -> FieldSet:
        return with_named_parents(fields, node)

    last = full(last)
    claimed: FieldSet = {}
    for owned in managers.values():
        claimed = union(claimed, owned.fields)
    everything = full(field_set(merged, node))
    pruned = cut(merged, last, node) or {}
    kept = union(full(field_set(pruned, node)), full(claimed))
    pruned = cut(merged, difference(everything, kept), node) or {}
    gone = difference(everything, full(field_set(pruned, node)))
    return cut(merged, intersection(gone, last), node) or {}
