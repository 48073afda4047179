"""Small changes to a valid object, most of them for the worse: fields gone, of another type, out of range, doubled.

What to try at a place comes from the value there and from the schema; all chance comes from the given generator.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from volary.embedded.api.schema import LIST, MAP, Node
from volary.embedded.api.serving.openapi import enums

Object = dict[str, Any]
Path = tuple[str | int, ...]

# ruff: noqa: E501 - a table is easier to read on long lines
TEXTS = (
    "", "x", "1", "none", "None", "-bad", "Bad_Value", "has space", "a.b", "a/b", "a/b/c", "UPPER", "x" * 64, "x" * 254, "/abs", "../up",
    "50%", "150%", "-5%", "1.5", "10.96.77.7", "127.0.0.1", "2001:db8::5", "300.1.1.1", "http", "example.com", "*.example.com", "kubernetes.io/x", "\u00e9",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2, 3, 100, 101, 65535, 65536, 70000, 2**31 - 1, 2**31, 2**63, 1.5, "5", "50%", "abc", True)
KEYS = ("bad key!", "x" * 64, "a/b/c", "Example.com/x", "-x", "", "ok", "a/" + "b" * 64)


def mutated(rng: random.Random, obj: Object, node: Node) -> tuple[Object, list[Path]]:
    """Return a changed copy, and where it was changed."""
    found = copy.deepcopy(obj)
    return found, [mutate(rng, found, node) for _ in range(rng.choice((1, 1, 1, 2)))]


def mutate(rng: random.Random, obj: Object, node: Node) -> Path:
    """Change one place; return it."""
    outside_metadata = rng.random() < 0.85
    places = [it for it in walk(obj, ()) if not outside_metadata or it[0] != "metadata"]
    places = places or list(walk(obj, ()))
    if not places:
        return ()
    if rng.random() < 0.3 and (added := add_field(rng, obj, node, places)):
        return added
    path = rng.choice(places)
    parent: Any = at(obj, path[:-1])
    choice = rng.choice(("remove", "null", "value", "value", "value", "value"))
    if choice == "remove":
        del parent[path[-1]]
    elif choice == "null":
        parent[path[-1]] = None
    else:
        parent[path[-1]] = another(rng, parent[path[-1]], node_at(node, path))
    return path


def walk(value: Any, path: Path) -> Iterator[Path]:
    """Yield the path of everything inside."""
    members: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in members:
        if path or key not in ("kind", "apiVersion"):
            yield (*path, key)
        yield from walk(member, (*path, key))


def at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def node_at(node: Node, path: Path) -> Node:
    for step in path:
        node = node.elem if isinstance(step, int) else node.child(step)
    return node


def another(rng: random.Random, value: Any, node: Node) -> Any:
    """Return something else for a value."""
    if isinstance(value, bool):
        return rng.choice((not value, not value, "true", 1))
    if isinstance(value, str):
        return rng.choice(TEXTS) if rng.random() < 0.9 else rng.choice((7, True, {}, []))
    if isinstance(value, int):
        return rng.choice(NUMBERS)
    if isinstance(value, list):
        return another_list(rng, value, node)
    found = dict(value or {})
    if not node.struct and rng.random() < 0.6:
        found[rng.choice(KEYS)] = rng.choice(TEXTS)
        return found
    return rng.choice(({}, [], "x", {**found, "bogus": 1}, {}))


def another_list(rng: random.Random, value: list[Any], node: Node) -> Any:
    choices: list[Any] = [[], {}, "x", [*value, made(rng, node.elem, 2)], [*value, None]]
    if value:
        choices += [[*value, copy.deepcopy(value[-1])]] * 3 + [value[1:], [{}]]
    return rng.choice(choices)


def add_field(rng: random.Random, obj: Object, node: Node, places: list[Path]) -> Path | None:
    """Put a field that the schema knows where it is missing."""
    roots = [it for it in places if isinstance(at(obj, it), dict) and node_at(node, it).struct]
    if not roots:
        return None
    path = rng.choice(roots)
    target = at(obj, path)
    schema = node_at(node, path)
    missing = sorted(set(schema.field_names) - set(target))
    if not missing:
        return None
    name = rng.choice(missing)
    target[name] = made(rng, schema.child(name), 3, (schema.reference, name))
    return (*path, name)


def made(rng: random.Random, node: Node, depth: int, where: tuple[str, str] = ("", "")) -> Any:
    """Return a value that the schema allows."""
    words = (enums().get(where[0]) or {}).get(where[1])
    if words and rng.random() < 0.8:
        word = rng.choice(words)
        return [word] if node.kind == LIST else word
    if node.kind == LIST:
        return [made(rng, node.elem, depth - 1)] if depth else []
    if node.kind == MAP and node.struct:
        names = sorted(node.field_names)
        required = set(node.definitions.get(node.reference, node.raw).get("required") or ())
        chosen = [it for it in names if it in required or rng.random() < 0.25] if depth else []
        return {it: made(rng, node.child(it), depth - 1, (node.reference, it)) for it in chosen}
    if node.kind == MAP:
        return {rng.choice(("ok", "b", *KEYS)): made(rng, node.elem, depth - 1)}
    return scalar(rng, node)


def scalar(rng: random.Random, node: Node) -> Any:
    if node.quantity:
        return rng.choice(("1", "100m", "1Gi", "-1", 5, "1.5", "x"))
    if node.int_or_string:
        return rng.choice((1, 0, "25%", "http", 8080, -1))
    if node.reference.endswith("Time"):
        return rng.choice(("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000000Z", "yesterday"))
    if node.type == "boolean":
        return rng.random() < 0.5
    if node.type in ("integer", "number"):
        return rng.choice((0, 1, 5, -1, 80, 1000, 70000))
    if node.raw.get("format") == "byte":
        return rng.choice(("AQ==", "?"))
    return rng.choice((*TEXTS, "x", "web", "a", "True", "Always"))
