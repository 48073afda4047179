"""The generated registry and schemas say what Kubernetes 1.36 says."""

from __future__ import annotations

import pytest

from volary.embedded.api.registry import BUILTINS, Kind, definition_names, definitions


def kind(resource: str, version: str = "v1") -> Kind:
    return next(it for it in BUILTINS if it.resource == resource and it.version == version)


def test_a_deployment_is_known_with_its_scale() -> None:
    deployment = kind("apps/deployments")
    assert (deployment.api_version, deployment.kind, deployment.singular) == ("apps/v1", "Deployment", "deployment")
    assert deployment.short_names == ("deploy",)
    assert deployment.categories == ("all",)
    scale = deployment.subresource("scale")
    assert scale is not None
    assert (scale.group, scale.version, scale.kind) == ("autoscaling", "v1", "Scale")


def test_the_autoscaler_is_served_in_two_versions() -> None:
    found = [it.version for it in BUILTINS if it.resource == "autoscaling/horizontalpodautoscalers"]
    assert found == ["v1", "v2"]


def test_only_stable_versions_are_served() -> None:
    assert not [it for it in BUILTINS if "alpha" in it.version or "beta" in it.version]


@pytest.mark.parametrize("it", BUILTINS, ids=lambda it: it.resource)
def test_every_kind_has_a_definition(it: Kind) -> None:
    assert (it.group, it.version, it.kind) in definition_names()


def references(node: object) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(value) for value in node.values()))
    return set().union(*(references(value) for value in node)) if isinstance(node, list) else set()


def test_every_reference_of_a_definition_is_there() -> None:
    missing = {it for it in references(definitions()) if it.removeprefix("#/definitions/") not in definitions()}
    assert not missing


def test_lists_say_how_they_merge() -> None:
    containers = definitions()["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["x-kubernetes-list-map-keys"] == ["name"]
    assert containers["description"]
