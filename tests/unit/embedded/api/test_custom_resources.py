"""Definitions of custom resources, and objects under their schemas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.embedded.api.server import Asked
from volary.embedded.api.cel import expression as cel

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
REAL = sorted((Path(__file__).parents[4].parent / "shared" / "real" / "crds").glob("*.yaml"))  # absent: nothing to play
SPEC: dict[str, Any] = {
    "type": "object",
    "required": ["image"],
    "properties": {
        "image": {"type": "string", "pattern": "^[a-z:0-9]+$", "maxLength": 9},
        "replicas": {"type": "integer", "minimum": 0, "maximum": 5, "default": 1},
        "mode": {"type": "string", "enum": ["Fast", "Slow"]},
        "port": {"x-kubernetes-int-or-string": True},
        "note": {"type": "string", "nullable": True},
        "raw": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "choice": {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "oneOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
        "steps": {
            "type": "array",
            "maxItems": 2,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "weight": {"type": "integer", "default": 7}},
            },
        },
    },
}


def definition(**version: Any) -> dict[str, Any]:
    schema = {
        "type": "object",
        "properties": {"spec": SPEC, "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    v1 = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}
    names = {"plural": "widgets", "kind": "Widget"}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [v1]}
    return {"metadata": {"name": "widgets.example.com"}, "spec": spec}


SUBRESOURCES = {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}}


@pytest.fixture
def server() -> Asked:
    made = Asked()
    made.post(CRDS, definition(subresources=SUBRESOURCES))
    return made


def widget(name: str = "w", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": {"name": name},
        "spec": {"image": "a", **spec},
    }


def test_a_definition_is_established_and_served(server: Asked) -> None:
    status = server.get(CRDS + "/widgets.example.com")["status"]
    assert [(it["type"], it["status"]) for it in status["conditions"]] == [
        ("NamesAccepted", "True"),
        ("Established", "True"),
    ]
    assert status["storedVersions"] == ["v1"]
    assert status["acceptedNames"] == {
        "plural": "widgets",
        "kind": "Widget",
        "listKind": "WidgetList",
        "singular": "widget",
    }
    assert server.get("widgets") == {
        "apiVersion": "example.com/v1",
        "kind": "WidgetList",
        "items": [],
        "metadata": {"continue": "", "resourceVersion": str(server.api.core.store.version)},
    }


def test_defaults_are_put_in_and_unknown_fields_out(server: Asked) -> None:
    made = server.post("widgets", widget(nope=1, steps=[{"name": "x"}], raw={"any": {"thing": 1}}))
    assert made["spec"] == {
        "image": "a",
        "replicas": 1,
        "steps": [{"name": "x", "weight": 7}],
        "raw": {"any": {"thing": 1}},
    }
    assert made["metadata"]["generation"] == 1


WRONG = [
    ({"image": "UPPER"}, "spec.image: Invalid value: \"UPPER\": spec.image in body should match '^[a-z:0-9]+$'"),
    ({"image": "aaaaaaaaaa"}, "spec.image: Too long: may not be more than 9 bytes"),
    ({"replicas": 9}, "spec.replicas: Invalid value: 9: spec.replicas in body should be less than or equal to 5"),
    ({"mode": "Odd"}, 'spec.mode: Unsupported value: "Odd": supported values: "Fast", "Slow"'),
    ({"mode": 5}, 'spec.mode: Invalid value: "integer": spec.mode in body must be of type string: "integer"'),
    (
        {"port": True},
        'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    ),
    ({"steps": [{"name": "x"}, {"name": "x"}]}, 'spec.steps[1]: Duplicate value: {"name":"x"}'),
    ({"steps": [{"weight": 1}]}, "spec.steps[0].name: Required value"),
    ({"steps": [{"name": it} for it in "xyz"]}, "spec.steps: Too many: 3: must have at most 2 items"),
    ({"image": None}, "spec.image: Required value"),
    ({"choice": {}}, '"spec.choice" must validate one and only one schema (oneOf). Found none valid'),
    (
        {"choice": {"a": "1", "b": "2"}},
        '"spec.choice" must validate one and only one schema (oneOf). Found 2 valid alternatives',
    ),
]


@pytest.mark.parametrize(("spec", "text"), WRONG)
def test_each_broken_rule_is_told(server: Asked, spec: dict[str, Any], text: str) -> None:
    refused = server.post("widgets", widget(**spec), 422)
    assert text in refused["message"]
    assert refused["message"].startswith('Widget.example.com "w" is invalid: ')


@pytest.mark.parametrize("spec", [{"note": None}, {"port": "http"}, {"port": 80}, {"choice": {"b": "x"}}])
def test_what_fits_is_taken(server: Asked, spec: dict[str, Any]) -> None:
    made = server.post("widgets", widget(**spec))
    assert {key: made["spec"][key] for key in spec} == spec


def test_field_validation(server: Asked) -> None:
    body = widget(nope=1)
    strict = server.post("widgets?fieldValidation=Strict", body, 400)
    assert strict["message"].endswith('strict decoding error: unknown field "spec.nope"')
    assert server.raw("POST", "widgets", body).headers["warning"] == '299 - "unknown field \\"spec.nope\\""'
    server.delete("widgets/w")
    assert "warning" not in server.raw("POST", "widgets?fieldValidation=Ignore", body).headers
    twice = b'{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"z"},"spec":{"image":"a","image":"b"}}'
    assert "duplicate field" in server.raw("POST", "widgets", twice).headers["warning"]


def test_status_and_scale(server: Asked) -> None:
    server.post("widgets", widget() | {"status": {"replicas": 4}})
    assert "status" not in server.get("widgets/w")
    server.patch("widgets/w/status", {"status": {"replicas": 2}, "spec": {"replicas": 5}})
    assert server.get("widgets/w/scale")["spec"] == {"replicas": 1}
    scaled = server.patch("widgets/w/scale", {"spec": {"replicas": 3}})
    assert (scaled["spec"], scaled["status"]) == ({"replicas": 3}, {"replicas": 2})
    found = server.get("widgets/w")
    assert found["metadata"]["generation"] == 2
    assert [it.get("subresource") for it in found["metadata"]["managedFields"]] == ["scale", None, "status"]


def test_without_the_library_rules_in_cel_are_not_evaluated_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cel, "_found", lambda: False)
    server = Asked()
    body = definition()
    spec = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = spec | {
        "x-kubernetes-validations": [{"rule": "false"}]
    }
    assert "not evaluated" in server.raw("POST", CRDS, body).headers["warning"]
    server.post("widgets", widget())


def test_with_the_definition_go_its_objects(server: Asked) -> None:
    server.post("widgets", widget())
    server.post("widgets", widget("held") | {"metadata": {"name": "held", "finalizers": ["a.b/c"]}})
    waiting = server.delete(CRDS + "/widgets.example.com")
    assert waiting["status"]["conditions"][-1]["type"] == "Terminating"
    assert [it["metadata"]["name"] for it in server.get("widgets")["items"]] == ["held"]
    server.patch("widgets/held", {"metadata": {"finalizers": None}})
    assert server.raw("GET", "widgets").status == 404
    server.get(CRDS + "/widgets.example.com", 404)


BAD = [
    (definition() | {"metadata": {"name": "x.example.com"}}, "metadata.name"),
    (definition(storage=False), "must have exactly one version marked as storage version"),
    (definition(schema={}), "openAPIV3Schema: Required value"),
    (definition(schema={"openAPIV3Schema": {"type": "string"}}), "must be object at the root"),
]


@pytest.mark.parametrize(("body", "text"), BAD)
def test_a_bad_definition_is_refused(body: dict[str, Any], text: str) -> None:
    assert text in Asked().post(CRDS, body, 422)["message"]


@pytest.mark.parametrize("path", REAL, ids=lambda path: path.stem)
def test_definitions_of_others_are_taken(path: Path) -> None:
    server = Asked()
    for body in yaml.safe_load_all(path.read_text()):
        if body and body.get("kind") == "CustomResourceDefinition":
            server.post(CRDS, body)
            names, group = body["spec"]["names"], body["spec"]["group"]
            version = body["spec"]["versions"][0]["name"]
            server.get(f"/apis/{group}/{version}/{names['plural']}")
