"""Discovery in both forms, with custom resources that come and go."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from volary.embedded.api.registry import BUILTINS, Kind, Subresource
from volary.embedded.api.serving.discovery import AGGREGATED, Discovery, aggregated_version, version_rank

THING = Kind(
    group="example.com",
    version="v1",
    plural="things",
    singular="thing",
    kind="Thing",
    namespaced=True,
    short_names=("th",),
    verbs=("get", "list", "watch"),
    subresources=(Subresource("status", "example.com", "v1", "Thing", ("get", "patch", "update")),),
)
NEWEST = f"application/json;g={AGGREGATED};v=v2;as=APIGroupDiscoveryList,application/json"


def document(discovery: Discovery, path: str, accept: str = "") -> Any:
    answer = discovery.answer(path, accept)
    assert answer is not None
    return msgspec.json.decode(answer.body)


def test_groups_keep_the_order_in_which_clients_prefer_them() -> None:
    groups = [it["name"] for it in document(Discovery([*BUILTINS, THING]), "/apis")["groups"]]
    assert groups[:3] == ["apiregistration.k8s.io", "apps", "events.k8s.io"]
    assert groups[-1] == "example.com"


def test_a_custom_resource_is_in_both_forms_and_goes_again() -> None:
    discovery = Discovery([*BUILTINS, THING])
    legacy = document(discovery, "/apis/example.com/v1")["resources"]
    assert [it["name"] for it in legacy] == ["things", "things/status"]
    found = document(discovery, "/apis", NEWEST)
    (group,) = [it for it in found["items"] if it["metadata"].get("name") == "example.com"]
    (resource,) = group["versions"][0]["resources"]
    assert (resource["resource"], resource["scope"], resource["shortNames"]) == ("things", "Namespaced", ["th"])
    assert Discovery(BUILTINS).answer("/apis/example.com/v1", "") is None


def test_the_content_type_says_which_form_it_is() -> None:
    discovery = Discovery(BUILTINS)
    answers = [discovery.answer("/apis", accept) for accept in (NEWEST, NEWEST.replace("=v2;", "=v2beta1;"), "*/*")]
    assert [it.headers["content-type"] for it in answers if it] == [
        f"application/json;g={AGGREGATED};v=v2;as=APIGroupDiscoveryList",
        f"application/json;g={AGGREGATED};v=v2beta1;as=APIGroupDiscoveryList",
        "application/json",
    ]


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (NEWEST, "v2"),
        (f"application/vnd.kubernetes.protobuf;g={AGGREGATED};v=v2;as=APIGroupDiscoveryList,application/json", ""),
        (f"application/json;as=APIGroupDiscoveryList;g={AGGREGATED};v=v9", ""),
        ("application/json", ""),
        ("", ""),
    ],
)
def test_the_first_form_that_is_known_is_taken(accept: str, form: str) -> None:
    assert aggregated_version(accept) == form


def test_versions_are_ordered_as_kubernetes_prefers_them() -> None:
    given = ["v1alpha1", "v2", "foo", "v1beta1", "v1", "v1beta2", "v10"]
    assert sorted(given, key=version_rank) == ["v10", "v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "foo"]


def test_a_missing_version_is_told_apart_from_a_missing_group() -> None:
    discovery = Discovery(BUILTINS)
    answer = discovery.answer("/apis/apps/v9", "")
    assert answer
    assert answer.status == 404
    assert discovery.answer("/apis/nope/v1", "") is None


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz", "/livez/ping"])
def test_health_is_plain_text(path: str) -> None:
    answer = Discovery(BUILTINS).answer(path, "")
    assert answer
    assert (answer.status, answer.body) == (200, b"ok")
