"""Objects seen through their schema: the set of their fields, what differs, merging and cutting.

`ABSENT` is not null: a field that is null is there.

Source: structured-merge-diff, typed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from volary.embedded.api.apply.field_sets import FieldSet, Path, insert, member, path_text
from volary.embedded.api.encoding import encode
from volary.embedded.api.schema import ANY, ANYTHING, LIST, MAP, SCALAR, Node

ABSENT: Any = object()
_sorted = msgspec.json.Encoder(order="sorted")


class NotTyped(Exception):
    """An object that its schema cannot describe."""


def text(value: Any) -> str:
    return _sorted.encode(value).decode()


def kind_of(node: Node, value: Any) -> str:
    """Return the schema's kind, or that of the value where the schema leaves it open."""
    if node.kind != ANY:
        return node.kind
    if isinstance(value, dict):
        return MAP
    return LIST if isinstance(value, list) else SCALAR


def atomic(node: Node, kind: str) -> bool:
    """Is the value owned as a whole? Without a schema lists are, maps are not."""
    if kind == SCALAR:
        return True
    return kind == LIST if node.kind == ANY and not node.atomic else node.atomic


def item_element(node: Node, item: Any) -> str:
    """Return the path element of an item of a set or a list with keys. Raises: NotTyped."""
    if node.list_type != "map":
        return "v:" + text(_set_member(item))
    if item is None:
        raise NotTyped("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise NotTyped("associative list with keys may not have non-map elements")
    keys: dict[str, Any] = {}
    for key in node.keys:
        if key in item:
            keys[key] = _whole(item[key])
        elif (default := node.key_defaults.get(key)) is not None:
            keys[key] = default
    if not keys:
        shown = " ".join(f'"{it}"' for it in node.keys)
        raise NotTyped(
            f"associative list with keys has an element that omits all key fields [{shown}] "
            "(and doesn't have default values for any key fields)"
        )
    return "k:" + text(keys)


def _set_member(item: Any) -> Any:
    if isinstance(item, dict):
        raise NotTyped("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise NotTyped("not supported: associative list with lists as elements")
    if item is None:
        raise NotTyped("associative list without keys has an element that's an explicit null")
    return _whole(item)


def _whole(value: Any) -> Any:
    """Return a number without a fraction as a whole one: the two are one key."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def same(left: Any, right: Any) -> bool:
    """Are two JSON values equal? Unlike Python, true is not 1."""
    if left is right:
        return True
    if isinstance(left, dict | list):
        # Python's own comparison says no, and equal bytes say yes, both faster than a walk.
        return bool(left == right) and (encode(left) == encode(right) or _same_below(left, right))
    return isinstance(left, bool) is isinstance(right, bool) and bool(left == right)


def _same_below(left: Any, right: Any) -> bool:
    if isinstance(left, dict):
        return all(same(value, right[key]) for key, value in left.items())
    return all(map(same, left, right))


def field_set(value: Any, node: Node) -> FieldSet:
    """Return the set of fields that the value has. Raises: NotTyped."""
    kind = kind_of(node, value)
    if value is None or atomic(node, kind):
        return {}
    found: FieldSet = {}
    if kind == MAP:
        for name, child in value.items():
            _add_field(found, name, child, node)
    else:
        for element, items in _grouped(value, node).items():
            below = field_set(items[0], node.elem) if len(items) == 1 else {}
            if below:
                below["."] = {}
            found[element] = below
    return found


def _add_field(found: FieldSet, name: str, child: Any, node: Node) -> None:
    declared = node.field(name) if node.kind == MAP else None
    named = declared is not None
    child_node = declared or node.child(name)
    if child_node.kind == SCALAR:
        found["f:" + name] = {}
        return
    below = field_set(child, child_node)
    if child is None or child == {} or not named:
        if below:
            below["."] = {}
        found["f:" + name] = below
    elif below or atomic(child_node, kind_of(child_node, child)):
        found["f:" + name] = below


@dataclass(slots=True)
class Comparison:
    """What turned one object into another."""

    added: FieldSet = field(default_factory=dict)
    removed: FieldSet = field(default_factory=dict)
    modified: FieldSet = field(default_factory=dict)


def compare(left: Any, right: Any, node: Node) -> Comparison:
    """Return what differs. Raises: NotTyped."""
    found = Comparison()
    if left is not right:
        _compare(left, right, node, (), found)
    return found


def _compare(left: Any, right: Any, node: Node, path: Path, found: Comparison) -> None:
    if left is right or (type(left) is type(right) and same(left, right)):
        return
    before, after = _atom(node, left), _atom(node, right)
    leaf = False
    if right is ABSENT:
        leaf = _compare_as(before, left, right, node, path, found)
    elif left is ABSENT or before == after:
        leaf = _compare_as(after, left, right, node, path, found)
    else:  # content without a schema may change its kind: what was below it goes, what is below it now comes
        _compare_as(before, left, right, node, path, found)
        leaf = _compare_as(after, left, right, node, path, found)
    if path and not leaf and (left is ABSENT or right is ABSENT):
        _note(left, right, path, found)


def _atom(node: Node, value: Any) -> str:
    """Return as what kind a value is compared; null fits any, maps first."""
    if value is ABSENT:
        return ""
    return MAP if value is None and node.kind == ANY else kind_of(node, value)


def _compare_as(kind: str, left: Any, right: Any, node: Node, path: Path, found: Comparison) -> bool:
    """Compare two values as maps, lists or scalars; return True where they counted as a whole."""
    if kind == SCALAR:
        _note(left, right, path, found)
        return True
    shape = dict if kind == MAP else list
    ours = left if isinstance(left, shape) else None
    theirs = right if isinstance(right, shape) else None
    if atomic(node, kind) or not (ours or theirs):
        _note(left, right, path, found)
        return True
    if kind == MAP:
        _compare_maps(ours or {}, theirs or {}, node, path, found)
    else:
        _compare_lists(ours or [], theirs or [], node, path, found)
    return False


def _compare_maps(left: Any, right: Any, node: Node, path: Path, found: Comparison) -> None:
    for name in dict.fromkeys([*left, *right]):
        one, other = left.get(name, ABSENT), right.get(name, ABSENT)
        if one is not other:
            _compare(one, other, node.child(name), (*path, "f:" + name), found)


def _grouped(items: list[Any], node: Node) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for item in items:
        groups.setdefault(item_element(node, item), []).append(item)
    return groups


def _compare_lists(left: Any, right: Any, node: Node, path: Path, found: Comparison) -> None:
    """Compare item by item; items that repeat a key count as one."""
    ones, others = _grouped(left, node), _grouped(right, node)
    for element in dict.fromkeys([*ones, *others]):
        before, after = ones.get(element, []), others.get(element, [])
        where = (*path, element)
        one, other = before[0] if before else ABSENT, after[0] if after else ABSENT
        if len(before) < 2 and len(after) < 2:
            _compare(one, other, node.elem, where, found)
        elif len(before) > 1 and len(after) > 1:
            if before != after:
                insert(found.modified, where)
        elif len(before) > 1:
            if after:
                _compare(ABSENT, other, node.elem, where, found)
            insert(found.removed, where)
        else:
            if before:
                _compare(one, ABSENT, node.elem, where, found)
            insert(found.added, where)


def _note(left: Any, right: Any, path: Path, found: Comparison) -> None:
    insert(found.added if left is ABSENT else found.removed if right is ABSENT else found.modified, path)


def merge(left: Any, right: Any, node: Node, path: str = "") -> Any:
    """Return `left` with `right` merged in; at leaves `right` wins. Raises: NotTyped."""
    if right is ABSENT:
        return left
    left = None if left is ABSENT else left
    kind = kind_of(node, right if right is not None else left)
    if (left is None and node.kind == ANY) or atomic(node, kind) or (not left and not right):
        return right
    if kind == MAP:
        if left is not None and not isinstance(left, dict):
            return right
        merged = dict(left or {})
        for name, value in (right or {}).items():
            merged[name] = merge(merged.get(name, ABSENT), value, node.child(name), f"{path}.{name}")
        return merged
    return _merge_lists(left or [], right or [], node, path)


def _elements(items: list[Any], node: Node, path: str) -> list[str]:
    found = []
    for index, item in enumerate(items):
        try:
            found.append(item_element(node, item))
        except NotTyped as error:
            raise NotTyped(f"{path}: element {index}: {error}") from error
    return found


def _merge_lists(left: list[Any], right: list[Any], node: Node, path: str) -> list[Any]:
    """Merge item by item; shared items take the order of `right`, those of `left` alone stay near their neighbours."""
    ours = _elements(right, node, path)
    for element in ours:
        if ours.count(element) > 1:
            raise NotTyped(f"{path}: duplicate entries for key {path_text((element,))}")
    theirs = _elements(left, node, path)
    live = dict(zip(reversed(theirs), reversed(left), strict=True))
    wanted = dict(zip(ours, right, strict=True))
    shared = [element for element in ours if element in live]
    merged: list[Any] = []
    done: set[str] = set()

    def take(element: str) -> None:
        merged.append(merge(live.get(element, ABSENT), wanted[element], node.elem, path + path_text((element,))))
        done.add(element)

    i = j = next_shared = 0
    while i < len(theirs) or j < len(ours):
        upcoming = shared[next_shared] if next_shared < len(shared) else None
        if i < len(theirs) and j < len(ours):
            element = theirs[i]
            if element == ours[j]:
                take(element)
                i, j, next_shared = i + 1, j + 1, next_shared + 1
                continue
            if element in wanted and upcoming is not None and upcoming != element:
                i += 1  # it comes later, where the order of `right` puts it
                continue
        if i < len(theirs):
            element = theirs[i]
            if element not in wanted:
                merged.append(left[i])
                i += 1
                continue
            if element in done:
                i += 1
        if j < len(ours):
            element = ours[j]
            take(element)
            j += 1
            next_shared += upcoming == element
    return merged


def reconciled(fields: FieldSet, node: Node) -> FieldSet:
    """Return the set as the schema sees it now: what has become atomic since is owned as a whole."""
    kept: FieldSet = {}
    changed = False
    for element, below in fields.items():
        if not below or element == ".":
            kept[element] = below
            continue
        child = node.elem if node.kind == LIST else node.child(element[2:]) if element[:2] == "f:" else ANYTHING
        fitting = {} if child.kind in (MAP, LIST) and child.atomic else reconciled(below, child)
        changed = changed or fitting is not below
        kept[element] = fitting
    return kept if changed else fields


def cut(value: Any, fields: FieldSet, node: Node) -> Any:
    """Return the value without the members of `fields`; None if nothing is left."""
    if not isinstance(value, dict | list):
        return value
    if not value or atomic(node, kind_of(node, value)):
        return None
    if isinstance(value, dict):
        kept: dict[str, Any] = {}
        for name, child in value.items():
            below = fields.get("f:" + name)
            if below is None:
                kept[name] = child
            elif not member(below):
                kept[name] = cut(child, below, node.child(name))
        return kept or None
    items = []
    for item in value:
        below = fields.get(item_element(node, item))
        if below is None:
            items.append(item)
        elif not member(below):
            items.append(cut(item, below, node.elem))
    return items or None
