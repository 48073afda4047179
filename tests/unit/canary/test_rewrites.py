"""What differs between target and primary by design, and what does not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.canary.samples import canary, deployment
from volary.canary.objects import Rewrite, primary_deployment, promoted_deployment
from volary.canary.rewrites import ID, TRIAL, pairs, primary_template, same, selector_label
from volary.canary.tracking import Reference, checksum_of, is_tracked, references

LABELS = ("app", "name", "app.kubernetes.io/name")
TRACKED = frozenset({("configmap", "settings"), ("secret", "token"), ("configmap", "both"), ("secret", "both")})
RICH: dict[str, Any] = {
    "volumes": [
        {"name": "a", "configMap": {"name": "settings"}},
        {"name": "b", "secret": {"secretName": "token", "optional": True}},
        {"name": "c", "projected": {"sources": [{"configMap": {"name": "both"}}, {"secret": {"name": "both"}}]}},
        {"name": "d", "secret": {"secretName": "pull"}},
    ],
    "initContainers": [{"name": "init", "envFrom": [{"configMapRef": {"name": "settings"}}]}],
    "containers": [
        {"name": "main", "env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "token", "key": "t"}}}]}
    ],
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"labelSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["podinfo", "x"]}]}}
            ],
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 1,
                    "podAffinityTerm": {"labelSelector": {"matchLabels": {"app": "podinfo", "tier": "podinfo"}}},
                }
            ],
        }
    },
    "topologySpreadConstraints": [{"labelSelector": {"matchLabels": {"name": "podinfo"}}}],
}


def rewrite(trial: str = "v1:t", tracked: frozenset[tuple[str, str]] = TRACKED) -> Rewrite:
    return Rewrite(("app", "podinfo"), LABELS, tracked, "id-1", trial)


def test_every_rewrite_is_made_and_the_target_is_left_alone() -> None:
    target = deployment(**copy.deepcopy(RICH))
    before = copy.deepcopy(target)
    template = primary_template(target, TRACKED)
    assert target == before
    assert template is not None
    assert template["metadata"]["labels"] == {"app": "podinfo-primary"}
    spec = template["spec"]
    assert spec["volumes"][0]["configMap"]["name"] == "settings-primary"
    assert spec["volumes"][1]["secret"]["secretName"] == "token-primary"
    assert spec["volumes"][2]["projected"]["sources"] == [
        {"configMap": {"name": "both-primary"}},
        {"secret": {"name": "both-primary"}},
    ]
    assert spec["volumes"][3]["secret"]["secretName"] == "pull", "not tracked"
    assert spec["initContainers"][0]["envFrom"][0]["configMapRef"]["name"] == "settings-primary"
    assert spec["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]["name"] == "token-primary"
    anti = spec["affinity"]["podAntiAffinity"]
    [required] = anti["requiredDuringSchedulingIgnoredDuringExecution"]
    assert required["labelSelector"]["matchExpressions"][0]["values"] == ["podinfo-primary", "x"]
    [preferred] = anti["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred["podAffinityTerm"]["labelSelector"]["matchLabels"] == {"app": "podinfo-primary", "tier": "podinfo"}
    assert spec["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] == {"name": "podinfo-primary"}


def test_a_new_primary_is_a_copy_and_its_configuration_is_known_from_itself() -> None:
    target = deployment(**RICH)
    primary = primary_deployment(canary(), target, rewrite())
    assert same(target, primary)
    assert pairs(target, primary) == [(kind, name, f"{name}-primary") for kind, name in sorted(TRACKED)]
    assert primary["metadata"]["annotations"] == {"team": "a"}, "Flux's marks are about the object that Git brought"
    assert primary["metadata"]["ownerReferences"][0]["controller"] is True
    assert primary["spec"]["selector"] == {"matchLabels": {"app": "podinfo-primary"}}
    assert (primary["spec"]["replicas"], primary["spec"]["minReadySeconds"]) == (2, 5)
    annotations = primary["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"prometheus.io/scrape": "true", ID: "id-1", TRIAL: "v1:t"}


def change(target: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(target)
    inner: Any = changed["spec"]["template"]
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return changed


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "containers", 0, "image"), "podinfo:6.0.1"),
        (("metadata", "annotations", "restartedAt"), "now"),
        (("metadata", "labels", "tier"), "x"),
        (("spec", "terminationGracePeriodSeconds"), 5),
    ],
)
def test_any_other_difference_is_one(path: tuple[Any, ...], value: Any) -> None:
    target = deployment()
    primary = primary_deployment(canary(), target, rewrite(tracked=frozenset()))
    assert same(target, primary)
    assert not same(change(target, path, value), primary)
    promoted = promoted_deployment(primary, change(target, path, value), rewrite("v1:2", frozenset()), True)
    assert same(change(target, path, value), promoted)
    assert promoted["spec"]["template"]["metadata"]["annotations"][TRIAL] == "v1:2"


def test_annotations_that_only_the_primary_has_and_flux_marks_are_no_difference() -> None:
    target = deployment()
    primary = primary_deployment(canary(), target, rewrite(tracked=frozenset()))
    marked = change(target, ("metadata", "annotations", "kustomize.toolkit.fluxcd.io/x"), "y")
    assert same(marked, primary)


def test_replicas_are_the_autoscalers_where_there_is_one() -> None:
    target = deployment()
    primary = primary_deployment(canary(), target, rewrite())
    target["spec"]["replicas"] = 7
    assert promoted_deployment(primary, target, rewrite(), keep_replicas=True)["spec"]["replicas"] == 2
    assert promoted_deployment(primary, target, rewrite(), keep_replicas=False)["spec"]["replicas"] == 7
    target["spec"]["replicas"] = 0
    assert promoted_deployment(primary, target, rewrite(), keep_replicas=False)["spec"]["replicas"] == 2
    assert primary_deployment(canary(), target, rewrite())["spec"]["replicas"] == 1


def test_a_target_without_a_known_label_has_no_primary() -> None:
    target = deployment()
    target["spec"]["selector"]["matchLabels"] = {"other": "podinfo"}
    assert selector_label(target) is None
    assert primary_template(target, ()) is None
    assert not same(target, deployment())


def test_references_are_found_once_and_needed_where_one_of_them_is() -> None:
    found = references(deployment(**RICH)["spec"]["template"])
    assert found == [
        Reference("configmap", "both"),
        Reference("configmap", "settings"),
        Reference("secret", "both"),
        Reference("secret", "pull"),
        Reference("secret", "token"),
    ]
    assert found[1].key == "configmap/settings"


@pytest.mark.parametrize(
    ("data", "sum_of_it"),
    [
        ({"color": "red"}, "241889ca0604e333"),
        ({"a": "x<y&z", "b": "é"}, "792d9aa41fbcf485"),
        ({"apiKey": "dGVzdA=="}, "3930f0692c2295eb"),
        (None, "74234e98afe7498f"),
        ({}, "44136fa355b3678a"),
    ],
)
def test_checksums_are_flaggers(data: dict[str, str] | None, sum_of_it: str) -> None:
    assert checksum_of(data) == sum_of_it


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), min_size=1))
def test_a_checksum_does_not_depend_on_order(data: dict[str, str]) -> None:
    assert checksum_of(dict(reversed(list(data.items())))) == checksum_of(data)


@pytest.mark.parametrize(
    ("kind", "obj", "tracked"),
    [
        ("configmap", {}, True),
        ("configmap", {"metadata": {"annotations": {"flagger.app/config-tracking": "disabled"}}}, False),
        ("secret", {"type": "Opaque"}, True),
        ("secret", {}, True),
        ("secret", {"type": "kubernetes.io/dockerconfigjson"}, False),
    ],
)
def test_which_objects_count(kind: str, obj: dict[str, Any], tracked: bool) -> None:
    assert is_tracked(kind, obj) is tracked
