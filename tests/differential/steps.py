"""The language of the request scripts: one step is one request, and what later steps need of its answer.

A text `$name` in a path or a body stands for what an earlier step captured under that name. Paths begin below the
script's own namespace where they do not begin with "/".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = {"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
PARTIAL = {"accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"}
PARTIAL_LIST = {"accept": "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"}
VERSION: Mapping[str, tuple[str | int, ...]] = {"rv": ("metadata", "resourceVersion")}

Capture = Mapping[str, tuple[str | int, ...]]  # name -> path in the answer


@dataclass(frozen=True)
class Step:
    name: str
    method: str
    path: str
    body: Any = None  # text is sent as it is, all else as JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    capture: Capture = field(default_factory=dict)


@dataclass(frozen=True)
class Script:
    """Steps that build on each other, and on nothing else."""

    name: str
    steps: tuple[Step, ...]


def get(name: str, path: str, headers: Mapping[str, str] | None = None, capture: Capture | None = None) -> Step:
    return Step(name, "GET", path, headers=headers or {}, capture=capture or {})


def post(name: str, path: str, body: Any, capture: Capture | None = None) -> Step:
    return Step(name, "POST", path, body, {"content-type": JSON}, capture or {})


def put(name: str, path: str, body: Any, capture: Capture | None = None) -> Step:
    return Step(name, "PUT", path, body, {"content-type": JSON}, capture or {})


def merge(name: str, path: str, body: Any, capture: Capture | None = None) -> Step:
    return Step(name, "PATCH", path, body, {"content-type": MERGE}, capture or {})


def strategic(name: str, path: str, body: Any) -> Step:
    return Step(name, "PATCH", path, body, {"content-type": STRATEGIC})


def json_patch(name: str, path: str, *operations: Any) -> Step:
    return Step(name, "PATCH", path, list(operations), {"content-type": JSON_PATCH})


def apply(name: str, path: str, body: Any, manager: str = "m1", force: bool = False, extra: str = "") -> Step:
    query = (f"?fieldManager={manager}" if manager else "?") + ("&force=true" if force else "") + extra
    return Step(name, "PATCH", path + query, body, {"content-type": APPLY})


def delete(name: str, path: str, body: Any = None) -> Step:
    return Step(name, "DELETE", path, body, {"content-type": JSON} if body is not None else {})


def op(kind: str, path: str, value: Any = None) -> dict[str, Any]:
    return {"op": kind, "path": path} | ({} if kind == "remove" else {"value": value})
