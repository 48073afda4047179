"""The OpenAPI v2 definitions of the built-in kinds, made small: what the server serves and what that refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

PREFIX = "#/$defs/"
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
# Not kinds of the registry, but bodies of requests or answers.
ALWAYS = [f"{META}{name}" for name in ("DeleteOptions", "Status", "APIResourceList", "APIGroupList", "APIVersions")] + [
    "io.k8s.apimachinery.pkg.version.Info"
]
# The source describes these two by what JSON may hold; the API server publishes them so.
REPLACED: dict[str, dict[str, Any]] = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {"type": "string", "format": "int-or-string"},
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": "string"},
}
# Kinds whose fields `kubectl explain` describes; the other kinds are served without descriptions.
DESCRIBED = {
    "Namespace", "Pod", "Service", "ConfigMap", "Secret", "ServiceAccount", "Event", "Node", "Deployment", "ReplicaSet",
    "StatefulSet", "DaemonSet", "Job", "HorizontalPodAutoscaler", "EndpointSlice", "Lease", "CustomResourceDefinition",
    "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding",
}  # fmt: skip


def convert(source: Mapping[str, Any], kinds: Mapping[str, Any]) -> dict[str, Any]:
    """Return the definitions that the kinds of the registry need."""
    served = {served_kind for key, row in kinds.items() for served_kind in kinds_of(key, row)}
    roots = {name: definition_kinds(source[name]) & served for name in source}
    wanted = reachable(source, [name for name in roots if roots[name]] + ALWAYS)
    described = reachable(source, [name for name, found in roots.items() if {kind for *_, kind in found} & DESCRIBED])
    return {name: REPLACED.get(name) or clean(source[name], name in described) for name in wanted}


def kinds_of(key: str, row: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    group, version, _ = key.rsplit("/", 2)
    yield group, version, row["kind"]
    yield group, version, f"{row['kind']}List"
    for subgroup, subversion, kind, _ in row["subresources"].values():
        yield subgroup, subversion, kind


def definition_kinds(definition: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Return what a definition says it is; one that stands in every group (DeleteOptions) is not of a group."""
    found = definition.get("x-kubernetes-group-version-kind") or ()
    return {(it["group"], it["version"], it["kind"]) for it in found} if len(found) == 1 else set()


def reachable(source: Mapping[str, Any], roots: list[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += references(source[name])
    return found


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix(PREFIX)
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def clean(node: Any, described: bool) -> Any:
    """Return a schema as OpenAPI v2 writes it: one type each, no null, references to #/definitions."""
    if isinstance(node, list):
        return [clean(value, described) for value in node]
    if not isinstance(node, dict):
        return node
    found: dict[str, Any] = {}
    for key, value in node.items():
        if key == "properties":  # names of fields, which may be words of the schema language too
            found[key] = {name: clean(field, described) for name, field in value.items()}
            if "x-kubernetes-group-version-kind" in node:  # the source pins these two; the API server does not
                for name in found[key].keys() & {"apiVersion", "kind"}:
                    found[key][name].pop("enum", None)
        elif key == "$ref":
            found[key] = "#/definitions/" + value.removeprefix(PREFIX)
        elif key == "type" and isinstance(value, list):
            found[key] = next(it for it in value if it != "null")
        elif key == "description" and not described:
            continue
        else:
            found[key] = clean(value, described)
    return found
