"""The columns that the definition of a custom resource asks for, with the part of JSONPath that they use.

Source: apiextensions-apiserver tableconvertor; client-go util/jsonpath (fields, indexes, wildcards, equality filters).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from volary.embedded.api.text.durations import since

Object = Mapping[str, Any]
AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
TOKEN = re.compile(
    r"""\.?(?P<field>(?:\\.|[^.\[\]\\])+)        # .name, where \. is a dot of the name
      | \[\?\(@\.?(?P<left>[^=!<>]+?)\s*(?P<operator>==|!=)\s*(?P<right>[^)]+?)\s*\)\]
      | \[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]
      | \[(?P<index>-?\d+|\*)\]
      | \[(?P<slice>-?\d*:-?\d*(?::\d+)?)\]
      | \.(?=\[)""",
    re.VERBOSE,
)

Step = Callable[[Iterable[Any]], list[Any]]


def definitions(columns: Sequence[Object]) -> list[dict[str, Any]]:
    """Return the column definitions of a table, without the name's."""
    return [
        {
            "name": it["name"],
            "type": it["type"],
            "format": it.get("format", ""),
            "description": it.get("description")
            or f"Custom resource definition column (in JSONPath format): {it['jsonPath']}",
            "priority": it.get("priority", 0),
        }
        for it in columns
    ]


def cell(column: Object, obj: Object, now: datetime) -> Any:
    """Return the first value at the column's path, in the column's type; None where there is none."""
    found = values(column["jsonPath"], obj)
    if not found or found[0] is None:
        return None
    value, kind = found[0], column["type"]
    if kind == "string":
        return value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if kind == "date":
        return since(value, now) if isinstance(value, str) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return int(value) if kind == "integer" else float(value)


def values(path: str, obj: Object) -> list[Any]:
    """Return what lies at a JSONPath; nothing where a step is missing or the path is not understood."""
    text = path.strip("{}").strip().removeprefix("$")
    found: list[Any] = [obj]
    at = 0
    while at < len(text) and found:
        token = TOKEN.match(text, at)
        if not token or token.end() == at:
            return []
        found = step(token, found)
        at = token.end()
    return found


def step(token: re.Match[str], nodes: list[Any]) -> list[Any]:
    if token["left"]:
        return filtered(token, nodes)
    index = token["index"]
    if index == "*":
        return [it for node in nodes for it in members(node)]
    if index:
        lists = [node for node in nodes if isinstance(node, list)]
        return [node[int(index)] for node in lists if -len(node) <= int(index) < len(node)]
    if token["slice"]:
        bounds = [int(it) if it else None for it in token["slice"].split(":")]
        return [it for node in nodes if isinstance(node, list) for it in node[slice(*bounds)]]
    key = token["key"] or (token["field"] or "").replace("\\.", ".")
    if key == "*":
        return [it for node in nodes for it in members(node)]
    return [node[key] for node in nodes if isinstance(node, Mapping) and key in node] if key else nodes


def filtered(token: re.Match[str], nodes: list[Any]) -> list[Any]:
    """Return the members of lists that a filter such as [?(@.type=="Ready")] lets through."""
    right = token["right"].strip("'\"")
    wanted = token["operator"] == "=="
    kept = []
    for member in (it for node in nodes for it in members(node)):
        left = values(f".{token['left'].strip()}", member) if isinstance(member, Mapping) else []
        if left and (plain(left[0]) == right) == wanted:
            kept.append(member)
    return kept


def members(node: Any) -> list[Any]:
    return list(node) if isinstance(node, list) else list(node.values()) if isinstance(node, Mapping) else []


def plain(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
