"""CRDs from types, and the sentences about fields that do not fit."""

from __future__ import annotations

import enum
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, Struct, field

from volary.kube.definitions import AGE, BadField, Column, NotExpressible, decode, definition, structural_schema
from volary.kube.objects import Resource


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


class Step(Struct, frozen=True, rename="camel"):
    """One step."""

    max_weight: Annotated[int, Meta(ge=0, le=100, description="percent")]
    name: Annotated[str, Meta(pattern="^[a-z]+$")] = "step"


class Spec(Struct, frozen=True, rename="camel"):
    limit: int | Annotated[str, Meta(pattern="^[0-9]+%$")]
    first: Step | None = None
    steps: Annotated[list[Step], Meta(extra_json_schema={"x-kubernetes-list-type": "atomic"})] = []
    labels: dict[str, str] = {}
    free: dict[str, Any] = {}
    mode: Mode = Mode.FAST
    policy: Literal["Hold", "Abort"] = "Hold"
    since: Annotated[datetime, Meta(tz=True)] | None = None
    share: Annotated[float, Meta(gt=0)] = 0.5
    inner: Step = field(default_factory=lambda: Step(1))


class Status(Struct, frozen=True, rename="camel"):
    observed_generation: int = 0


STEP = {
    "description": "One step.",
    "type": "object",
    "properties": {
        "maxWeight": {"type": "integer", "minimum": 0, "maximum": 100, "description": "percent"},
        "name": {"type": "string", "pattern": "^[a-z]+$", "default": "step"},
    },
    "required": ["maxWeight"],
}


def test_each_kind_of_field_becomes_what_a_crd_can_say() -> None:
    schema = structural_schema(Spec)
    assert schema["required"] == ["limit"]
    assert schema["properties"] == {
        "limit": {"x-kubernetes-int-or-string": True, "pattern": "^[0-9]+%$"},
        "first": {**STEP, "nullable": True},
        "steps": {"type": "array", "items": STEP, "x-kubernetes-list-type": "atomic"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "mode": {"type": "string", "enum": ["fast", "slow"], "default": "fast"},
        "policy": {"type": "string", "enum": ["Abort", "Hold"], "default": "Hold"},
        "since": {"type": "string", "format": "date-time", "nullable": True},
        "share": {"type": "number", "minimum": 0, "exclusiveMinimum": True, "default": 0.5},
        "inner": STEP,
    }


class Anything(Struct):
    value: object


class Loop(Struct):
    inner: Loop | None = None


class Union(Struct):
    value: bool | str


class Duration(Struct):
    value: timedelta


class Pair(Struct):
    value: tuple[int, str]


@pytest.mark.parametrize(
    ("struct_type", "words"),
    [
        (Anything, "Anything: "),
        (Loop, "Loop.inner: Loop holds itself"),
        (Union, "Union.value: a CRD cannot say a union of boolean, string"),
        (Duration, "Duration.value: write a duration as a text"),
        (Pair, "Pair.value: a CRD cannot say"),
    ],
)
def test_a_type_that_a_crd_cannot_say_is_refused(struct_type: type, words: str) -> None:
    with pytest.raises(NotExpressible, match=words):
        structural_schema(struct_type)


def test_definition_is_a_whole_crd() -> None:
    resource = Resource("volary.dev/v1alpha1", "Thing", "things", namespaced=False)
    columns = [Column("Phase", ".status.phase", priority=1), AGE]
    made = definition(resource, spec=Spec, status=Status, columns=columns, short_names=["th"], categories=["all"])
    assert made["metadata"] == {"name": "things.volary.dev"}
    assert made["spec"]["scope"] == "Cluster"
    assert made["spec"]["names"] == {
        "kind": "Thing",
        "listKind": "ThingList",
        "plural": "things",
        "singular": "thing",
        "shortNames": ["th"],
        "categories": ["all"],
    }
    [version] = made["spec"]["versions"]
    assert version["subresources"] == {"status": {}}
    assert version["additionalPrinterColumns"][0] == {
        "name": "Phase",
        "type": "string",
        "jsonPath": ".status.phase",
        "priority": 1,
    }
    schema = version["schema"]["openAPIV3Schema"]
    assert schema["required"] == ["spec"]
    assert schema["properties"]["status"]["properties"] == {"observedGeneration": {"type": "integer"}}


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({}, "spec.limit is missing; allowed: a whole number or a text that matches ^[0-9]+%$"),
        ({"limit": 1.5}, "spec.limit is 1.5; allowed: a whole number or a text that matches ^[0-9]+%$"),
        ({"limit": "1"}, 'spec.limit is "1"; allowed: a whole number or a text that matches ^[0-9]+%$'),
        (
            {"limit": 1, "first": {}},
            "spec.first.maxWeight is missing; allowed: a whole number, at least 0, at most 100",
        ),
        (
            {"limit": 1, "steps": [{"maxWeight": 5}, {"maxWeight": 500}]},
            "spec.steps[1].maxWeight is 500; allowed: a whole number, at least 0, at most 100",
        ),
        ({"limit": 1, "steps": {}}, "spec.steps is {}; allowed: a list"),
        ({"limit": 1, "labels": {"a": "b", "x/y": 1}}, "spec.labels[x/y] is 1; allowed: a text"),
        ({"limit": 1, "mode": "faster"}, 'spec.mode is "faster"; allowed: fast, slow'),
        ({"limit": 1, "policy": None}, "spec.policy is null; allowed: Abort, Hold"),
        ({"limit": 1, "share": 0}, "spec.share is 0; allowed: a number, more than 0"),
        (
            {"limit": 1, "since": "soon"},
            'spec.since is "soon"; allowed: a text with a time such as 2026-11-24T10:00:00Z',
        ),
        ({"limit": 1, "step": []}, 'spec.step is not a field; did you mean "steps"?'),
        ({"limit": 1, "first": {"zzz": 1}}, "spec.first.zzz is not a field; known here: maxWeight, name"),
        (
            {"limit": 1, "steps": [{"maxWeight": 1, "nam": ""}]},
            'spec.steps[0].nam is not a field; did you mean "name"?',
        ),
        ([], "spec is []; allowed: a mapping"),
    ],
)
def test_what_does_not_fit_becomes_one_sentence(bad: object, sentence: str) -> None:
    with pytest.raises(BadField) as caught:
        decode(Spec, bad, "Thing east", at="spec", refuse_unknown=True)
    assert str(caught.value) == f"Thing east: {sentence}"


def test_what_fits_is_decoded_with_defaults_and_unknown_fields_may_be_let_through() -> None:
    spec = decode(Spec, {"limit": "5%", "first": {"maxWeight": 3}, "later": 1}, "Thing east")
    assert spec == Spec(limit="5%", first=Step(3))


class Inner(Struct, frozen=True):
    name: str = "a"
    other: str | None = None


class Outer(Struct):
    inner: Inner = Inner()


def test_a_default_has_no_null_in_it() -> None:
    properties = structural_schema(Outer)["properties"]
    assert properties["inner"]["default"] == {"name": "a"}  # a server drops a null, and would differ for ever
