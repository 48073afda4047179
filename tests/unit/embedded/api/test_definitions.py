"""Definitions over time: names that two of them want, schemas that change, versions, and the end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.embedded.api.server import MERGE, Asked
from tests.unit.embedded.api.test_custom_resources import CRDS
from volary.embedded.api.custom.embedded_objects import coerce, errors
from volary.embedded.api.custom.field_paths import NoSuchPlace, place
from volary.embedded.api.custom.formats import fits, known
from volary.embedded.api.schema import Node
from volary.embedded.api.text.go_durations import parse_duration
from volary.embedded.api.validation.conform import WrongType

Object = dict[str, Any]


def schema(**fields: Object) -> Object:
    spec = {"type": "object", "properties": fields}
    return {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}


def version(name: str, shape: Object, **more: Any) -> Object:
    return {"name": name, "served": True, "storage": name == "v1", "schema": shape, **more}


def define(plural: str = "widgets", kind: str = "Widget", *versions: Object, **spec: Any) -> Object:
    names = {"plural": plural, "kind": kind, **spec.pop("names", {})}
    found = versions or (version("v1", schema(a={"type": "string"})),)
    body = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": list(found), **spec}
    return {"metadata": {"name": f"{plural}.example.com"}, "spec": body}


def widget(**spec: Any) -> Object:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}


def conditions(server: Asked, name: str) -> dict[str, tuple[str, str]]:
    found = server.get(f"{CRDS}/{name}.example.com")["status"]["conditions"]
    return {it["type"]: (it["status"], it["reason"]) for it in found}


def test_of_two_that_want_one_name_the_second_waits_until_the_first_goes() -> None:
    server = Asked()
    server.post(CRDS, define())
    server.post(CRDS, define("gadgets", "Widget", names={"listKind": "GadgetList"}))
    assert conditions(server, "gadgets") == {
        "NamesAccepted": ("False", "KindConflict"),
        "Established": ("False", "NotAccepted"),
    }
    assert server.raw("GET", "/apis/example.com/v1/gadgets").status == 404
    server.delete(f"{CRDS}/widgets.example.com")
    assert conditions(server, "gadgets")["Established"] == ("True", "InitialNamesAccepted")
    server.get("/apis/example.com/v1/gadgets")


def test_objects_look_as_the_schema_is_now_under_their_old_versions() -> None:
    server = Asked()
    server.post(CRDS, define())
    made = server.post("widgets", widget(a="1"))
    crd = server.get(f"{CRDS}/widgets.example.com")
    crd["spec"]["versions"][0]["schema"] = schema(b={"type": "string", "default": "new"})
    server.put(f"{CRDS}/widgets.example.com", crd)
    found = server.get("widgets/w")
    assert found["spec"] == {"b": "new"}
    assert found["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


def test_another_version_shows_what_it_knows() -> None:
    server = Asked()
    both = (
        version("v1", schema(a={"type": "string"}, b={"type": "string"})),
        version("v2", schema(a={"type": "string"})),
    )
    server.post(CRDS, define("widgets", "Widget", *both))
    server.post("widgets", widget(a="1", b="2"))
    assert server.get("/apis/example.com/v2/namespaces/default/widgets/w")["spec"] == {"a": "1"}
    assert server.get("widgets/w")["spec"] == {"a": "1", "b": "2"}


def test_what_only_a_webhook_converts_is_served_in_the_stored_version_only() -> None:
    server = Asked()
    hook = {"clientConfig": {"url": "https://localhost/x"}, "conversionReviewVersions": ["v1"]}
    both = (version("v1", schema()), version("v2", schema(a={"type": "string"})))
    server.post(CRDS, define("widgets", "Widget", *both, conversion={"strategy": "Webhook", "webhook": hook}))
    server.get("widgets")
    refused = server.ask("GET", "/apis/example.com/v2/namespaces/default/widgets", status=501)
    assert "does not implement conversion webhooks" in refused["message"]


def test_a_definition_waits_for_its_objects_and_takes_no_new_ones() -> None:
    server = Asked()
    server.post(CRDS, define())
    held = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "finalizers": ["a.b/c"]}}
    server.post("widgets", held)
    marked = server.delete(f"{CRDS}/widgets.example.com")
    assert marked["status"]["conditions"][-1]["reason"] == "InstanceDeletionPending"
    assert conditions(server, "widgets")["Terminating"] == ("True", "InstanceDeletionInProgress")
    refused = server.post("widgets", {**held, "metadata": {"name": "v"}}, 403)
    assert refused["message"].endswith("create not allowed while custom resource definition is terminating")
    server.patch("widgets/w", {"metadata": {"finalizers": None}})
    server.get(f"{CRDS}/widgets.example.com", 404)


def test_unknown_formats_are_told_once() -> None:
    server = Asked()
    crd = define("widgets", "Widget", version("v1", schema(a={"type": "string", "format": "color"})))
    assert server.raw("POST", CRDS, crd).headers["warning"] == '299 - "unrecognized format \\"color\\""'
    label = {"metadata": {"labels": {"a": "b"}}}
    assert "warning" not in server.raw("PATCH", f"{CRDS}/widgets.example.com", label, MERGE).headers


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("date-time", "2026-01-01T00:00:00Z", "2026-01-01"),
        ("date", "2026-01-31", "2026-02-31"),
        ("duration", "1h30m", "soon"),
        ("ipv4", "1.2.3.4", "1.2.3"),
        ("ipv6", "::1", "1.2.3.4"),
        ("cidr", "10.0.0.0/8", "10.0.0.0"),
        ("uri", "https://a/b", "a"),
        ("hostname", "a.example.com", "-a"),
        ("email", "a@b.example", "a"),
        ("mac", "00:00:5e:00:53:01", "00"),
        ("byte", "YQ==", "Y"),
        ("uuid4", "f47ac10b-58cc-4372-a567-0e02b2c3d479", "f47ac10b-58cc-1372-a567-0e02b2c3d479"),
        ("isbn", "0321751043", "0321751044"),
        ("hexcolor", "#fff", "#ff"),
        ("rgbcolor", "rgb(1,2,3)", "rgb(1,2,256)"),
        ("k8s-short-name", "a-b", "A"),
        ("ssn", "111-22-3333", "1"),
    ],
)
def test_formats(form: str, good: str, bad: str) -> None:
    assert known(form, "string")
    assert fits(form, good)
    assert not fits(form, bad)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1h", 3600), ("-1.5s", -1.5), ("1m30s", 90), ("2 days", 172800), ("0", 0)]
)
def test_durations(text: str, seconds: float) -> None:
    found = parse_duration(text)
    assert found is not None
    assert found.total_seconds() == seconds


def test_paths_of_fields() -> None:
    node = Node(
        {"type": "object", "properties": {"a-b": {"type": "object", "additionalProperties": {"type": "string"}}}}, {}
    )
    assert place(".a-b['x.y']", node).type == "string"
    for path, why in (
        (".zz", "valid field"),
        ("a", "expected ["),
        (".a-b[x]", "single quoted"),
        (".a-b['x'", "unexpected end"),
    ):
        with pytest.raises(NoSuchPlace, match=why.replace("[", r"\[")):
            place(path, node)


def test_embedded_objects_have_a_kind_and_metadata() -> None:
    inner = {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True}
    node = Node({"type": "object", "properties": {"t": inner}}, {})
    assert [it.field for it in errors({"t": {"metadata": {"name": "a/b"}}}, node)] == [
        "t.apiVersion",
        "t.kind",
        "t.metadata.name",
    ]
    assert coerce({"t": {"metadata": {"name": "a", "foo": 1}}}, node) == ["t.metadata.foo"]
    with pytest.raises(WrongType, match="must be a string"):
        coerce({"t": {"kind": 1}}, node)


MALFORMED: list[Object] = [
    {"x-kubernetes-validations": "x"},
    {"x-kubernetes-validations": ["x"]},
    {"properties": []},
    {"maxLength": "x"},
    {"anyOf": {}},
    {"required": 1},
]


@pytest.mark.parametrize("part", MALFORMED)
def test_what_is_no_schema_is_refused_at_any_depth(part: Object) -> None:
    """Below `items` the definition's own schema says nothing of types."""
    item = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string", **part}}}}
    shape = schema(a={"type": "array", "items": item})
    refused = Asked().post(CRDS, define("widgets", "Widget", version("v1", shape)), 422)
    assert "properties[a].items.properties[a].items: Invalid value" in refused["message"]
    assert "cannot unmarshal" in refused["message"]
