"""Our own kinds as people write them: examples with every field, defaults, and sentences about what does not fit."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.fleet.world import installed
from volary.fleet import wire
from volary.fleet.progress import ClusterStatus, RolloutStatus, RunStatus
from volary.fleet.spec import Amount, OnFailure, Ref, Requirement, Run, State
from volary.kube.decoding import BadField

LEAST = """
apiVersion: volary.dev/v1alpha1
kind: FleetRollout
metadata: {name: podinfo, namespace: apps}
spec:
  source:
    gitRepositoryRef: {name: podinfo}
  inCluster:
    canaryRef: {namespace: test, name: podinfo}
  stages:
    - name: west
      clusterSelector: {matchLabels: {ring: first}}
    - name: rest
      clusterSelector: {}
"""

EVERYTHING = """
apiVersion: volary.dev/v1alpha1
kind: FleetRollout
metadata: {name: podinfo, namespace: apps}
spec:
  suspend: false
  source:
    gitRepositoryRef: {name: podinfo}
    member: {namespace: apps, name: podinfo}
  inCluster:
    kustomizationRef: {namespace: apps, name: podinfo}
    canaryRef: {namespace: test, name: podinfo}
  clusterSelector: {}
  stages:
    - name: west
      clusterSelector: {matchLabels: {ring: first}}
      maxConcurrency: 1
      maxFailures: 0
      progressDeadline: 30m
      soak: {minTime: 0s}
    - name: rest
      clusterSelector: {}
      maxConcurrency: 50%
  failurePolicy: {onFailure: RollbackPromoted}
  rollback: {maxConcurrency: 100%, progressDeadline: 30m}
  historyLimit: 10
status:
  observedGeneration: 3
  handled: 9f1c2ab
  activeRun: podinfo-9f1c2ab
  queued: {commit: 41d2e07, since: "2026-11-24T10:00:00Z"}
  current: {commit: 3b07c11, run: podinfo-3b07c11}
  members:
    - {name: west, pinned: 9f1c2ab, proven: 3b07c11, since: "2026-11-24T10:00:00Z"}
  bad: [{commit: 88aa01c, run: podinfo-88aa01c, since: "2026-11-24T10:00:00Z"}]
  conditions:
    - {type: Ready, status: "True", reason: RunInProgress, message: "9f1c2ab on 1/2 clusters"}
"""

CLUSTER = """
apiVersion: volary.dev/v1alpha1
kind: Cluster
metadata: {name: west, labels: {ring: first}}
spec:
  kubeConfig: {secretRef: {namespace: volary-system, name: west, key: value}}
  features: [sync, canary]
  metricsServer: ""
  suspend: false
status:
  observedGeneration: 1
  uid: 5b0c
  version: v1.36.3
  conditions:
    - {type: Reachable, status: "True", reason: Connected, message: "", lastTransitionTime: "2026-11-24T10:00:00Z"}
"""

RUN_STATUS = """
kind: FleetRolloutRun
metadata: {name: podinfo-9f1c2ab, namespace: apps}
status:
  observedGeneration: 1
  phase: Progressing
  summary: "9f1c2ab on 0/2 clusters, stage 1/2 west: canary 30 %"
  stage: 1/2 west
  verified: 0/2
  startedAt: "2026-11-24T10:00:00Z"
  endedAt: null
  hold:
    reason: SoakTime
    since: "2026-11-24T10:00:00Z"
    until: "2026-11-24T10:10:00Z"
    cluster: null
    message: "10 minutes after stage west"
    unblock: null
  stages:
    - {name: west, phase: Progressing, verified: 0, failed: 0, total: 1}
  clusters:
    - name: west
      uid: 5b0c
      phase: Progressing
      reachable: "True"
      pin: 9f1c2ab
      observed: 9f1c2ab
      previous: 3b07c11
      turnAt: "2026-11-24T10:00:00Z"
      dispatchedAt: "2026-11-24T10:00:00Z"
      verifiedAt: null
      canary: {phase: Progressing, weight: 30, failedChecks: 0, before: {phase: Succeeded, lastUpdateTime: "x"}}
      message: ""
  revisions:
    - {commit: 9f1c2ab, clusters: [west]}
  rollback: null
  decisions: []
  conditions:
    - {type: Succeeded, status: Unknown, reason: Progressing, message: "…"}
