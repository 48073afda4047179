"""Strategic merge patch: maps merge by field, lists by the merge key that the kind's schema names.

Directives in use by kubectl: `$patch` (replace, delete, merge), `$retainKeys`, `$deleteFromPrimitiveList/F`,
`$setElementOrder/F`. Without an order, items of the patch come before those that only the server has.

Source: apimachinery, util/strategicpatch; the behaviour was compared with a real server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from volary.embedded.api.schema import LIST, Node

Object = dict[str, Any]

ORDER = "$setElementOrder/"
DELETE = "$deleteFromPrimitiveList/"
DIRECTIVES = ("$patch", "$retainKeys", "$setElementOrder", "$deleteFromPrimitiveList")


class PatchRefused(Exception):
    """A patch that says something impossible."""


def strategic_merge(current: Object, patch: Object, node: Node) -> Object:
    """Return `current` with the patch merged in; neither is changed. Raises: PatchRefused."""
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise PatchRefused(f"unknown patch type: {directive} in map: map[$patch:{directive}]")
    merged = dict(current)
    if "$retainKeys" in patch:
        keep = patch["$retainKeys"] or ()
        merged = {key: value for key, value in merged.items() if key in keep}
    for key, value in patch.items():
        if key.startswith(DELETE):
            _drop_primitives(merged, key.removeprefix(DELETE), value or ())
        elif not key.startswith("$"):
            _merge_field(merged, key, value, node, patch)
    _put_in_order(merged, patch, current, node)
    return merged


def _drop_primitives(merged: Object, key: str, unwanted: Any) -> None:
    if isinstance(merged.get(key), list):
        merged[key] = [item for item in merged[key] if item not in unwanted]


def _merge_field(merged: Object, key: str, value: Any, node: Node, patch: Object) -> None:
    if value is None:
        merged.pop(key, None)
        return
    child = node.child(key)
    present = merged.get(key)
    if isinstance(value, dict):
        # Free-form content without a merge strategy is merged like any map.
        merged[key] = strategic_merge(present if isinstance(present, dict) else {}, value, child)
    elif isinstance(value, list) and child.kind == LIST and "merge" in child.strategy:
        before = present if isinstance(present, list) else []
        items = _merge_list(before, value, child)
        if ORDER + key not in patch and not _replaces(value):
            order = [item for item in value if not (isinstance(item, dict) and "$patch" in item)]
            items = _arrange(items, order, child, before)
        merged[key] = items
    else:
        merged[key] = _without_directives(value)


def _put_in_order(merged: Object, patch: Object, current: Object, node: Node) -> None:
    for key, order in patch.items():
        if key.startswith(ORDER) and order is not None:
            name = key.removeprefix(ORDER)
            child = node.child(name)
            if isinstance(merged.get(name), list) and child.kind == LIST:
                merged[name] = _arrange(merged[name], order, child, current.get(name) or [])


def _replaces(patch: list[Any]) -> bool:
    return any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch)


def _merge_list(current: list[Any], patch: list[Any], node: Node) -> list[Any]:
    key = node.merge_key
    if not key:  # a list of primitives is a set
        return [*current, *(item for item in dict.fromkeys(patch) if item not in current)]
    if _replaces(patch):
        return [_without_directives(it) for it in patch if not (isinstance(it, dict) and it.get("$patch") == "replace")]
    merged = list(current)
    for item in patch:
        if not isinstance(item, dict):
            raise PatchRefused(f"expected a map with the key {key} in the list, got {item!r}")
        if key not in item:
            shown = " ".join(f"{name}:{value}" for name, value in sorted(item.items()))
            raise PatchRefused(f"map: map[{shown}] does not contain declared merge key: {key}")
        if item.get("$patch") == "delete":
            merged = [it for it in merged if it.get(key) != item[key]]
            continue
        place = next((index for index, it in enumerate(merged) if it.get(key) == item[key]), None)
        if place is None:
            merged.append(strategic_merge({}, item, node.elem))
        else:
            merged[place] = strategic_merge(merged[place], item, node.elem)
    return merged


def _arrange(items: list[Any], order: list[Any], node: Node, original: list[Any]) -> list[Any]:
    """Return items in the patch's order; those it does not name keep the server's, interleaved by what both know."""
    key: Callable[[Any], Any] = (lambda item: item.get(node.merge_key)) if node.merge_key else (lambda item: item)
    wanted = [key(item) for item in order]
    before = [key(item) for item in original]
    ours = sorted((item for item in items if key(item) in wanted), key=lambda item: wanted.index(key(item)))
    theirs = sorted((item for item in items if key(item) not in wanted), key=lambda item: _place(key(item), before))
    arranged: list[Any] = []
    while ours and theirs:
        mine, other = key(ours[0]), key(theirs[0])
        server_first = mine in before and other in before and before.index(other) < before.index(mine)
        arranged.append((theirs if server_first else ours).pop(0))
    return arranged + theirs + ours


def _place(key: Any, order: list[Any]) -> int:
    return order.index(key) if key in order else len(order)


def _without_directives(value: Any) -> Any:
    """Return content that nothing was there to merge with, without what only steers merging."""
    if isinstance(value, dict):
        if value.get("$patch") == "delete":
            return {}
        kept = {key: it for key, it in value.items() if key.split("/")[0] not in DIRECTIVES}
        return {key: _without_directives(it) for key, it in kept.items()}
    if isinstance(value, list):
        return [_without_directives(it) for it in value if not (isinstance(it, dict) and "$patch" in it)]
    return value
