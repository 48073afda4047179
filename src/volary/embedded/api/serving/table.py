"""Objects as a table, which is how `kubectl get` asks for them: the server decides on the columns.

Source: behaviour of kube-apiserver 1.36 for `Accept: application/json;as=Table;v=v1;g=meta.k8s.io`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from volary.embedded.api.custom import printer_columns
from volary.embedded.api.registry import Kind, definitions, load
from volary.embedded.api.serving.columns import ROWS, Row

Object = Mapping[str, Any]
# What a pod's row says besides its cells, so that clients can leave out what has ended.
ENDED = {
    phase: [{"type": "Completed", "status": "True", "reason": phase, "message": message}]
    for phase, message in (
        ("Succeeded", "The pod has completed successfully."),
        ("Failed", "The pod failed."),
    )
}


@cache
def known_columns() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = load("columns.json")
    return found


def render(
    kind: Kind,
    items: Iterable[Object],
    metadata: Object,
    now: datetime,
    include: str = "Metadata",
    printer: Sequence[Object] | None = None,
) -> dict[str, Any]:
    """Return a Table.

    `metadata` is that of the list or of the one object (of it only resourceVersion, continue, remainingItemCount go
    in), `include` the query's includeObject: None, Metadata or Object. `printer` are the additionalPrinterColumns of a
    custom resource, [] where its definition has none; None says that the kind is built in.
    """
    columns, row = layout(kind, printer)
    kept = {key: metadata[key] for key in ("resourceVersion", "continue", "remainingItemCount") if metadata.get(key)}
    rows = [table_row(kind, row, obj, now, include) for obj in items]
    # A kind without columns of its own answers null for no rows; clients take both.
    empty: list[Any] | None = [] if kind.resource in ROWS or printer is not None else None
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": kept,
        "columnDefinitions": columns,
        "rows": rows or empty,
    }


def creation_text() -> str:
    """Return what the API says of the time at which an object was made."""
    metadata = definitions()["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"]
    return str(metadata["properties"]["creationTimestamp"]["description"])


def layout(kind: Kind, printer: Sequence[Object] | None) -> tuple[list[dict[str, Any]], Row]:
    """Return the column definitions of a kind and the function that makes its cells."""
    default = known_columns()["default"]
    if printer is not None:
        asked = list(printer) or [{**printer_columns.AGE, "description": creation_text()}]
        return [default[0], *printer_columns.definitions(asked)], lambda obj, now: [
            obj["metadata"].get("name", ""),
            *(printer_columns.cell(it, obj, now) for it in asked),
        ]
    if kind.resource in ROWS:
        return known_columns()[kind.resource], ROWS[kind.resource]
    return default, lambda obj, now: [obj["metadata"].get("name"), obj["metadata"].get("creationTimestamp")]


def table_row(kind: Kind, row: Row, obj: Object, now: datetime, include: str) -> dict[str, Any]:
    found: dict[str, Any] = {"cells": row(obj, now)}
    if kind.resource == "/pods" and (phase := (obj.get("status") or {}).get("phase")) in ENDED:
        found["conditions"] = ENDED[phase]
    if include == "Object":
        found["object"] = {"kind": kind.kind, "apiVersion": kind.api_version, **obj}
    elif include == "Metadata":
        found["object"] = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
    else:
        found["object"] = None
    return found
