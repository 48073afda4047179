"""JSON patch: a list of operations, all or none.

Source: RFC 6902 and RFC 6901.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from volary.embedded.api.encoding import copy_of


class PatchFailed(Exception):
    """An operation that does not fit the document."""


class NotAPatch(PatchFailed):
    """Something else than a list of operations."""


def json_patch(document: Any, operations: Any) -> Any:
    """Return the document after all operations; it is not changed itself. Raises: PatchFailed."""
    if not isinstance(operations, list):
        raise NotAPatch("a JSON patch is a list of operations")
    result = copy_of(document)
    for operation in operations:
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise PatchFailed("an operation needs an op and a path")
        perform = OPERATIONS.get(str(operation.get("op")))
        if perform is None:
            raise PatchFailed(f"unknown operation {operation.get('op')}")
        result = perform(result, operation)
    return result


def pointer(text: Any) -> list[str]:
    """Return the steps of a JSON pointer. Raises: PatchFailed."""
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchFailed(f"not a JSON pointer: {text}")
    return [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")[1:]]


def _index(step: str, length: int) -> int:
    if not step.isdigit() or (len(step) > 1 and step[0] == "0") or int(step) >= length:
        raise PatchFailed(f"no such index: {step}")
    return int(step)


def _get(document: Any, steps: list[str]) -> Any:
    value = document
    for step in steps:
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list):
            value = value[_index(step, len(value))]
        else:
            raise PatchFailed(f"no such path: {step}")
    return value


def _value(operation: dict[str, Any]) -> Any:
    if "value" not in operation:
        raise PatchFailed("the operation needs a value")
    return operation["value"]


def _insert(document: Any, steps: list[str], value: Any) -> Any:
    if not steps:
        return value
    parent = _get(document, steps[:-1])
    last = steps[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(last, len(parent) + 1), value)
    else:
        raise PatchFailed(f"nothing can be added at {last}")
    return document


def _cut(document: Any, steps: list[str]) -> Any:
    if not steps:
        raise PatchFailed("the whole document cannot be removed")
    parent = _get(document, steps[:-1])
    last = steps[-1]
    if isinstance(parent, dict) and last in parent:
        return parent.pop(last)
    if isinstance(parent, list):
        return parent.pop(_index(last, len(parent)))
    raise PatchFailed(f"no such path: {last}")


def _add(document: Any, operation: dict[str, Any]) -> Any:
    return _insert(document, pointer(operation["path"]), copy_of(_value(operation)))


def _remove(document: Any, operation: dict[str, Any]) -> Any:
    _cut(document, pointer(operation["path"]))
    return document


def _replace(document: Any, operation: dict[str, Any]) -> Any:
    steps = pointer(operation["path"])
    if steps:
        parent = _get(document, steps[:-1])
        if isinstance(parent, list):
            parent[_index(steps[-1], len(parent))] = copy_of(_value(operation))
            return document
        # Of a map a key that is not there can be replaced, too: the server's library is not strict here.
    return _insert(document, steps, copy_of(_value(operation)))


def _move(document: Any, operation: dict[str, Any]) -> Any:
    source, target = pointer(operation.get("from")), pointer(operation["path"])
    if source == target[: len(source)] and source != target:
        raise PatchFailed("a value cannot be moved into itself")
    return _insert(document, target, _cut(document, source))


def _copy(document: Any, operation: dict[str, Any]) -> Any:
    return _insert(document, pointer(operation["path"]), copy_of(_get(document, pointer(operation.get("from")))))


def _test(document: Any, operation: dict[str, Any]) -> Any:
    if not same(_get(document, pointer(operation["path"])), _value(operation)):
        raise PatchFailed("testing value failed")
    return document


def same(left: Any, right: Any) -> bool:
    """Are two JSON values equal? Unlike Python, true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(same(one, other) for one, other in zip(left, right, strict=True))
    return bool(left == right)


OPERATIONS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
