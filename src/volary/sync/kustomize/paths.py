"""Walks into objects along paths such as "spec.template.spec.containers[].image", through lists where it says []."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def holders(obj: Any, path: str, create: bool = False) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield (mapping, last name) for each place that `path` leads to; with `create` mappings on the way are made."""
    *steps, last = path.split(".")
    for parent in descend(obj, steps, create):
        if isinstance(parent, dict):
            yield parent, last


def descend(at: Any, steps: list[str], create: bool) -> Iterator[Any]:
    if isinstance(at, list):
        for element in at:
            yield from descend(element, steps, create)
        return
    if not steps:
        yield at
        return
    if not isinstance(at, dict):
        return
    name = steps[0].removesuffix("[]")
    if at.get(name) is None:
        if not create or steps[0].endswith("[]"):
            return
        at[name] = {}
    yield from descend(at[name], steps[1:], create)


def change(obj: Any, path: str, new: Callable[[Any], Any]) -> None:
    """Replace each value at `path`, where there is one, by `new(value)`."""
    for parent, last in holders(obj, path):
        if parent.get(last) is not None:
            parent[last] = new(parent[last])


def update(obj: Any, path: str, values: dict[str, str], create: bool) -> None:
    """Add `values` to each mapping at `path`; without `create` only where it is there already."""
    for parent, last in holders(obj, path, create):
        if create or isinstance(parent.get(last), dict):
            parent[last] = {**(parent.get(last) or {}), **values}
