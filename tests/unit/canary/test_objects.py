"""Services, autoscaler, routes: built as Flagger builds them, repaired without harm to what is not ours."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.unit.canary.samples import T0, canary, deployment
from volary.canary.mesh_objects import LAST_APPLIED, ORIGINAL, destination_rule_object, virtual_service
from volary.canary.objects import LEAVE_ALONE, Side, config_copy, primary_autoscaler, service
from volary.canary.readiness import workload_of
from volary.canary.spec import Metadata
from volary.canary.wire import spec_of
from volary.kube.objects import controller_ref
from volary.providers.routers import Istio

CANARY = canary(service={"port": 9898, "targetPort": "http", "portDiscovery": True})
SPEC = spec_of(CANARY)
SIDE = Side(("app", "podinfo"), None)


def made() -> dict[str, Any]:
    obj = service(CANARY, SPEC, "podinfo-canary", SIDE, deployment(), None)
    assert obj is not None
    return obj


def test_a_service_has_its_port_and_what_the_containers_listen_on() -> None:
    obj = made()
    assert obj["metadata"]["labels"] == {"app": "podinfo-canary"}
    assert obj["metadata"]["annotations"] == LEAVE_ALONE
    assert obj["metadata"]["ownerReferences"] == [controller_ref(CANARY)]
    assert obj["spec"]["selector"] == {"app": "podinfo"}
    assert [(port["name"], port["port"], port["targetPort"]) for port in obj["spec"]["ports"]] == [
        ("http", 9898, "http"),
        ("http-metrics", 9797, 9797),
        ("tcp-podinfod-2", 9999, 9999),
    ]


def test_what_a_server_adds_to_a_service_is_no_difference() -> None:
    live = made()
    live["metadata"] |= {"resourceVersion": "7", "uid": "s1"}
    live["spec"] |= {"clusterIP": "10.0.0.1", "sessionAffinity": "None"}
    live["spec"]["ports"] = [{**port, "nodePort": 30000 + index} for index, port in enumerate(live["spec"]["ports"])][
        ::-1
    ]
    assert service(CANARY, SPEC, "podinfo-canary", SIDE, deployment(), live) is None


def test_a_service_of_others_keeps_its_labels_and_gets_our_selector() -> None:
    live = made()
    live["metadata"] = {"name": "podinfo-canary", "namespace": "test", "labels": {"team": "a"}, "resourceVersion": "7"}
    live["spec"]["selector"] = {"app": "other"}
    live["spec"]["ports"] = [{"name": "http", "port": 80, "nodePort": 30001}]
    fixed = service(CANARY, SPEC, "podinfo-canary", SIDE, deployment(), live)
    assert fixed is not None
    assert fixed["metadata"] == live["metadata"]
    assert fixed["spec"]["selector"] == {"app": "podinfo"}
    assert fixed["spec"]["ports"][0] == {
        "name": "http", "protocol": "TCP", "port": 9898, "targetPort": "http", "nodePort": 30001
    }  # fmt: skip


def test_metadata_of_our_service_is_repaired_but_for_what_the_user_manages() -> None:
    wanted = {"port": 9898, "targetPort": "http", "portDiscovery": True, "unmanagedMetadata": {"labels": ["team"]}}
    spec = spec_of(canary(service=wanted))
    side = Side(("app", "podinfo"), Metadata(labels={"team": "ours", "tier": "front"}))
    live = made()
    live["metadata"]["labels"] = {"app": "podinfo-canary", "team": "theirs", "tier": "back"}
    fixed = service(CANARY, spec, "podinfo-canary", side, deployment(), live)
    assert fixed is not None
    assert fixed["metadata"]["labels"] == {"app": "podinfo-canary", "team": "theirs", "tier": "front"}


def test_a_headless_service_has_no_address() -> None:
    spec = spec_of(canary(service={"port": 80, "headless": True, "trafficDistribution": "PreferClose"}))
    obj = service(CANARY, spec, "podinfo", SIDE, deployment(), None)
    assert obj is not None
    assert (obj["spec"]["clusterIP"], obj["spec"]["trafficDistribution"]) == ("None", "PreferClose")


def autoscaler(name: str = "podinfo") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "test", "labels": {"team": "a", "x.toolkit.fluxcd.io/y": "z"}},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": name}, "minReplicas": 2, "maxReplicas": 4},
    }


def test_the_primarys_autoscaler_is_the_targets_with_other_limits_where_asked() -> None:
    obj = primary_autoscaler(CANARY, SPEC, autoscaler(), None)
    assert obj is not None
    assert obj["metadata"]["labels"] == {"team": "a"}
    assert obj["spec"]["scaleTargetRef"]["name"] == "podinfo-primary"
    assert primary_autoscaler(CANARY, SPEC, autoscaler(), obj) is None
    wider = {**canary()["spec"]["autoscalerRef"], "primaryScalerReplicas": {"minReplicas": 3}}
    changed = primary_autoscaler(CANARY, spec_of(canary(autoscalerRef=wider)), autoscaler(), obj)
    assert changed is not None
    assert (changed["spec"]["minReplicas"], changed["spec"]["maxReplicas"]) == (3, 4)


def test_a_copy_of_configuration_has_its_data_and_type() -> None:
    source = {"metadata": {"name": "token"}, "type": "Opaque", "data": {"a": "b"}}
    copied = config_copy(CANARY, "secret", source, None)
    assert copied is not None
    assert (copied["metadata"]["name"], copied["type"], copied["data"]) == ("token-primary", "Opaque", {"a": "b"})
    assert config_copy(CANARY, "secret", source, copied) is None
    fresh = config_copy(CANARY, "secret", {**source, "data": {"a": "c"}}, copied)
    assert fresh is not None
    assert fresh["data"] == {"a": "c"}


def test_a_route_of_our_own_has_our_marks() -> None:
    obj = virtual_service(CANARY, SPEC, "app", None, 10, Istio())
    assert obj is not None
    assert obj["metadata"]["annotations"] == LEAVE_ALONE
    assert "labels" not in obj["metadata"]
    assert virtual_service(CANARY, SPEC, "app", obj, 10, Istio()) is None
    assert virtual_service(CANARY, SPEC, "app", obj, 20, Istio()) is not None


@pytest.mark.parametrize(("annotations", "kept"), [({}, True), ({LAST_APPLIED: "{}"}, False), ({ORIGINAL: "x"}, False)])
def test_a_route_that_was_there_before_is_remembered_once(annotations: dict[str, str], kept: bool) -> None:
    live = {"metadata": {"name": "podinfo", "annotations": annotations}, "spec": {"hosts": ["old"]}}
    before = copy.deepcopy(live)
    obj = virtual_service(CANARY, SPEC, "app", live, 0, Istio())
    assert live == before
    assert obj is not None
    assert obj["spec"]["hosts"] == ["podinfo"]
    assert (obj["metadata"]["annotations"].get(ORIGINAL) == '{"hosts":["old"]}') is kept


def test_destination_rules_carry_nothing_but_an_owner() -> None:
    obj = destination_rule_object(CANARY, SPEC, "podinfo-canary", None)
    assert obj is not None
    assert sorted(obj["metadata"]) == ["name", "namespace", "ownerReferences"]
    assert destination_rule_object(CANARY, SPEC, "podinfo-canary", obj) is None


def status(**differs: Any) -> dict[str, Any]:
    base = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, "conditions": []}
    return {**deployment(), "status": {**base, **differs}}


UNAVAILABLE = {
    "type": "Available",
    "status": "False",
    "reason": "MinimumReplicasUnavailable",
    "lastUpdateTime": "2026-11-24T10:00:00Z",
}


@pytest.mark.parametrize(
    ("differs", "ready", "serving", "hopeless", "because"),
    [
        ({}, True, True, False, ""),
        ({"observedGeneration": 0}, False, True, False, "observed deployment generation less than desired generation"),
        ({"updatedReplicas": 1}, False, True, False, "1 out of 2 new replicas have been updated"),
        ({"replicas": 3}, False, True, False, "1 old replicas are pending termination"),
        ({"availableReplicas": 1}, False, True, False, "1 of 2 (readyThreshold 100%) updated replicas are available"),
        ({"availableReplicas": 0}, False, False, False, "0 of 2 (readyThreshold 100%) updated replicas are available"),
        (
            {"availableReplicas": 0, "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]},
            False,
            False,
            True,
            'deployment "podinfo" exceeded its progress deadline',
        ),
    ],
)
def test_readiness_is_flaggers(
    differs: dict[str, Any], ready: bool, serving: bool, hopeless: bool, because: str
) -> None:
    found = workload_of(status(**differs), 100, SPEC.progress_deadline, T0)
    assert (found.ready, found.serving, found.hopeless) == (ready, serving, hopeless)
    assert found.because.endswith(because)


def test_pods_that_are_away_for_too_long_are_hopeless_and_it_is_known_when() -> None:
    away = status(availableReplicas=0, conditions=[UNAVAILABLE])
    before = workload_of(away, 100, SPEC.progress_deadline, T0)
    assert before.deadline == T0 + SPEC.progress_deadline
    assert not before.hopeless
    assert workload_of(away, 100, SPEC.progress_deadline, T0 + SPEC.progress_deadline).hopeless
    stale = {**away, "status": {**away["status"], "observedGeneration": 0}}
    assert not workload_of(stale, 100, SPEC.progress_deadline, T0 + SPEC.progress_deadline).hopeless


def test_a_threshold_lets_some_pods_be_away() -> None:
    assert workload_of(status(availableReplicas=1), 50, SPEC.progress_deadline, T0).ready
