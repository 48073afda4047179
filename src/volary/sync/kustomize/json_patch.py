"""JSON patch. Source: RFC 6902, and RFC 6901 for the pointers; two leniencies of the library that kustomize uses."""

from __future__ import annotations

import copy
from typing import Any

from volary.sync.kustomize.errors import BuildError

OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")


def apply_json_patch(obj: Any, patch: list[Any], where: str) -> Any:
    """Return a changed copy of `obj`. Raises: BuildError."""
    document = copy.deepcopy(obj)
    for number, step in enumerate(patch):
        if not isinstance(step, dict) or step.get("op") not in OPERATIONS or not isinstance(step.get("path"), str):
            raise BuildError(f"{where}: step {number} is not an operation with op ({', '.join(OPERATIONS)}) and path")
        try:
            document = carry_out(document, step)
        except (KeyError, IndexError, ValueError, TypeError):
            raise BuildError(f"{where}: {step['op']} {step['path']} does not fit the object") from None
    return document


def carry_out(document: Any, step: dict[str, Any]) -> Any:
    """Do one step. Raises: KeyError, IndexError, ValueError, TypeError when it does not fit."""
    match step["op"]:
        case "add":
            return add(document, pointer(step["path"]), copy.deepcopy(step["value"]))
        case "remove":
            return remove(document, pointer(step["path"]))
        case "replace":
            get(document, pointer(step["path"]))
            return put(document, pointer(step["path"]), copy.deepcopy(step["value"]))
        case "move":
            value = get(document, pointer(step["from"]))
            return add(remove(document, pointer(step["from"])), pointer(step["path"]), value)
        case "copy":
            return add(document, pointer(step["path"]), copy.deepcopy(get(document, pointer(step["from"]))))
        case _:
            if get(document, pointer(step["path"])) != step.get("value"):
                raise ValueError
            return document


def pointer(text: str) -> list[str]:
    if not text:
        return []
    if not text.startswith("/"):
        raise ValueError
    return [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]


def index(parent: list[Any], step: str) -> int:
    """Return a place in a list; a negative one counts from its end, as the library that kustomize uses has it."""
    at = int(step)
    return at + len(parent) if at < 0 else at


def get(document: Any, path: list[str]) -> Any:
    for step in path:
        document = document[index(document, step)] if isinstance(document, list) else document[step]
    return document


def add(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = get(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif last == "-":
        parent.append(value)
    else:
        at = index(parent, last)
        if not 0 <= at <= len(parent):
            raise IndexError
        parent.insert(at, value)
    return document


def put(document: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = get(document, path[:-1]), path[-1]
    parent[index(parent, last) if isinstance(parent, list) else last] = value
    return document


def remove(document: Any, path: list[str]) -> Any:
    parent, last = get(document, path[:-1]), path[-1]
    del parent[index(parent, last) if isinstance(parent, list) else last]
    return document
