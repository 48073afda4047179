"""JSON patch: a list of operations, all or none.

It follows the server's library where that is looser than the RFC: a value may be left out (null), a key that is not
there may be replaced and counts as null for `test` and `copy`, and negative indexes count from the end.

Source: RFC 6902 and RFC 6901; gopkg.in/evanphx/json-patch.v4.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from volary.embedded.api.encoding import copy_of

Operation = dict[str, Any]
INDEX = re.compile(r"[+-]?[0-9]+", re.ASCII)


class PatchFailed(Exception):
    """An operation that does not fit the document."""


class Patching:
    """A document while it is patched, and the maps in it that were looked into, which come out sorted."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self.opened: list[dict[str, Any]] = [document] if isinstance(document, dict) else []

    def sort(self) -> None:
        """Put the maps that were looked into in the order in which the server writes them."""
        for it in self.opened:
            ordered = sorted(it.items())
            it.clear()
            it.update(ordered)

    def place(self, pointer: Any) -> tuple[Any, str]:
        """Return the container and the key that a pointer names. Raises: PatchFailed."""
        if not isinstance(pointer, str) or "/" not in pointer:
            raise PatchFailed(f"no such path: {pointer}")
        *steps, key = [it.replace("~1", "/").replace("~0", "~") for it in pointer.split("/")[1:]]
        container = self.document
        for step in steps:
            container = value_at(container, step)
            if not isinstance(container, dict | list):
                raise PatchFailed(f"no such path: {pointer}")
            if isinstance(container, dict):
                self.opened.append(container)
        return container, key


def json_patch(document: Any, operations: list[Any]) -> Any:
    """Return the document after all operations; it is not changed itself. Raises: PatchFailed."""
    patching = Patching(copy_of(document))
    for operation in operations:
        kind = operation.get("op") if isinstance(operation, dict) else None
        perform = OPERATIONS.get(kind) if isinstance(kind, str) else None
        if perform is None:
            raise PatchFailed(f"unexpected kind: {kind}")
        perform(patching, operation)
    patching.sort()
    return patching.document


def _index(key: str, length: int) -> int:
    """Return the index that a key names in a list of this length. Raises: PatchFailed."""
    if not INDEX.fullmatch(key) or len(key) > 18:
        raise PatchFailed(f"no index: {key}")
    index = int(key)
    if not -length <= index < length:
        raise PatchFailed(f"no such index: {key}")
    return index % length


def value_at(container: Any, key: str) -> Any:
    """Return the value, None for a key that is not there. Raises: PatchFailed."""
    return container.get(key) if isinstance(container, dict) else container[_index(key, len(container))]


def _put(container: Any, key: str, value: Any) -> None:
    if isinstance(container, dict):
        container[key] = value
    elif key == "-":
        container.append(value)
    else:
        container.insert(_index(key, len(container) + 1), value)


def _take(container: Any, key: str) -> Any:
    if isinstance(container, list):
        return container.pop(_index(key, len(container)))
    if key not in container:
        raise PatchFailed(f"no such key: {key}")
    return container.pop(key)


def _add(patching: Patching, operation: Operation) -> None:
    _put(*patching.place(operation.get("path")), copy_of(operation.get("value")))


def _remove(patching: Patching, operation: Operation) -> None:
    _take(*patching.place(operation.get("path")))


def _replace(patching: Patching, operation: Operation) -> None:
    value = copy_of(operation.get("value"))
    if operation.get("path") == "":
        if not isinstance(value, dict | list):
            raise PatchFailed("a document is a map or a list")
        patching.document = value
        return
    container, key = patching.place(operation.get("path"))
    value_at(container, key)
    if isinstance(container, dict):
        container[key] = value
    else:
        container[_index(key, len(container))] = value


def _move(patching: Patching, operation: Operation) -> None:
    value = _take(*patching.place(operation.get("from")))
    _put(*patching.place(operation.get("path")), value)


def _copy(patching: Patching, operation: Operation) -> None:
    value = copy_of(value_at(*patching.place(operation.get("from"))))
    _put(*patching.place(operation.get("path")), value)


def _test(patching: Patching, operation: Operation) -> None:
    whole = operation.get("path") == ""
    value = patching.document if whole else value_at(*patching.place(operation.get("path")))
    if not alike(value, operation.get("value")):
        raise PatchFailed("testing value failed")


def alike(left: Any, right: Any) -> bool:
    """Are two JSON values written the same? Unlike Python, true is not 1, nor is 1.0."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(alike(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(alike(one, other) for one, other in zip(left, right, strict=True))
    return type(left) is type(right) and bool(left == right)


OPERATIONS: dict[str, Callable[[Patching, Operation], None]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
