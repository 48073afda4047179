"""What is Git's and what is not, rule by rule."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from volary.sync.drift import footprint, says_the_same
from volary.sync.policy import MANAGER, PIN, REPLICAS, left_alone, may_prune, scaled_by_others, settle
from volary.sync.spec import ObjectId

WEB = ObjectId("apps", "web", "apps", "Deployment")
SCALED = frozenset({WEB})


def obj(kind: str = "ConfigMap", api: str = "v1", spec: Any = None, **meta: Any) -> dict[str, Any]:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": "web", "namespace": "apps", **meta},
        "spec": spec or {},
    }


def says(word: str, value: str) -> dict[str, Any]:
    return obj(annotations={f"kustomize.toolkit.fluxcd.io/{word}": value})


CANARY = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "web", "controller": True}


@pytest.mark.parametrize(
    ("desired", "live", "why"),
    [
        (obj(), None, ""),
        (obj(), obj(), ""),
        (says("ssa", "Ignore"), None, "Git says ssa: Ignore"),
        (says("reconcile", "disabled"), None, "Git says reconcile: disabled"),
        (obj(), says("reconcile", "Disabled"), "the object says reconcile: disabled"),
        (obj(), obj(labels={"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}), "the object says"),
        (says("ssa", "IfNotPresent"), None, ""),
        (says("ssa", "IfNotPresent"), obj(), "it is there"),
        (says("ssa", "Merge"), obj(), ""),
        (obj("VirtualService", "networking.istio.io/v1beta1"), obj(ownerReferences=[CANARY]), "a Canary made it"),
        (obj(), obj(ownerReferences=[{**CANARY, "kind": "Other"}]), ""),
    ],
)
def test_left_alone(desired: dict[str, Any], live: dict[str, Any] | None, why: str) -> None:
    found = left_alone(desired, live)
    assert why in found if why else found == ""


OURS = {"kustomize.toolkit.fluxcd.io/name": "app", "kustomize.toolkit.fluxcd.io/namespace": "apps"}


@pytest.mark.parametrize(
    ("live", "may"),
    [
        (obj(labels=OURS), True),
        (obj(), False),
        (obj(labels={**OURS, "kustomize.toolkit.fluxcd.io/namespace": "other"}), False),
        (obj(labels=OURS, annotations={"kustomize.toolkit.fluxcd.io/prune": "disabled"}), False),
        (obj(labels=OURS, annotations={"kustomize.toolkit.fluxcd.io/reconcile": "Disabled"}), False),
        (obj(labels=OURS, annotations={"kustomize.toolkit.fluxcd.io/ssa": "ignore"}), False),
    ],
)
def test_may_prune(live: dict[str, Any], may: bool) -> None:
    assert may_prune(live, "app", "apps") is may


def test_workloads_that_something_in_the_set_scales() -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    hpa = obj("HorizontalPodAutoscaler", "autoscaling/v2", {"scaleTargetRef": target})
    canary = obj("Canary", "flagger.app/v1beta1", {"targetRef": target})
    assert scaled_by_others([hpa]) == scaled_by_others([canary]) == SCALED
    assert scaled_by_others([obj("Canary", "other.app/v1", {"targetRef": target})]) == frozenset()


def live_with(owner: str, path: str, value: Any) -> dict[str, Any]:
    """Return a live Deployment or GitRepository whose one field somebody owns."""
    spec: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    at, owned = spec, fields
    *steps, last = path.split(".")
    for step in steps:
        at, owned = at.setdefault(step, {}), owned.setdefault(f"f:{step}", {})
    at[last], owned[f"f:{last}"] = value, {}
    entry = {"manager": owner, "operation": "Update", "fieldsV1": {"f:spec": fields}}
    return obj(spec=spec, managedFields=[entry])


@pytest.mark.parametrize(
    ("owner", "scaled", "written", "given_up"),
    [
        ("flagger", SCALED, None, True),
        ("kube-controller-manager", frozenset(), None, True),
        (MANAGER, SCALED, 7, True),  # leaving it out would make it 1
        (MANAGER, frozenset(), 3, False),
        ("kubectl-client-side-apply", frozenset(), 3, False),  # a person: Git says otherwise
        ("kubectl-edit", SCALED, 7, True),
    ],
)
def test_replicas(owner: str, scaled: frozenset[ObjectId], written: int | None, given_up: bool) -> None:
    desired = obj("Deployment", "apps/v1", {"replicas": 3, "paused": False})
    before = copy.deepcopy(desired)
    made, paths = settle(desired, live_with(owner, "replicas", 7), scaled)
    assert made["spec"] == {"paused": False, **({} if written is None else {"replicas": written})}
    assert paths == ((REPLICAS,) if given_up else ())
    assert desired == before


def test_the_fleets_pin_is_not_gits() -> None:
    desired = obj(
        "GitRepository", "source.toolkit.fluxcd.io/v1", {"url": "u", "ref": {"branch": "main", "commit": "a"}}
    )
    made, paths = settle(desired, live_with("volary-fleet", "ref.commit", "b"), frozenset())
    assert (made["spec"]["ref"], paths) == ({"branch": "main"}, (PIN,))
    made, paths = settle(desired, live_with("flux", "ref.commit", "b"), frozenset())
    assert (made["spec"]["ref"]["commit"], paths) == ("a", ())


def test_a_first_write_says_all_that_git_says() -> None:
    desired = obj("Deployment", "apps/v1", {"replicas": 3})
    assert settle(desired, None, SCALED) == (desired, ())


PORTS = [{"containerPort": 80, "name": "http"}]


@pytest.mark.parametrize(
    ("change", "drifted"),
    [
        ({"spec": {"a": 1, "ports": PORTS}}, False),
        ({"spec": {"a": 1, "ports": PORTS, "added": True}}, False),
        ({"spec": {"a": 2, "ports": PORTS}}, True),
        ({"spec": {"ports": PORTS}}, True),
        ({"spec": {"a": 1, "ports": [{"containerPort": 9, "name": "more"}, *PORTS]}}, False),
        ({"spec": {"a": 1, "ports": [{"containerPort": 81, "name": "http"}]}}, True),
        ({"spec": {"a": 1, "ports": []}}, True),
        ({"metadata": {"labels": {"x": "1", "mine": "2"}}, "spec": {"a": 1, "ports": PORTS}}, False),
        ({"metadata": {"labels": {}}, "spec": {"a": 1, "ports": PORTS}}, True),
        ({"status": {"phase": "x"}, "spec": {"a": 1, "ports": PORTS}}, False),
    ],
)
def test_drift_is_what_differs_at_the_fields_that_git_names(change: dict[str, Any], drifted: bool) -> None:
    desired = obj(spec={"a": 1, "ports": PORTS}, labels={"x": "1"})
    applied = {**desired, "metadata": {**desired["metadata"], "uid": "u"}}
    live = {**applied, **change}
    assert (footprint(desired, live) != footprint(desired, applied)) is drifted
    assert says_the_same(desired, live) is not drifted


def test_what_is_given_up_never_counts_as_drift() -> None:
    desired = obj("Deployment", "apps/v1", {"replicas": 3})
    one, seven = (obj("Deployment", "apps/v1", {"replicas": count}) for count in (1, 7))
    assert footprint(desired, one, (REPLICAS,)) == footprint(desired, seven, (REPLICAS,))
