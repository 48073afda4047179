"""Has somebody changed what Git says? Pure.

The API server writes values differently than Git does (defaults, quantities, order), so what Git says is not compared
with the live object but with what the live object looked like, at the very fields that Git names, right after we had
applied it. What others add beside them is none of Git's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from volary.kube.objects import Object
from volary.sync.policy import Path

NAMES = ("name", "mountPath", "containerPort", "port", "key", "ip", "type")  # by which elements of lists are known


def footprint(desired: Object, live: Object, given_up: Sequence[Path] = ()) -> Any:
    """Return what `live` says at the fields that `desired` names, and that are not given up."""
    seen = {}
    for name, value in desired.items():
        if name == "metadata":
            meta = {field: value[field] for field in ("labels", "annotations") if value.get(field)}
            seen[name] = project(meta, live.get(name), (name,), frozenset())
        elif name not in ("status", "apiVersion", "kind"):
            seen[name] = project(value, live.get(name), (name,), frozenset(given_up))
    return seen


def project(desired: Any, live: Any, path: Path, skip: frozenset[Path]) -> Any:
    if isinstance(desired, dict) and isinstance(live, dict):
        return {
            name: project(value, live.get(name), (*path, name), skip)
            for name, value in desired.items()
            if (*path, name) not in skip
        }
    if isinstance(desired, list) and isinstance(live, list):
        return project_list(desired, live, path, skip)
    return live


def project_list(desired: list[Any], live: list[Any], path: Path, skip: frozenset[Path]) -> Any:
    """Match elements by what they are called; where they have no names the whole list is Git's."""
    name = next((key for key in NAMES if is_key(key, desired) and is_key(key, live)), None)
    if name is None:
        if len(desired) != len(live):
            return live
        return [project(one, other, path, skip) for one, other in zip(desired, live, strict=True)]
    by_name = {element[name]: element for element in live}
    return [project(element, by_name.get(element[name]), path, skip) for element in desired]


def is_key(key: str, elements: list[Any]) -> bool:
    """Does every element have the key, with a value of its own?"""
    values = [element.get(key) if isinstance(element, dict) else None for element in elements]
    return None not in values and len({str(value) for value in values}) == len(values)


def says_the_same(desired: Object, live: Object, given_up: Sequence[Path] = ()) -> bool:
    """Does `live` hold exactly what `desired` says, spelled the same way?"""
    return bool(footprint(desired, live, given_up) == footprint(desired, desired, given_up))
