"""Objects of a member -> one look: what is read from where, and what is not believed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.simulation.fleet_scene import CANARY, KUSTOMIZATION, deployment, repository
from tests.unit.fleet.world import T0, TARGET, P, R
from volary.canary import rewrites
from volary.fleet import look
from volary.fleet.interest import Interests
from volary.fleet.look import Workloads
from volary.fleet.spec import Ref
from volary.kube.objects import format_time


def event(text: str, minutes: int, kind: str = "Warning", name: str = "podinfo") -> dict[str, Any]:
    return {
        "involvedObject": {"kind": "Canary", "name": name, "namespace": "test"},
        "type": kind,
        "message": text,
        "lastTimestamp": format_time(T0 + timedelta(minutes=minutes)),
    }


HALT = "Halt podinfo.test advancement success rate 66.67% < 99%"
UNREADY = "canary deployment podinfo.test not ready: waiting for rollout to finish"
GATE = "Halt podinfo.test advancement waiting for traffic increase approval gate"

EVENTS: list[tuple[str, list[dict[str, Any]], str, bool]] = [
    ("none", [], "", False),
    ("the last that begins Halt", [event("Halt: old", 1), event(HALT, 2), event(UNREADY, 3)], HALT, False),
    ("else the last not-ready Warning", [event("Canary failed!", 1), event(UNREADY, 2)], UNREADY, False),
    ("not one from before the dispatch", [event(HALT, -1)], "", False),
    ("not one about another canary", [event(HALT, 1, name="other")], "", False),
    ("not a Normal one", [event("Halt: said calmly", 1, "Normal")], "", False),
    ("a gate, if it is the very last", [event(HALT, 1), event(GATE, 2)], GATE, True),
    ("a gate that has opened since", [event(GATE, 1), event("Advance canary weight 20", 2, "Normal")], GATE, False),
]  # fmt: skip


@pytest.mark.parametrize(("events", "warning", "at_gate"), [row[1:] for row in EVENTS], ids=[row[0] for row in EVENTS])
def test_words(events: list[dict[str, Any]], warning: str, at_gate: bool) -> None:
    found = look.words(events, Ref("test", "podinfo"), T0)
    assert (found.warning, found.at_gate) == (warning, at_gate)


@pytest.mark.parametrize("text", [f"main@sha1:{R}", f"sha1:{R}", f"main/{R}"])
def test_commits_are_compared_and_never_whole_revision_strings(text: str) -> None:
    assert look.commit_of(text) == R


@pytest.mark.parametrize("text", ["", None, "main", "sha256:abc"])
def test_what_is_no_revision_is_no_commit(text: Any) -> None:
    assert look.commit_of(text) == ""


def kustomization(**status: Any) -> dict[str, Any]:
    return {**KUSTOMIZATION, "status": {"lastAttemptedRevision": f"sha1:{R}", **status}}


def test_attempts_are_told_apart_by_the_history_where_there_is_one() -> None:
    entry = {"metadata": {"revision": f"sha1:{R}"}, "totalReconciliations": 1, "lastReconciled": "x"}
    first = look.attempt_of(kustomization(history=[entry]))
    again = look.attempt_of(kustomization(history=[{**entry, "totalReconciliations": 2}]))
    assert first
    assert first != again
    other = {**entry, "metadata": {"revision": f"sha1:{P}"}}
    assert look.attempt_of(kustomization(history=[other])) == "", "of another commit: this attempt is not over"


def test_attempts_are_told_apart_by_the_time_of_ready_where_there_is_no_history() -> None:
    ready = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-24T10:00:00Z"}
    assert look.attempt_of(kustomization(conditions=[ready])) == "2026-11-24T10:00:00Z"


def workloads(version: str, primary: str, **configs: Any) -> Workloads:
    target = deployment("podinfo", version)
    copy = deployment("podinfo-primary", primary)
    for made in (target, copy):
        made["spec"]["template"]["spec"]["volumes"] = [{"name": "c", "configMap": {"name": "settings"}}]
    template = rewrites.primary_template({**target, "spec": {**target["spec"]}}, {("configmap", "settings")})
    assert template is not None
    template["spec"]["containers"][0]["image"] = primary
    copy["spec"]["template"] = template
    return Workloads(target, copy, configs.get("configs"))


def test_target_and_primary_are_the_same_apart_from_the_rewrites() -> None:
    assert look.difference(workloads("v2", "v2")) == ""
    assert look.difference(workloads("v2", "v1")) == "the template of podinfo is not that of podinfo-primary"


def test_annotations_that_only_the_primary_has_are_no_difference() -> None:
    there = workloads("v2", "v2")
    assert there.primary is not None
    there.primary["spec"]["template"]["metadata"]["annotations"] = {"flagger-id": "x"}
    assert look.difference(there) == ""


def test_every_tracked_configuration_must_have_the_data_of_its_copy() -> None:
    ours, theirs = {"data": {"a": "1"}}, {"data": {"a": "1"}}
    keys = ("configmap", "settings"), ("configmap", "settings-primary")
    assert look.difference(workloads("v2", "v2", configs={keys[0]: ours, keys[1]: theirs})) == ""
    changed = {keys[0]: {"data": {"a": "2"}}, keys[1]: theirs}
    assert look.difference(workloads("v2", "v2", configs=changed)) == "configmap settings is not settings-primary"
    assert look.difference(workloads("v2", "v2", configs={keys[0]: ours, keys[1]: None})) != ""


def test_a_canary_says_phase_weight_and_when() -> None:
    promoted = {"type": "Promoted", "reason": "Progressing", "lastUpdateTime": "2026-11-24T10:00:00Z"}
    status = {"phase": "Progressing", "canaryWeight": 30, "failedChecks": 1, "conditions": [promoted]}
    found = look.canary({**CANARY, "status": status}, workloads("v2", "v1"))
    assert (found.phase, found.weight, found.failed_checks, found.same) == ("Progressing", 30, 1, False)
    assert (found.updated, found.interval) == ("2026-11-24T10:00:00Z", timedelta(seconds=10))


def test_a_repository_that_feeds_the_kustomization_that_applies_it_is_seen_as_bootstrap() -> None:
    made = repository("main")
    made["metadata"]["labels"] = {
        "kustomize.toolkit.fluxcd.io/name": "podinfo", "kustomize.toolkit.fluxcd.io/namespace": "apps",
    }  # fmt: skip
    assert look.repository(made, [KUSTOMIZATION], TARGET.kustomization).applied_by == "apps/podinfo"
    assert look.repository(repository("main"), [KUSTOMIZATION], TARGET.kustomization).applied_by == ""


def test_other_kustomizations_that_a_repository_feeds_are_seen_across_namespaces() -> None:
    source = {"kind": "GitRepository", "name": "podinfo", "namespace": "apps"}
    cache = {"metadata": {"name": "cache", "namespace": "web"}, "spec": {"sourceRef": source}}
    other = {"metadata": {"name": "cache", "namespace": "web"}, "spec": {"sourceRef": {**source, "namespace": "web"}}}
    made = repository("main")
    assert look.repository(made, [KUSTOMIZATION, cache], TARGET.kustomization).feeds == ("web/cache",)
    assert look.repository(made, [KUSTOMIZATION, other], TARGET.kustomization).feeds == ()


def test_the_hubs_source_object_is_recognised_by_cluster_namespace_and_name() -> None:
    assert look.is_source("u1", "u1", TARGET, Ref("apps", "podinfo"))
    assert not look.is_source("u2", "u1", TARGET, Ref("apps", "podinfo"))
    assert not look.is_source("u1", "u1", TARGET, Ref("apps", "source"))
    assert not look.is_source("", "", TARGET, Ref("apps", "podinfo"))


def test_a_key_is_woken_by_what_it_looked_at_last_and_nothing_else() -> None:
    interests = Interests()
    interests.set("run", [("west", "canaries", "test/podinfo"), ("west", "deployments", "")])
    assert interests.keys("west", "canaries", "test/podinfo") == ["run"]
    assert interests.keys("west", "deployments", "test/any") == ["run"]
    assert interests.keys("east", "canaries", "test/podinfo") == []
    interests.set("run", ())
    assert interests.keys("west", "canaries", "test/podinfo") == []


def test_a_failure_is_about_the_generation_that_its_condition_names() -> None:
    """As Flux writes it: the status itself stays at the last generation that went well."""
    failed = {"type": "Ready", "status": "False", "reason": "GitOperationFailed", "observedGeneration": 3}
    status = {"observedGeneration": 2, "conditions": [failed]}
    assert look.observed_generation({"status": status}) == 3
    assert look.observed_generation({"status": {**status, "conditions": [{**failed, "status": "Unknown"}]}}) == 2
    assert look.observed_generation({}) == -1
