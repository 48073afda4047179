"""OpenAPI documents: what kubectl's explain, apply, create and diff ask about the fields of kinds.

Version 3 has one document for each group version, whose address carries a hash of its content, so that a client can
keep it for good; version 2 has everything in one. Definitions of custom resources are in both.

Source: real answers of kube-apiserver 1.36; of paths and parameters only what kubectl reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from hashlib import sha512
from typing import Any

import msgspec

from volary.embedded.api.registry import Kind, definition_names, definitions, load
from volary.embedded.api.releases import NEWEST, definitions_in, version_in
from volary.embedded.api.serving.discovery import Groups, etag, grouped
from volary.embedded.api.serving.openapi_v2 import encoded
from volary.kube.transport import Response

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
V2 = "#/definitions/"
V3 = "#/components/schemas/"
PROTOBUF_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"  # "@" in it would be no MIME type
WRITE = ("dryRun", "fieldManager", "fieldValidation")
LIST = (
    "allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit", "resourceVersion",
    "resourceVersionMatch", "sendInitialEvents", "timeoutSeconds", "watch",
)  # fmt: skip
DELETE = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
INTEGERS = {"limit", "timeoutSeconds", "gracePeriodSeconds"}
BOOLEANS = {"allowWatchBookmarks", "sendInitialEvents", "watch", "force", "orphanDependents"}
# Version 3 can say what version 2 cannot: that these are a number or a string.
ONE_OF = {
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
}

Schema = Mapping[str, Any]
CustomSchemas = Mapping[tuple[str, str, str], Schema]  # (group, version, kind) -> openAPIV3Schema


class OpenApi:
    """The documents for one set of kinds; `schemas` are those of custom resources."""

    def __init__(self, kinds: Iterable[Kind], schemas: CustomSchemas, minor: int = NEWEST) -> None:
        self.minor = minor
        self.info = {"title": "Kubernetes", "version": version_in(minor)["gitVersion"]}
        self.groups = grouped(kinds)
        self.schemas = schemas
        self._answers: dict[str, Response] = {}

    def answer(self, path: str, accept: str, wanted: str = "") -> Response | None:
        """Return the document at a path below /openapi, or None where there is none; `wanted`: the hash asked for."""
        if path.startswith("/openapi/v3/") and not self._serves(path):
            return Response(404, {}, b"")  # so that a client sees nothing to read, as a real server has it
        wants_protobuf = path == "/openapi/v2" and "proto-openapi.spec.v2" in accept
        key = "protobuf" if wants_protobuf else path
        if key not in self._answers:
            match path.strip("/").split("/"):
                case ["openapi", "v2"]:
                    self._answers[key] = self._version_2(wants_protobuf)
                case ["openapi", "v3"]:
                    self._answers[key] = plain(msgspec.json.encode({"paths": self._index()}))
                case ["openapi", "v3", "api", version]:
                    self._answers[key] = self._version_3("", version)
                case ["openapi", "v3", "apis", group, version]:
                    self._answers[key] = self._version_3(group, version)
                case _:
                    return None
        found = self._answers[key]
        if not wanted or "etag" not in found.headers or not path.startswith("/openapi/v3/"):
            return found
        known = found.headers["etag"].strip('"')
        if wanted != known:
            return Response(301, {**found.headers, "location": f"{path}?hash={known}"}, b"")
        return Response(200, {**found.headers, "cache-control": "public, immutable"}, found.body)

    def _serves(self, path: str) -> bool:
        match path.strip("/").split("/"):
            case ["openapi", "v3", "api", version]:
                return version in self.groups.get("", {})
            case ["openapi", "v3", "apis", group, version]:
                return version in self.groups.get(group, {})
        return False

    def _index(self) -> dict[str, Any]:
        found = {}
        for group, versions in self.groups.items():
            for version in versions:
                path = f"apis/{group}/{version}" if group else f"api/{version}"
                found[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={self._digest(group, version)}"}
        return found

    def _digest(self, group: str, version: str) -> str:
        """Return a hash of all that a document is made of; the document itself need not be made for it."""
        kinds = self.groups[group][version]
        known = [(kind, self.schemas.get((kind.group, kind.version, kind.kind))) for kind in kinds]
        return sha512(repr((self.info, known)).encode()).hexdigest().upper()

    def _version_3(self, group: str, version: str) -> Response:
        kinds = self.groups[group][version]
        known = schemas_of(kinds, self.schemas, self.minor)
        found = {name: ONE_OF.get(name) or version_3_schema(it) for name, it in known.items()}
        document = {"openapi": "3.0.0", "info": self.info, "paths": paths(kinds, 3), "components": {"schemas": found}}
        headers = {"content-type": "application/json", "vary": "Accept", "cache-control": "no-cache, private"}
        return Response(200, {**headers, "etag": f'"{self._digest(group, version)}"'}, msgspec.json.encode(document))

    def _version_2(self, as_protobuf: bool) -> Response:
        kinds = every_kind(self.groups)
        document = {
            "swagger": "2.0",
            "info": self.info,
            "paths": paths(kinds, 2),
            "definitions": schemas_of(kinds, self.schemas, self.minor),
        }
        body = msgspec.json.encode(document)
        found = plain(encoded(document), PROTOBUF_V2) if as_protobuf else plain(body)
        return Response(200, {**found.headers, "etag": etag(body)}, found.body)


def plain(body: bytes, content_type: str = "application/json") -> Response:
    return Response(200, {"content-type": content_type, "vary": "Accept"}, body)


def every_kind(groups: Groups) -> list[Kind]:
    return [kind for versions in groups.values() for kinds in versions.values() for kind in kinds]


def schemas_of(kinds: Sequence[Kind], custom: CustomSchemas, minor: int) -> dict[str, Schema]:
    """Return name -> definition of these kinds, their lists and subresources, and whatever those refer to."""
    found: dict[str, Schema] = {}
    roots = [f"{META}{name}" for name in ("DeleteOptions", "Status", "ObjectMeta", "ListMeta")]
    for kind in kinds:
        schema = custom.get((kind.group, kind.version, kind.kind))
        if schema is not None:
            found |= custom_definitions(kind, schema)
            continue
        triples = [(kind.group, kind.version, name) for name in (kind.kind, f"{kind.kind}List")]
        triples += [(it.group, it.version, it.kind) for it in kind.subresources]
        roots += [definition_names()[triple] for triple in triples if triple in definition_names()]
    waiting = roots
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = with_words(name, minor)
            waiting += [reference.rpartition("/")[2] for reference in references(found[name])]
    return dict(sorted(found.items()))


@cache
def with_words(name: str, minor: int) -> Schema:
    """Return a built-in definition with the words that its fields may hold, for people to read.

    They are not in what requests are checked by: the server's own rules say more, in words of their own.
    """
    definition = definitions_in(minor)[name]
    words: dict[str, list[str]] = enums().get(name) or {}
    if not words:
        return definition
    fields = dict(definition["properties"])
    for field, listed in words.items():
        schema = fields.get(field)
        if schema is None:  # a later release has it
            continue
        is_list = "items" in schema
        fields[field] = (
            {**schema, "items": {**schema["items"], "enum": listed}} if is_list else {**schema, "enum": listed}
        )
    return {**definition, "properties": fields}


@cache
def enums() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = load("enums.json")
    return found


def references(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from references(value)


def custom_name(kind: Kind) -> str:
    """Return the name of a custom resource's definition: com.example.v1.Thing."""
    return f"{'.'.join(reversed(kind.group.split('.')))}.{kind.version}.{kind.kind}"


