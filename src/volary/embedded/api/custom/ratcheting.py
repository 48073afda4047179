"""What a part of an object was before an update, where that can be told; what did not change is not refused.

Fields and entries of maps are told by name, items of keyed lists by their keys; items of other lists cannot be told, so
only a whole list counts as unchanged.

Source: Kubernetes, apiserver/pkg/cel/common/equality.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from volary.embedded.api.cel.values import key_of
from volary.embedded.api.schema import Node

NOTHING: Any = object()


@dataclass(frozen=True, slots=True)
class Past:
    """One place of an object: its old value (NOTHING if there is none), and whether it is what it was."""

    old: Any = NOTHING
    new: Any = None
    known: bool = False  # can this place be told?
    above: bool = False  # if it cannot: did what is around it stay the same?

    @property
    def unchanged(self) -> bool:
        return self.same if self.known else self.above

    @property
    def same(self) -> bool:
        return self.known and same(self.old, self.new)

    def field(self, name: str, node: Node) -> Past:
        """Return the past of a field or a map's entry."""
        if not isinstance(self.old, dict) or not isinstance(self.new, dict):
            return Past(above=self.unchanged)
        if name not in self.old or name not in self.new:
            return Past(self.old.get(name, NOTHING), self.new.get(name), above=self.unchanged)
        return Past(self.old[name], self.new[name], known=self.known, above=self.unchanged)

    def item(self, item: Any, node: Node) -> Past:
        """Return the past of an item of a list."""
        if node.list_type != "map" or not isinstance(self.old, list):
            return Past(above=self.unchanged)
        key = key_of(item, node)
        old = next((it for it in self.old if isinstance(it, dict) and key_of(it, node) == key), NOTHING)
        return Past(old, item, known=self.known and old is not NOTHING, above=self.unchanged)


def same(one: Any, other: Any) -> bool:
    """Are two values equal, and of the same types?"""
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(it, other[key]) for key, it in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(it, two) for it, two in zip(one, other, strict=True))
    return bool(one == other)


NEW = Past()  # of an object that is created


def updated(old: Any, new: Any) -> Past:
    """Return the past of an object in an update."""
    return Past(old, new, known=True)
