"""OpenAPI documents: complete in themselves, with custom resources, and readable as gnostic protobuf."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.unit.embedded.faces.test_discovery import THING
from volary.embedded.api.registry import BUILTINS
from volary.embedded.api.serving.openapi import OpenApi, references
from volary.embedded.api.serving.protobuf import fields_of, wire

SCHEMA = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
SCHEMAS = {("example.com", "v1", "Thing"): SCHEMA}
PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"


@pytest.fixture(scope="module")
def openapi() -> OpenApi:
    return OpenApi([*BUILTINS, THING], SCHEMAS)


def document(openapi: OpenApi, path: str) -> Any:
    answer = openapi.answer(path, "")
    assert answer is not None
    return msgspec.json.decode(answer.body)


def test_every_document_of_the_index_refers_only_to_itself(openapi: OpenApi) -> None:
    for entry in document(openapi, "/openapi/v3")["paths"].values():
        found = document(openapi, entry["serverRelativeURL"].partition("?")[0])
        schemas = found["components"]["schemas"]
        assert {it.rpartition("/")[2] for it in references(found)} <= schemas.keys()


def test_the_hash_changes_with_the_schema_of_a_custom_resource(openapi: OpenApi) -> None:
    other = OpenApi([*BUILTINS, THING], {("example.com", "v1", "Thing"): {"type": "object"}})
    before, after = (document(it, "/openapi/v3")["paths"] for it in (openapi, other))
    changed = [path for path in before if before[path] != after[path]]
    assert changed == ["apis/example.com/v1"]


def test_a_custom_resource_is_described_with_its_kind(openapi: OpenApi) -> None:
    schemas = document(openapi, "/openapi/v3/apis/example.com/v1")["components"]["schemas"]
    thing = schemas["com.example.v1.Thing"]
    assert thing["x-kubernetes-group-version-kind"] == [{"group": "example.com", "kind": "Thing", "version": "v1"}]
    assert thing["properties"]["spec"]["properties"]["size"] == {"type": "integer"}
    assert thing["properties"]["metadata"]["allOf"]


def test_what_kubectl_asks_of_a_patch_is_there(openapi: OpenApi) -> None:
    paths = document(openapi, "/openapi/v3/apis/apps/v1")["paths"]
    patch = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert {"fieldValidation", "dryRun"} <= {it["name"] for it in patch["parameters"]}
    assert patch["x-kubernetes-action"] == "patch"
    assert patch["x-kubernetes-group-version-kind"]["kind"] == "Deployment"


def test_words_and_numbers_are_described_for_people(openapi: OpenApi) -> None:
    schemas = document(openapi, "/openapi/v3/apis/apps/v1")["components"]["schemas"]
    assert schemas["io.k8s.api.apps.v1.DeploymentStrategy"]["properties"]["type"]["enum"] == [
        "Recreate",
        "RollingUpdate",
    ]
    assert schemas["io.k8s.apimachinery.pkg.util.intstr.IntOrString"]["oneOf"] == [
        {"type": "integer"},
        {"type": "string"},
    ]


@pytest.mark.parametrize("path", ["/openapi/v3/apis/nope/v1", "/openapi/v3/api/v9", "/openapi/v3/nope"])
def test_a_document_that_is_not_there_is_empty(openapi: OpenApi, path: str) -> None:
    answer = openapi.answer(path, "")
    assert answer
    assert (answer.status, answer.body) == (404, b"")


def named(body: bytes, number: int) -> Iterator[tuple[str, bytes]]:
    """Yield name and value of the entries of one field."""
    for found, raw in wire(body):
        if found == number and isinstance(raw, bytes):
            entry = fields_of(raw)
            name, value = entry[1], entry.get(2, b"")
            assert isinstance(name, bytes)
            assert isinstance(value, bytes)
            yield name.decode(), value


def test_version_2_is_readable_as_protobuf(openapi: OpenApi) -> None:
    answer = openapi.answer("/openapi/v2", PROTOBUF)
    assert answer
    assert answer.headers["content-type"] == PROTOBUF.replace("@", ".")
    whole = fields_of(answer.body)
    assert whole[1] == b"2.0"
    assert isinstance(whole[9], bytes)
    definitions = dict(named(whole[9], 1))
    assert definitions.keys() == document(openapi, "/openapi/v2")["definitions"].keys()
    properties = fields_of(definitions["io.k8s.api.apps.v1.DeploymentSpec"])[25]
    assert isinstance(properties, bytes)
    assert {"replicas", "selector", "template"} <= dict(named(properties, 1)).keys()
