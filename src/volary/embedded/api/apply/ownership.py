"""How fields change hands: by an update, and by server-side apply.

A manager's fields are those that its apiVersion's schema describes, so an object is looked at in the version of each.

Source: structured-merge-diff, merge/update.go; apimachinery, util/managedfields/internal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from volary.embedded.api.apply.conflicts import Conflicts
from volary.embedded.api.apply.field_sets import FieldSet, difference, intersection, union, with_named_parents, without
from volary.embedded.api.apply.managers import Managers, Owned, Who
from volary.embedded.api.apply.typed import Comparison, NotTyped, compare, cut, field_set, merge, reconciled, same
from volary.embedded.api.apply.typed_errors import joined, typed_errors
from volary.embedded.api.schema import Node

MOST_UPDATERS = 10  # beyond it the oldest entries of updates are folded into one
ANCIENT = "ancient-changes"
PRUNE = "failed to prune fields: "
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


class Unconvertible(NotTyped):
    """An object that another version's schema cannot describe."""


@dataclass(frozen=True, slots=True)
class View:
    """A kind as one apiVersion sees it."""

    node: Node
    reset: FieldSet = field(default_factory=dict)  # what this way of writing cannot touch, and never owns
    convert: Callable[[Any], Any] | None = None  # from the version of the request; None: it is the same
    restore: Callable[[Any], Any] | None = None  # and back

    def visible(self, fields: FieldSet) -> FieldSet:
        return without(fields, self.reset) if self.reset else fields

    def of(self, obj: Any, task: str = "") -> Any:
        """Return the object in this version; `task` is what fails where it cannot be. Raises: Unconvertible."""
        if self.convert is None or obj is None:
            return obj
        seen = self.convert(obj)
        if errors := typed_errors(seen, self.node, duplicates=False):
            raise Unconvertible(f"{task}{joined(errors)}")
        return seen

    def back(self, obj: Any) -> Any:
        return obj if self.restore is None or obj is None else self.restore(obj)

    def compare(self, live: Any, new: Any) -> Comparison:
        before = self.of(live, "failed to convert old object: ")
        found = compare(before, self.of(new, "failed to convert new object: "), self.node)
        if not self.reset:
            return found
        return Comparison(self.visible(found.added), self.visible(found.removed), self.visible(found.modified))