"""


def obj(text: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def test_the_least_that_works_has_the_defaults_of_everything() -> None:
    least, everything = wire.rollout(obj(LEAST)), wire.rollout(obj(EVERYTHING))
    assert least.target == everything.target
    assert least.stages[0] == everything.stages[0]
    assert (least.rollback, least.on_failure, least.history_limit) == (
        everything.rollback, everything.on_failure, everything.history_limit,
    )  # fmt: skip
    assert everything.stages[1].max_concurrency == Amount(50, percent=True)


def test_member_and_kustomization_default_to_the_source_and_this_namespace() -> None:
    spec = wire.rollout(obj(LEAST))
    assert spec.target.repository == spec.target.kustomization == Ref("apps", "podinfo")
    changed = obj(LEAST)
    changed["spec"]["source"]["member"] = {"namespace": "podinfo"}
    assert wire.rollout(changed).target.kustomization == Ref("podinfo", "podinfo"), (
        "the Kustomization goes with the member"
    )


def test_a_cluster_has_safe_defaults() -> None:
    spec = wire.cluster(
        {"metadata": {"name": "w"}, "spec": {"kubeConfig": {"secretRef": {"namespace": "n", "name": "s"}}}}
    )
    assert (spec.features, spec.metrics_server, spec.suspend, spec.kube_config.secret_ref.key) == ((), "", False, "")
    assert wire.cluster(obj(CLUSTER)).features == ("sync", "canary")


@pytest.mark.parametrize(
    ("kind", "text"), [(RolloutStatus, EVERYTHING), (ClusterStatus, CLUSTER), (RunStatus, RUN_STATUS)]
)
def test_every_field_of_the_stored_statuses_survives_a_round_trip(kind: Any, text: str) -> None:
    stored = obj(text)["status"]
    read = wire.status_of(kind, obj(text))
    again = wire.status_of(kind, {"status": wire.status_json(read)})
    assert again == read
    for name, value in stored.items():
        assert value in (None, [], wire.status_json(read).get(name)) or same(value, wire.status_json(read)[name]), name


def same(wanted: Any, found: Any) -> bool:
    """Is everything that was written there still there? Defaults may have been added or left out."""
    if isinstance(wanted, dict):
        return all(value in (None, "", 0, []) or same(value, found[key]) for key, value in wanted.items())
    if isinstance(wanted, list):
        return all(same(one, other) for one, other in zip(wanted, found, strict=True))
    return bool(wanted == found)


def test_a_run_is_stored_with_every_field_and_read_back_the_same() -> None:
    world = installed().push("b").settle_controllers()
    made = world.runs[0].run
    stored = {"metadata": {"name": "r", "namespace": "apps"}, "spec": wire.run_spec_json(made)}
    assert wire.run(stored) == made
    assert stored["spec"]["revision"]["short"] == "bbbbbbb"


BAD: list[tuple[str, Any, str]] = [
    ("spec.stages", [], "spec.stages is []; allowed: a list, at least 1 entries"),
    ("spec.stages.0.name", "West_1", "spec.stages[0].name is \"West_1\""),
    ("spec.stages.0.maxConcurrency", -1, "spec.stages[0].maxConcurrency is -1"),
    ("spec.stages.0.maxConcurrency", "150%", "spec.stages[0].maxConcurrency is \"150%\""),
    ("spec.stages.0.progressDeadline", "soon", "spec.stages[0].progressDeadline is \"soon\""),
    ("spec.stages.0.clusterSelekter", {}, 'is not a field; did you mean "clusterSelector"?'),
    ("spec.failurePolicy", {"onFailure": "Explode"}, "allowed: Hold, RollbackCluster, RollbackPromoted"),
    ("spec.historyLimit", 0, "spec.historyLimit is 0; allowed: a whole number, at least 1"),
    ("spec.stages.1.name", "west", 'spec.stages[1].name is "west", as another stage; names of stages are unique'),
    ("spec.stages.0.clusterSelector", {}, 'spec.stages[1].clusterSelector is empty, as that of stage "west"'),
    (
        "spec.clusterSelector",
        {"matchExpressions": [{"key": "a", "operator": "In"}]},
        "spec.clusterSelector.matchExpressions[0].values has 0 with operator In; allowed: at least one value",
    ),
    (
        "spec.clusterSelector",
        {"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["x"]}]},
        "spec.clusterSelector.matchExpressions[0].values has 1 with operator Exists; allowed: none",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "sentence"), BAD, ids=[row[2][:40] for row in BAD])
def test_bad_input_gets_a_sentence_with_object_field_value_and_what_is_allowed(
    path: str, value: Any, sentence: str
) -> None:
    bad = copy.deepcopy(obj(LEAST))
    at: Any = bad
    *steps, last = path.split(".")
    for step in steps:
        at = at[int(step)] if step.isdigit() else at[step]
    at[int(last) if last.isdigit() else last] = value
    with pytest.raises(BadField) as caught:
        wire.rollout(bad)
    assert str(caught.value).startswith("FleetRollout apps/podinfo: ")
    assert sentence in str(caught.value)


def test_a_missing_source_is_named() -> None:
    bad = obj(LEAST)
    del bad["spec"]["source"]
    with pytest.raises(BadField, match=r"spec\.source is missing"):
        wire.rollout(bad)


@given(st.integers(0, 10**7))
def test_durations_are_written_as_people_read_them(seconds: int) -> None:
    length = timedelta(seconds=seconds)
    assert wire.duration(wire.duration_text(length)) == length


@pytest.mark.parametrize(("text", "shown"), [("90s", "1m30s"), ("0s", "0s"), ("1h", "1h"), ("1.5s", "1500ms")])
def test_duration_texts(text: str, shown: str) -> None:
    assert wire.duration_text(wire.duration(text)) == shown


@pytest.mark.parametrize(
    ("amount", "total", "least", "is_"),
    [(Amount(50, True), 5, 1, 2), (Amount(10, True), 5, 1, 1), (Amount(10, True), 5, 0, 0), (Amount(3), 1, 1, 3)],
)
def test_percentages_are_rounded_down_and_concurrency_is_at_least_one(
    amount: Amount, total: int, least: int, is_: int
) -> None:
    assert amount.of(total, least) == is_


@pytest.mark.parametrize(
    ("requirement", "labels", "holds"),
    [
        (Requirement("a", "In", ("x", "y")), {"a": "y"}, True),
        (Requirement("a", "In", ("x",)), {}, False),
        (Requirement("a", "NotIn", ("x",)), {}, True),
        (Requirement("a", "NotIn", ("x",)), {"a": "x"}, False),
        (Requirement("a", "Exists"), {"a": ""}, True),
        (Requirement("a", "DoesNotExist"), {"a": ""}, False),
    ],
)
def test_selectors_select_as_kubernetes_does(requirement: Requirement, labels: dict[str, str], holds: bool) -> None:
    assert requirement.holds(labels) is holds


def test_the_crds_have_the_printer_columns_of_the_interface() -> None:
    columns = {
        made["spec"]["names"]["kind"]: [
            (column["name"].upper(), column.get("priority", 0))
            for column in made["spec"]["versions"][0]["additionalPrinterColumns"]
        ]
        for made in wire.definitions()
    }
    assert columns == {
        "Cluster": [("REACHABLE", 0), ("VERSION", 0), ("AGE", 0), ("REASON", 1)],
        "FleetRollout": [("READY", 0), ("COMMIT", 0), ("RUN", 0), ("STATUS", 0), ("AGE", 0)],
        "FleetRolloutRun": [("REVISION", 0), ("PHASE", 0), ("STAGE", 0), ("VERIFIED", 0), ("HOLD", 0), ("AGE", 0)],
    }


def test_the_crds_defaults_are_those_of_the_types() -> None:
    rollouts = next(d for d in wire.definitions() if d["spec"]["names"]["kind"] == "FleetRollout")
    spec = rollouts["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    stages = spec["stages"]["items"]["properties"]
    assert stages["maxConcurrency"]["default"] == 1
    assert stages["progressDeadline"]["default"] == "30m"
    assert spec["historyLimit"]["default"] == 10
    clusters = next(d for d in wire.definitions() if d["spec"]["names"]["kind"] == "Cluster")
    assert clusters["spec"]["scope"] == "Cluster"


def test_a_status_that_somebody_has_broken_is_a_sentence() -> None:
    with pytest.raises(BadField, match=r"status\.phase"):
        wire.status_of(RunStatus, {"kind": "FleetRolloutRun", "metadata": {"name": "r"}, "status": {"phase": 7}})


def test_words_of_the_spec_are_those_of_the_wire() -> None:
    assert {str(state) for state in State} == {"Run", "Pause", "Abort", "Rollback"}
    assert {str(policy) for policy in OnFailure} == {"RollbackPromoted", "RollbackCluster", "Hold"}
    assert Run.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_times_are_written_as_kubernetes_does() -> None:
    made = wire.status_json(RunStatus(started_at=datetime(2026, 11, 24, 10, tzinfo=UTC)))
    assert made["startedAt"] == "2026-11-24T10:00:00Z"
    assert made["hold"] is None