def custom_definitions(kind: Kind, schema: Schema) -> dict[str, Schema]:
    """Return the definitions of a custom resource and of its list, with what every object has."""
    name = custom_name(kind)
    head = definitions()[f"{META}APIResourceList"]["properties"]
    both = {key: head[key] for key in ("apiVersion", "kind")}
    described = {"description": "Standard object's metadata.", "$ref": f"{V2}{META}ObjectMeta"}
    return {
        name: {
            **schema,
            "properties": {**(schema.get("properties") or {}), **both, "metadata": described},
            "x-kubernetes-group-version-kind": [kind_triple(kind)],
        },
        f"{name}List": {
            "description": f"{kind.kind}List is a list of {kind.kind}",
            "type": "object",
            "required": ["items"],
            "properties": {
                **both,
                "metadata": {"description": "Standard list metadata.", "$ref": f"{V2}{META}ListMeta"},
                "items": {"type": "array", "items": {"$ref": f"{V2}{name}"}},
            },
            "x-kubernetes-group-version-kind": [{**kind_triple(kind), "kind": f"{kind.kind}List"}],
        },
    }


def kind_triple(kind: Kind) -> dict[str, str]:
    return {"group": kind.group, "kind": kind.kind, "version": kind.version}


def version_3_schema(node: Any) -> Any:
    """Return a version 2 schema as version 3 writes it: other addresses, and nothing beside a reference."""
    if isinstance(node, list | tuple):
        return [version_3_schema(value) for value in node]
    if not isinstance(node, Mapping):
        return node
    if isinstance(node.get("$ref"), str):
        reference = {"$ref": V3 + node["$ref"].removeprefix(V2)}
        rest = {key: version_3_schema(value) for key, value in node.items() if key != "$ref"}
        return {**rest, "allOf": [reference]} if rest else reference
    return {key: version_3_schema(value) for key, value in node.items()}


def paths(kinds: Iterable[Kind], form: int) -> dict[str, Any]:
    """Return path -> method -> operation; kubectl looks here for what a kind's requests may carry."""
    found: dict[str, Any] = {}
    for kind in kinds:
        root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
        collection = f"{root}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"
        for path, method, verb, action, parameters in OPERATIONS:
            if verb in kind.verbs:
                entry = operation(kind, action, parameters, form)
                found.setdefault(f"{collection}{path}", {})[method] = entry
    return found


# (path, HTTP method, verb, x-kubernetes-action, parameters of the query)
OPERATIONS: Sequence[tuple[str, str, str, str, Sequence[str]]] = (
    ("", "get", "list", "list", LIST),
    ("", "post", "create", "post", WRITE),
    ("", "delete", "deletecollection", "deletecollection", (*DELETE, *LIST)),
    ("/{name}", "get", "get", "get", ()),
    ("/{name}", "put", "update", "put", WRITE),
    ("/{name}", "patch", "patch", "patch", (*WRITE, "force")),
    ("/{name}", "delete", "delete", "delete", DELETE),
)


def operation(kind: Kind, action: str, parameters: Sequence[str], form: int) -> dict[str, Any]:
    return {
        "operationId": f"{action}{kind.group.title().replace('.', '')}{kind.version.title()}{kind.kind}",
        "parameters": [parameter(name, form) for name in parameters],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": kind_triple(kind),
    }


def parameter(name: str, form: int) -> dict[str, Any]:
    kind = {"type": "integer" if name in INTEGERS else "boolean" if name in BOOLEANS else "string", "uniqueItems": True}
    return {"name": name, "in": "query", **(kind if form == 2 else {"schema": kind})}