Views = Callable[[str], View | None]  # apiVersion -> how it sees the object; None: no such version (any more)


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes now, and through what."""

    manager: str
    version: str
    subresource: str
    now: str

    def who(self, operation: str) -> Who:
        return Who(self.manager, operation, self.version if operation == "Update" else "", self.subresource)


def updated(live: Any, new: Any, views: Views, managers: Managers, by: Writer) -> Managers:
    """Return the managers after a write other than apply; `live` and `new` without managedFields. Raises: NotTyped."""
    own = _own(views, by)
    compared, left = _take_over(live, new, views, _reconciled(live, managers, views), by, None, force=True)
    fields = difference(union(compared.modified, compared.added), compared.removed)
    fields = difference(own.visible(fields), STRIPPED)
    if fields:
        me = by.who("Update")
        before = left.get(me)
        left[me] = Owned(union(before.fields, fields) if before else fields, by.version, by.now)
    return _capped(left)


def applied(
    live: Any, config: Any, views: Views, managers: Managers, by: Writer, force: bool
) -> tuple[Any, Managers, bool]:
    """Return the object, its managers and whether it changed, after an apply of `config`.

    Raises: Conflicts, NotTyped.
    """
    me, own = by.who("Apply"), _own(views, by)
    managers = _reconciled(live, managers, views)
    merged = merge(live, config, own.node)
    last = managers.get(me)
    fields = own.visible(field_set(config, own.node))
    managers = {**managers, me: Owned(fields, by.version, last.time if last else "")}
    if last is not None and last.fields and not _all_kept(last, fields, managers):
        merged = _pruned(merged, last, views, managers)
    _, managers = _take_over(live, merged, views, managers, by, me, force)
    changed = not same(merged, live)
    if me in managers:
        owned = difference(managers[me].fields, STRIPPED)
        if owned:
            managers[me] = Owned(owned, by.version, by.now if changed else managers[me].time)
        else:
            del managers[me]
    return merged, managers, changed


def _all_kept(last: Owned, fields: FieldSet, managers: Managers) -> bool:
    """Does an apply claim all that the last one claimed? Then there is nothing to cut; other versions may hide more."""
    return all(it.version == last.version for it in managers.values()) and not difference(last.fields, fields)


def _own(views: Views, by: Writer) -> View:
    own = views(by.version)
    if own is None:
        raise NotTyped(f"no corresponding type for {by.version}")
    return own


def _reconciled(live: Any, managers: Managers, views: Views) -> Managers:
    """Drop managers of versions that are gone; fit the others to a schema that may have changed since."""
    found: Managers = {}
    for who, owned in managers.items():
        view = views(owned.version)
        if view is not None:
            view.of(live)
            fields = reconciled(owned.fields, view.node)
            found[who] = owned if fields is owned.fields else replace(owned, fields=fields)
    return found


def _take_over(
    live: Any, new: Any, views: Views, managers: Managers, by: Writer, me: Who | None, force: bool
) -> tuple[Comparison, Managers]:
    """Take changed and removed fields from all others; return what changed, and the managers. Raises: Conflicts."""
    seen: dict[str, Comparison | None] = {by.version: _own(views, by).compare(live, new)}
    conflicts: dict[Who, FieldSet] = {}
    left: Managers = {}
    for who, owned in managers.items():
        if who == me:
            left[who] = owned
            continue
        if owned.version not in seen:
            view = views(owned.version)
            seen[owned.version] = view.compare(live, new) if view else None
        compared = seen[owned.version]
        if compared is None:
            continue
        if taken := intersection(owned.fields, union(compared.modified, compared.added)):
            conflicts[who] = taken
        left[who] = replace(owned, fields=difference(difference(owned.fields, taken), compared.removed))
    if conflicts and not force:
        raise Conflicts(conflicts)
    compared = seen[by.version]
    assert compared is not None
    return compared, {who: owned for who, owned in left.items() if owned.fields}


def _capped(managers: Managers) -> Managers:
    """Fold the oldest updaters of a version into one entry while there are too many."""
    updaters = [who for who in managers if who.operation == "Update"]
    count = len(updaters)
    if count <= MOST_UPDATERS:
        return managers
    updaters.sort(key=lambda it: (managers[it].time, it.identity))
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
        managers[bucket] = Owned(union(owned.fields, managers[bucket].fields), owned.version, owned.time)
        if who != bucket:
            del managers[who]
        count -= 1
    return managers


def _pruned(merged: Any, last: Owned, views: Views, managers: Managers) -> Any:
    """Cut what this manager applied last time and nobody claims now."""
    view = views(last.version)
    if view is None:
        return merged
    full_merged = view.of(merged, f"{PRUNE}failed to convert merged object to last applied version: ")
    last_fields = with_named_parents(last.fields, view.node)
    pruned = cut(full_merged, last_fields, view.node)
    pruned = _with_claimed(full_merged, pruned, last.version, views, managers)
    everything = with_named_parents(field_set(full_merged, view.node), view.node)
    gone = difference(everything, with_named_parents(field_set(pruned, view.node), view.node))
    return view.back(cut(full_merged, intersection(gone, last_fields), view.node))


def _with_claimed(merged: Any, pruned: Any, first: str, views: Views, managers: Managers) -> Any:
    """Return `pruned` with what some manager claims put back, looked at in the version of each; both in `first`."""
    claimed: dict[str, FieldSet] = {}
    for owned in managers.values():
        claimed[owned.version] = union(claimed.get(owned.version, {}), owned.fields)
    home = views(first)
    assert home is not None
    for version in sorted(claimed, key=lambda it: (it != first, it)):
        view = views(version)
        if view is None:
            continue
        if version == first:
            whole, rest = merged, pruned
        else:
            task = f"{PRUNE}failed add back owned items: failed to convert %s object at version {version}: "
            whole, rest = view.of(home.back(merged), task % "merged"), view.of(home.back(pruned), task % "pruned")
        kept = union(_named(field_set(rest, view.node), view.node), _named(claimed[version], view.node))
        unclaimed = difference(_named(field_set(whole, view.node), view.node), kept)
        rest = cut(whole, unclaimed, view.node)
        pruned = rest if version == first else home.of(view.back(rest))
    return pruned


def _named(fields: FieldSet, node: Node) -> FieldSet:
    return with_named_parents(fields, node)
