"""A custom resource with every type of list, map and scalar, in two versions; and a plain one."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

KEEP = {"x-kubernetes-preserve-unknown-fields": True}
INT_OR_STRING = {"x-kubernetes-int-or-string": True}
TEXT: Schema = {"type": "string"}
INT: Schema = {"type": "integer"}


def struct(**fields: Schema) -> Schema:
    return {"type": "object", "properties": fields}


def array(items: Schema, kind: str = "", *keys: str) -> Schema:
    found: Schema = {"type": "array", "items": items}
    if kind:
        found["x-kubernetes-list-type"] = kind
    if keys:
        found["x-kubernetes-list-map-keys"] = list(keys)
    return found


def mapping(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def ports() -> Schema:
    item = struct(port=INT, protocol={**TEXT, "default": "TCP"}, name=TEXT, target=INT_OR_STRING)
    return array({**item, "required": ["port"]}, "map", "port", "protocol")


def spec(**changed: Schema) -> Schema:
    step = struct(name=TEXT, weight=INT, pause={"type": "boolean"}, ports=ports(), notes=mapping(TEXT))
    fields: dict[str, Schema] = {
        "image": {**TEXT, "maxLength": 8},
        "replicas": {**INT, "minimum": 0, "maximum": 9},
        "mode": {**TEXT, "enum": ["Canary", "BlueGreen"], "default": "Canary"},
        "ratio": {"type": "number"},
        "flag": {"type": "boolean"},
        "port": INT_OR_STRING,
        "tags": array(TEXT, "set"),
        "numbers": array(INT, "set"),
        "plain": array(INT),
        "atomic": array(struct(a=TEXT, b={**INT, "default": 1}), "atomic"),
        "matrix": array(array(INT)),
        "steps": array({**step, "required": ["name"]}, "map", "name"),
        "ports": ports(),
        "pairs": array({**struct(a=TEXT, b=INT, c=TEXT), "required": ["a", "b"]}, "map", "a", "b"),
        "labels": mapping(TEXT),
        "limits": mapping(INT_OR_STRING),
        "whole": {**mapping(TEXT), "x-kubernetes-map-type": "atomic"},
        "single": {**struct(a=TEXT, b=INT), "x-kubernetes-map-type": "atomic"},
        "named": mapping(struct(x=INT, tags=array(TEXT, "set"))),
        "lists": mapping(array(TEXT, "set")),
        "nested": struct(deep={**TEXT, "default": "er"}, list=array(TEXT, "set"), more=struct(a=TEXT, b=TEXT)),
        "raw": {"type": "object", **KEEP},
        "loose": {**struct(known=INT, list=array(TEXT, "set")), **KEEP},
        "anything": KEEP,
        "object": {"type": "object", "x-kubernetes-embedded-resource": True, **KEEP},
        "maybe": {**TEXT, "nullable": True},
        "maybeMap": {**struct(a=TEXT), "nullable": True},
        "maybeList": {**array(TEXT, "set"), "nullable": True},
    }
    return {"type": "object", "properties": fields | changed}


def status() -> Schema:
    condition = {**struct(type=TEXT, status=TEXT, message=TEXT), "required": ["type"]}
    return struct(
        phase=TEXT, replicas=INT, selector=TEXT, tags=array(TEXT, "set"), conditions=array(condition, "map", "type")
    )


def widget_schema(**changed: Schema) -> Schema:
    return struct(spec=spec(**changed), status=status())


# The other version sees some lists and maps in another way, which shows in managers of both.
OTHER_VERSION: dict[str, Schema] = {
    "tags": array(TEXT, "atomic"),
    "whole": mapping(TEXT),
    "ports": array(ports()["items"]),
}
PLAIN = struct(
    pool=struct(size=INT, name=TEXT),
    options=mapping(TEXT),
    status=struct(phase=TEXT, count=INT),
)


def definition(group: str, plural: str, versions: list[dict[str, Any]]) -> dict[str, Any]:
    kind = plural[:-1].capitalize()
    names = {"plural": plural, "singular": plural[:-1], "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": versions},
    }


def widgets(group: str) -> dict[str, Any]:
    """Return the definition of the kind with everything."""
    scale = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    both = {"served": True, "subresources": {"status": {}, "scale": scale}}
    first = {"name": "v1", "storage": True, "schema": {"openAPIV3Schema": widget_schema()}}
    second = {"name": "v1beta1", "storage": False, "schema": {"openAPIV3Schema": widget_schema(**OTHER_VERSION)}}
    return definition(group, "widgets", [{**first, **both}, {**second, **both}])


def plains(group: str) -> dict[str, Any]:
    """Return the definition of a kind without a status subresource, scaled by another path than usual."""
    scale = {"specReplicasPath": ".spec.pool.size", "statusReplicasPath": ".status.count"}
    schema = struct(spec=PLAIN, status=struct(phase=TEXT, count=INT))
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return definition(group, "plains", [{**version, "subresources": {"scale": scale}}])
