"""YAML as the server's Go library reads and writes it. Imported by whoever needs it only: it costs start-up time.

Source: sigs.k8s.io/yaml.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from volary.embedded.api.errors import bad_request

DEEPEST = 300  # nested nodes
LARGEST = 1_000_000  # nodes, with aliases filled in
NESTING = (b"[", b"{", b"-", b":", b"?")  # what every nested node needs one of


class GoLoader(yaml.CSafeLoader):
    """YAML 1.1 as the server's YAML library reads it: no dates, no sexagesimal numbers, but `y` and `n`."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 - the way of PyYAML to begin anew
    repeats: list[str]


def _resolve(tag: str, pattern: str, first: str) -> None:
    GoLoader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), list(first))


_BOOL = r"^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$"
_POINT = r"[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9]+(?:[eE][-+]?[0-9]+)?"
_resolve("bool", _BOOL, "yYnNtTfFoO")
_resolve("int", r"^[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$", "-+0123456789")
_resolve("float", rf"^[-+]?(?:{_POINT}|[0-9]+[eE][-+]?[0-9]+)$", "-+0123456789.")
_resolve("null", r"^(?:~|null|Null|NULL|)$", "~nN\0")
_resolve("merge", r"^(?:<<)$", "<")


def _bool(loader: GoLoader, node: yaml.ScalarNode) -> bool:
    return str(node.value).lower() in ("y", "yes", "true", "on")


def _mapping(loader: GoLoader, node: yaml.MappingNode) -> dict[str, Any]:
    loader.flatten_mapping(node)
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        key = key if isinstance(key, str) else json.dumps(key)
        if key in found:
            loader.repeats.append(key)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


GoLoader.add_constructor("tag:yaml.org,2002:bool", _bool)
GoLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_yaml(body: bytes) -> tuple[Any, list[str]]:
    """Return the value of a YAML document and the keys that stand twice in one mapping. Raises: Problem."""
    try:
        if b"&" in body or sum(body.count(it) for it in NESTING) > DEEPEST:
            _refuse_monsters(body)
        loader = GoLoader(body)
        loader.repeats = []
        value = loader.get_single_data()
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise bad_request(f"error decoding YAML: {' '.join(str(error).split())}") from error
    return value, list(loader.repeats)


def _refuse_monsters(body: bytes) -> None:
    """Refuse what would end the process: the library builds nested nodes on its stack, and aliases multiply.

    Raises: ValueError.
    """
    sizes: dict[str, int] = {}  # of what an anchor names, with its aliases filled in
    path: list[list[Any]] = [["", 0]]  # anchor and size of each node around
    for event in yaml.parse(body, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            path.append([event.anchor, 1])
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = path.pop()
            path[-1][1] += size
            sizes[anchor or ""] = size
        elif isinstance(event, yaml.ScalarEvent):
            path[-1][1] += 1
            sizes[event.anchor or ""] = 1
        elif isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise ValueError(f"anchor '{event.anchor}' value contains itself")
            path[-1][1] += sizes[event.anchor]
        if len(path) > DEEPEST:
            raise ValueError(f"exceeded max depth of {DEEPEST}")
        if path[-1][1] > LARGEST:
            raise ValueError("document contains excessive aliasing")


class GoDumper(yaml.CSafeDumper):
    """Quotes strings that could be read as something else with double quotes."""


def _text(dumper: GoDumper, value: str) -> yaml.ScalarNode:
    tag = dumper.resolve(yaml.ScalarNode, value, (True, False))  # type: ignore[no-untyped-call]
    plain = tag == "tag:yaml.org,2002:str"
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


GoDumper.add_representer(str, _text)


def write_yaml(value: Any) -> bytes:
    """Return a JSON value as YAML, keys sorted."""
    return yaml.dump(value, Dumper=GoDumper, sort_keys=True, allow_unicode=True).encode()
