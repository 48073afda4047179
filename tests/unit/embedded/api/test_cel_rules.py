"""Rules in CEL that the schema of a custom resource carries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.embedded.api.server import Asked
from tests.unit.embedded.api.test_custom_resources import CRDS, definition
from volary.embedded.api.cel import expression as cel

pytestmark = pytest.mark.skipif(not cel.available(), reason="cel-expr-python is not installed here")


def served(spec: dict[str, Any]) -> Asked:
    """Return a server with widgets under this schema of their spec."""
    server = Asked()
    schema = {"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}}
    server.post(CRDS, definition(schema={"openAPIV3Schema": schema}, subresources={"status": {}}))
    return server


def rules(*texts: str, **more: Any) -> dict[str, Any]:
    return {"x-kubernetes-validations": [{"rule": it, **more} for it in texts]}


def widget(name: str = "w", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


TEXT = {"type": "string"}
ITEM = {"type": "object", "required": ["name"], "properties": {"name": TEXT, "v": TEXT | rules("self != oldSelf")}}
KEYED = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


def test_a_broken_rule_is_told_with_the_place_and_its_message() -> None:
    server = served({"type": "object", "properties": {"a": TEXT | rules("self.size() > 1", message="too short")}})
    refused = server.post("widgets", widget(a="x"), 422)
    assert refused["message"] == 'Widget.example.com "w" is invalid: spec.a: Invalid value: "x": too short'
    server.post("widgets", widget(a="xy"))


def test_items_of_keyed_lists_are_compared_with_what_they_were() -> None:
    server = served({"type": "object", "properties": {"l": {"type": "array", "items": ITEM, **KEYED}}})
    server.post("widgets", widget(l=[{"name": "a", "v": "1"}, {"name": "b", "v": "2"}]))
    refused = server.patch("widgets/w", {"spec": {"l": [{"name": "b", "v": "2"}, {"name": "a", "v": "2"}]}}, status=422)
    assert [it["field"] for it in refused["details"]["causes"]] == ["spec.l[0].v"]


def test_lists_of_sets_are_equal_in_any_order() -> None:
    spec = {"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"} | rules("self == oldSelf")
    server = served({"type": "object", "properties": {"s": spec}})
    server.post("widgets", widget(s=["a", "b"]))
    server.patch("widgets/w", {"spec": {"s": ["b", "a"]}})
    server.patch("widgets/w", {"spec": {"s": ["b"]}}, status=422)


def test_what_an_update_leaves_as_it_was_gives_a_warning_only() -> None:
    loose = {"type": "object", "properties": {"a": TEXT, "b": TEXT}}
    server = served(loose)
    server.post("widgets", widget(a="bad", b="x"))
    tight = {"type": "object", "properties": {"a": TEXT | rules("self != 'bad'"), "b": TEXT | {"maxLength": 1}}}
    crd = server.get(CRDS + "/widgets.example.com")
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = tight
    server.put(CRDS + "/widgets.example.com", crd)
    answer = server.raw("PATCH", "widgets/w", {"spec": {"b": "y"}}, "application/merge-patch+json")
    assert answer.status == 200
    assert "failed rule: self != 'bad'" in answer.headers["warning"]
    server.patch("widgets/w", {"spec": {"b": "yy"}}, status=422)
    server.post("widgets", widget("v", a="bad"), 422)


def test_rules_are_not_asked_of_what_has_the_wrong_types() -> None:
    server = served({"type": "object", "properties": {"n": {"type": "integer"}}} | rules("self.n > 1"))
    message = server.post("widgets", widget(n="x"), 422)["message"]
    assert "<nil>: Invalid value: null: some validation rules were not checked" in message
    assert "failed rule" not in message


def test_a_rule_that_has_no_answer_refuses() -> None:
    server = served({"type": "object", "additionalProperties": TEXT} | rules("self['a'] == 'x'"))
    message = server.post("widgets", widget(b="x"), 422)["message"]
    assert message.endswith("no such key: a evaluating rule: self['a'] == 'x'")


def test_nulls_of_objects_count_as_absent_and_unknown_fields_are_not_seen() -> None:
    fields = {"a": TEXT | {"nullable": True}, "in": TEXT}
    spec = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": fields}
    server = served(spec | rules("!has(self.a)", "!has(self.__in__) || self.__in__ == 'ok'"))
    server.post("widgets", widget("w", **{"a": None, "b": 1, "in": "ok"}))
    server.post("widgets", widget("v", **{"in": "no"}), 422)


TIMES = {"wait": TEXT | {"format": "duration"}, "at": TEXT | {"format": "date-time"}}
NOT_OFFERED = [
    {"type": "object", "additionalProperties": TEXT} | rules("self.transformMap(k, v, v) == self"),
    {"type": "object", "properties": TIMES} | rules("self.at.getFullYear() > 2000"),
    {"type": "object", "properties": TIMES} | rules("[self].all(it, it.wait < duration('1h'))"),
    {"type": "object", "properties": {"a": TEXT | rules("format.named('uuid').value().validate(self).hasValue()")}},
]


@pytest.mark.parametrize("spec", NOT_OFFERED)
def test_what_cannot_be_evaluated_gives_a_warning(spec: dict[str, Any]) -> None:
    server = Asked()
    schema = {"type": "object", "properties": {"spec": spec}}
    answer = server.raw("POST", CRDS, definition(schema={"openAPIV3Schema": schema}))
    assert answer.status == 201
    assert "stored but not evaluated" in answer.headers["warning"]
    server.post("widgets", widget(wait="1s", at="2026-01-01T00:00:00Z", a="x"))


def test_durations_and_times_may_be_converted_and_compared() -> None:
    conversions = (
        "duration(self.wait) > duration('1s')",
        "timestamp(self.at).getFullYear() == 2026",
        "self.wait == self.wait",
    )
    server = served({"type": "object", "properties": TIMES} | rules(*conversions))
    server.post("widgets", widget(wait="2s", at="2026-01-01T00:00:00Z"))
    server.post("widgets", widget("v", wait="1s", at="2026-01-01T00:00:00Z"), 422)


REFUSED = [
    ("self.b == ''", "undefined field 'b'"),
    ("self.a", "cel expression must evaluate to a bool"),
    ("self.a.nope()", "undeclared reference to 'nope'"),
    ("self.a == 1", "found no matching overload for '_==_' applied to '(string, int)'"),
    ("self.a.startsWith(1)", "found no matching overload for 'startsWith'"),
]


@pytest.mark.parametrize(("text", "why"), REFUSED)
def test_what_is_no_rule_is_refused_with_the_definition(text: str, why: str) -> None:
    spec = {"type": "object", "properties": {"a": TEXT}} | rules(text)
    schema = {"type": "object", "properties": {"spec": spec}}
    message = Asked().post(CRDS, definition(schema={"openAPIV3Schema": schema}), 422)["message"]
    assert "spec.validation.openAPIV3Schema.properties[spec].x-kubernetes-validations[0].rule" in message
    if (
        "startsWith" not in text
    ):  # a field of an object is dynamic to the library: a function's arguments are not checked
        assert why in message
