"""YAML as the server's Go library reads and writes it. Imported by whoever needs it only: it costs start-up time.

Source: sigs.k8s.io/yaml.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from volary.embedded.api.errors import bad_request


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
        loader = GoLoader(body)
        loader.repeats = []
        value = loader.get_single_data()
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        raise bad_request(f"error decoding YAML: {' '.join(str(error).split())}") from error
    return value, list(loader.repeats)


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
