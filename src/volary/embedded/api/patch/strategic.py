"""Strategic merge patch: maps merge by field, lists by the merge key that the kind's schema names.

Directives in use by kubectl: `$patch` (replace, delete), `$retainKeys`, `$deleteFromPrimitiveList/F`,
`$setElementOrder/F`. Without an order, items of the patch come before those that only the server has. A directive is
looked for only where something is merged or new: what replaces a list as a whole, or is appended to one, goes in as
it is, and the decoder then complains of unknown fields.

Source: apimachinery, util/strategicpatch and util/mergepatch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from volary.embedded.api.encoding import copy_of
from volary.embedded.api.schema import LIST, Node
from volary.embedded.api.text.go_text import go_text

Object = dict[str, Any]
Items = list[Any]

PATCH, RETAIN = "$patch", "$retainKeys"
ORDER, DELETE = "$setElementOrder", "$deleteFromPrimitiveList"
BAD_ORDER = "invalid patch format of setElementOrder list"
BAD_RETAIN = "invalid patch format of retainKeys"
BAD_DELETE = "invalid patch format of primitive list"


class PatchRefused(Exception):
    """A patch that says something impossible; `code` as HTTP has it."""

    def __init__(self, text: str, code: int = 500) -> None:
        super().__init__(text)
        self.code = code


def strategic_merge(current: Object, patch: Object, node: Node) -> tuple[Object, Object]:
    """Return `current` with the patch merged in, and what is left of the patch; neither is changed.

    Raises: PatchRefused.
    """
    left: Object = copy_of(patch)
    return _merge_maps(copy_of(current), left, node), left


def _merge_maps(current: Object, patch: Object, node: Node) -> Object:
    if PATCH in patch:
        directive = patch[PATCH]
        if directive == "replace":
            del patch[PATCH]
            return patch
        if directive == "delete":
            return {}
        raise PatchRefused(f"unknown patch type: {_as_text(directive)} in map: {go_text(patch)}")
    _retain(current, patch)
    for key in [it for it in patch if it.startswith(ORDER)]:
        _merge_in_order(current, patch, key, node)
    for key, value in list(patch.items()):
        _merge_field(current, key, value, node)
    return current


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else f"%!s({_go_kind(value)}={go_text(value)})"


def _retain(current: Object, patch: Object) -> None:
    """Drop the fields that a list of those to keep does not name."""
    if RETAIN not in patch:
        return
    keep = patch.pop(RETAIN)
    if not isinstance(keep, list) or any(isinstance(it, dict | list) for it in keep):
        raise PatchRefused(BAD_RETAIN, 400)
    for key, value in patch.items():
        if value is not None and key not in keep and not key.startswith((DELETE, ORDER)):
            raise PatchRefused(BAD_RETAIN, 400)
    for key in [it for it in current if it not in keep]:
        del current[key]


def _merge_field(current: Object, key: str, value: Any, node: Node) -> None:
    dropping = key.startswith(DELETE)
    if dropping:
        key = _named(key, DELETE, BAD_DELETE)
    if value is None:
        current.pop(key, None)
        return
    present: Any = current.get(key)
    if key not in current or _go_kind(present) != _go_kind(value):
        if not dropping:
            _discard_nulls(value)
            _put_fresh(current, key, value)
    elif isinstance(value, dict):
        current[key] = _merge_maps(present, value, _child(node, key))
    elif isinstance(value, list):
        child = _child(node, key)
        if dropping or "merge" in child.strategy:
            current[key] = _merge_lists(present, value, child, dropping)
        else:
            current[key] = value
    else:
        current[key] = value


def _named(key: str, prefix: str, refusal: str) -> str:
    """Return the field that a directive is about."""
    head, separator, name = key.partition("/")
    if not separator or head != prefix:
        raise PatchRefused(refusal, 400)
    return name


def _child(node: Node, key: str) -> Node:
    child = node.field(key)
    if child is None and node.struct:
        raise PatchRefused(
            f'unable to find api field in struct {node.reference.rpartition(".")[2]} for the json field "{key}"'
        )
    return node.child(key)


def _put_fresh(current: Object, key: str, value: Any) -> None:
    keep, fresh = _without_directives(value)
    if keep:
        current[key] = fresh
    else:
        current.pop(key, None)


def _discard_nulls(value: Any) -> None:
    if isinstance(value, dict):
        for key in [key for key, it in value.items() if it is None]:
            del value[key]
        for it in value.values():
            _discard_nulls(it)
    elif isinstance(value, list):
        for it in value:
            _discard_nulls(it)


def _without_directives(value: Any) -> tuple[bool, Any]:
    """Return whether to keep content that nothing was there to merge with, and the content without `$patch` in it."""
    if isinstance(value, dict):
        if PATCH in value:
            return False, None
        found = {key: _without_directives(it) for key, it in value.items()}
        return True, {key: it for key, (keep, it) in found.items() if keep}
    if isinstance(value, list):
        return True, [it for keep, it in map(_without_directives, value) if keep]
    return True, value


GO_KINDS: dict[type, str] = {
    bool: "bool",
    int: "int64",
    float: "float64",
    str: "string",
    dict: "map[string]interface {}",
    list: "[]interface {}",
}


def _go_kind(value: Any) -> str:
    return GO_KINDS.get(type(value), "%!s(<nil>)")


def _need_list(value: Any) -> Items:
    if not isinstance(value, list):
        raise PatchRefused(f"expected a []interface {{}}, but received a {_go_kind(value)}")
    return value


def _merge_in_order(current: Object, patch: Object, directive: str, node: Node) -> None:
    """Merge one list whose order the patch gives."""
    order = _need_list(patch.pop(directive))
    key = _named(directive, ORDER, BAD_ORDER)
    before = _need_list(current[key]) if key in current else None
    change = _need_list(patch[key]) if key in patch else None
    child = _child(node, key)
    if child.kind != LIST:
        raise PatchRefused(f"expected slice or array type, but got: {'struct' if child.struct else 'map'}")
    _check_order(change or [], order, child.merge_key)
    if before is None and change is None:
        return
    if before is None:
        merged = _without_directives(change)[1]
    elif change is None:
        merged = before
    elif "merge" in child.strategy:
        merged = _merge_lists(list(before), change, child, False)
    else:
        merged = change
    current[key] = _arrange(merged, order, child, before or [])
    patch.pop(key, None)


def _check_order(change: Items, order: Items, merge_key: str) -> None:
    """Refuse items that the order does not name, or names in another order."""
    if not order or not change:
        return
    left = [it for it in change if not (isinstance(it, dict) and PATCH in it)]
    at = 0
    for wanted in order:
        if at < len(left) and _key(left[at], merge_key) == _key(wanted, merge_key):
            at += 1
    if at < len(left):
        raise PatchRefused(
            f"The order in patch list:\n{go_text(change)}\n doesn't match {ORDER} list:\n{go_text(order)}\n"
        )


def _key(item: Any, merge_key: str) -> Any:
    """Return what tells an item from others. Raises: PatchRefused."""
    if not merge_key:
        return item
    if not isinstance(item, dict):
        raise PatchRefused(f"expected a map[string]interface {{}}, but received a {_go_kind(item)}")
    if merge_key not in item:
        raise PatchRefused(f"map: {go_text(item)} does not contain declared merge key: {merge_key}")
    return item[merge_key]


def _merge_lists(current: Items, patch: Items, node: Node, dropping: bool) -> Items:
    if not current and not patch:
        return current
    kind = _kind_of_items(current, patch)
    if kind != "map[string]interface {}":
        if dropping:
            return [it for it in current if it not in patch]
        merged = [*current, *(it for it in patch if it not in current)]
        return _arrange(_distinct(merged), patch, node, current)
    if not node.merge_key:
        raise PatchRefused(f"cannot merge lists without merge key for {'struct' if node.elem.struct else 'map'}")
    original, wanted = _special(current, patch, node.merge_key)
    return _arrange(_merge_items(list(original), wanted, node), wanted, node, original)


def _distinct(items: Items) -> Items:
    return [it for index, it in enumerate(items) if it not in items[:index]]


def _kind_of_items(*lists: Items) -> str:
    kinds = [_go_kind(it) for items in lists for it in items]
    if kinds[0] == "[]interface {}":
        raise PatchRefused("lists of lists are not supported", 422)
    if any(kind != kinds[0] for kind in kinds):
        shown = " ".join(go_text(items) for items in lists)
        raise PatchRefused(f"list element types are not identical: [{shown}]")
    return kinds[0]


def _special(current: Items, patch: Items, merge_key: str) -> tuple[Items, Items]:
    """Carry out what items with a directive say; return what is there now, and the items without directives."""
    plain: Items = []
    replace = False
    for item in patch:
        directive = item.get(PATCH)
        if PATCH not in item:
            plain.append(item)
        elif directive == "delete":
            key = _key(item, merge_key)
            current = [it for it in current if it.get(merge_key) != key]
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise PatchRefused("merging lists cannot yet be specified in the patch")
        else:
            raise PatchRefused(f"unknown patch type: {_as_text(directive)} in map: {go_text(item)}")
    return (plain, []) if replace else (current, plain)


def _merge_items(items: Items, patch: Items, node: Node) -> Items:
    for item in patch:
        key = _key(item, node.merge_key)
        place = next((at for at, it in enumerate(items) if it.get(node.merge_key) == key), None)
        if place is None:
            items.append(item)
        else:
            items[place] = _merge_maps(items[place], item, node.elem)
    return items


def _arrange(items: Items, order: Items, node: Node, original: Items) -> Items:
    """Return items in the patch's order; those it does not name keep the server's, interleaved by what both know."""

    def key(item: Any) -> Any:
        return _key(item, node.merge_key)

    wanted = [key(item) for item in order]
    before = [key(item) for item in original]
    ours = _sorted([item for item in items if key(item) in wanted], key, wanted)
    theirs = _sorted([item for item in items if key(item) not in wanted], key, before)
    arranged: Items = []
    while ours and theirs:
        mine, other = key(ours[0]), key(theirs[0])
        server_first = mine in before and other in before and before.index(other) < before.index(mine)
        arranged.append((theirs if server_first else ours).pop(0))
    return arranged + theirs + ours


def _sorted(items: Items, key: Callable[[Any], Any], order: Items) -> Items:
    return sorted(items, key=lambda item: order.index(key(item)) if key(item) in order else len(order))
