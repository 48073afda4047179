"""The rules for Kustomizations: a healthy base, each row says only what differs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from volary.health import FAILED, IN_PROGRESS, Verdict
from volary.kube.decoding import BadField
from volary.sync.decide import decide
from volary.sync.facts import About, Facts, Failure
from volary.sync.kustomize import Looks
from volary.sync.order import id_of
from volary.sync.plan import Build, Prune, SetFinalizer, Write
from volary.sync.render import Rendering
from volary.sync.spec import Kustomization, KustomizationStatus, ObjectId, Reference, find

T0 = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
A, B = f"main@sha1:{'a' * 40}", f"main@sha1:{'b' * 40}"
SPEC = Kustomization(Reference("GitRepository", "x"), "./deploy", True, MINUTE * 10, MINUTE, MINUTE * 5)
WAITING = replace(SPEC, wait=True)


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "apps"}}


ONE, TWO = config_map("one"), config_map("two")
ID_ONE, ID_TWO, OLD = id_of(ONE), id_of(TWO), ObjectId("apps", "old", "", "ConfigMap")
RENDERING = Rendering((ONE, TWO), "sha256:1", frozenset(), Looks())
EMPTY = Rendering((), "sha256:0", frozenset(), Looks())
META = {"name": "x", "namespace": "y", "generation": 1, "finalizers": ["finalizers.fluxcd.io"]}
OBJ = {"apiVersion": "v1", "kind": "Kustomization", "metadata": META}
GOING = {**OBJ, "metadata": {**META, "deletionTimestamp": "2026-11-24T10:00:00Z"}}
ABOUT = About(1, A, "")
NEWER = About(1, B, "")


def applied(spec: Kustomization = SPEC) -> Facts:
    """Return the facts after revision A was applied."""
    facts = Facts(OBJ, spec, KustomizationStatus(), ABOUT, rendering=RENDERING, began=T0)
    for _ in range(5):
        status = decide(facts, T0).status
        if status is None:
            return facts
        facts = replace(facts, status=status)
    raise AssertionError("never at rest")


def rest(**changes: Any) -> Facts:
    return replace(applied(), **changes)


def with_old(facts: Facts) -> Facts:
    return replace(facts, status=replace(facts.status, inventory={**facts.status.inventory, OLD: "v1"}))


HEALTH = ((ID_ONE, Verdict(IN_PROGRESS, "0/1")),)
BROKEN = ((ID_ONE, Verdict(FAILED, "crash")), *HEALTH)
REFUSED = Failure(ABOUT, "ReconciliationFailed", "one is refused", T0, T0)


@pytest.mark.parametrize(
    ("facts", "because"),
    [
        (rest(), f"at rest at {A}"),
        (rest(spec=replace(SPEC, suspend=True), about=NEWER), "suspended"),
        (rest(obj={**OBJ, "metadata": {**META, "finalizers": []}}), "setting the finalizer"),
        (rest(source_trouble="no source"), "no source"),
        (rest(dependency="dep is not ready"), f"at rest at {A}"),
        (rest(dependency="dep is not ready", about=NEWER, rendering=None), "dep is not ready"),
        (rest(about=NEWER, rendering=None), f"building {B}"),
        (rest(about=NEWER), f"Applied revision: {B}"),
        (rest(about=NEWER, rendering=EMPTY), "spec.path ./deploy has no objects at revision"),
        (rest(unwritten=(ONE,)), "applying 1 objects"),
        (rest(unusable=("CRD is not established",)), "waiting for: [CRD is not established]"),
        (with_old(rest()), "pruning 1 objects"),
        (with_old(rest(gone=frozenset({OLD}))), f"Applied revision: {A}"),
        (with_old(rest(spec=replace(SPEC, prune=False))), f"Applied revision: {A}"),
        (rest(health=HEALTH), f"at rest at {A}"),
        (rest(health=HEALTH, about=NEWER), f"Running health checks for revision {B} with a timeout of 5m0s"),
        (rest(failure=REFUSED, about=NEWER), "one is refused"),
        (rest(spec=BadField("spec.path", "spec.path is wrong")), "spec.path is wrong"),
        (rest(obj=GOING), "deleting what was applied"),
        (rest(obj=GOING, gone=frozenset({ID_ONE, ID_TWO})), "letting go"),
        (rest(obj=GOING, spec=replace(SPEC, suspend=True)), "letting go"),
        (rest(obj=GOING, spec=replace(SPEC, prune=False)), "letting go"),
        (rest(obj=GOING, spec=replace(SPEC, prune=False, deletion_policy="Delete")), "deleting what was applied"),
        (rest(obj=GOING, spec=replace(SPEC, deletion_policy="Orphan")), "letting go"),
        (rest(obj=GOING, spec=BadField("x", "y")), "letting go"),
    ],
)
def test_decide(facts: Facts, because: str) -> None:
    assert decide(facts, T0 + timedelta(seconds=1)).because.startswith(because)


def test_the_inventory_names_an_object_before_it_is_written_and_nothing_is_forgotten() -> None:
    facts = with_old(rest(about=NEWER, unwritten=(ONE, TWO)))
    facts = replace(facts, status=replace(facts.status, inventory={OLD: "v1"}))
    plan = decide(facts, T0)
    assert plan.action is None
    assert plan.status is not None
    assert set(plan.status.inventory) == {ID_ONE, ID_TWO, OLD}
    ready = find(plan.status.conditions, "Ready")
    assert ready is not None
    assert (ready.status, plan.status.observed_generation) == ("Unknown", 1)
    assert isinstance(decide(replace(facts, status=plan.status), T0).action, Write)


def test_only_what_could_break_a_good_state_is_rehearsed() -> None:
    plans = [
        decide(rest(unwritten=(ONE, TWO)), T0),
        decide(rest(unwritten=(ONE,)), T0),
        decide(replace(applied(), status=replace(applied().status, applied=""), unwritten=(ONE, TWO)), T0),
    ]
    assert [plan.action.rehearse for plan in plans if isinstance(plan.action, Write)] == [True, False, False]


def test_actions_are_the_expected_ones() -> None:
    assert decide(rest(about=NEWER, rendering=None), T0).action == Build()
    assert decide(with_old(rest()), T0).action == Prune((OLD,))
    assert decide(rest(obj=GOING), T0).action == Prune((ID_TWO, ID_ONE))
    assert decide(rest(obj=GOING, gone=frozenset({ID_ONE, ID_TWO})), T0).action == SetFinalizer(False)


def test_a_failed_attempt_is_counted_and_tried_again_after_the_retry_interval() -> None:
    facts = rest(about=NEWER, failure=replace(REFUSED, about=NEWER), unwritten=(ONE,))
    plan = decide(facts, T0)
    assert plan.status is not None
    assert (plan.status.applied, plan.status.attempted) == (A, B)
    assert (plan.status.history[0].status, plan.status.history[0].total) == ("ReconciliationFailed", 1)
    facts = replace(facts, status=plan.status)
    waiting = decide(facts, T0 + timedelta(seconds=59))
    assert (waiting.status, waiting.action, waiting.look_again_at) == (None, None, T0 + MINUTE)
    assert isinstance(decide(facts, T0 + MINUTE).action, Write)
    second = decide(replace(facts, failure=replace(REFUSED, about=NEWER, at=T0 + MINUTE)), T0 + MINUTE)
    assert second.status is not None
    assert (second.status.history[0].total, second.announce) == (2, ())


def test_health_is_waited_for_until_the_timeout_and_mends_itself() -> None:
    facts = replace(applied(WAITING), about=NEWER, health=HEALTH)
    plan = decide(facts, T0)
    assert plan.status is not None
    facts = replace(facts, status=plan.status)
    assert decide(facts, T0 + MINUTE).look_again_at == T0 + MINUTE * 5
    failed = decide(facts, T0 + MINUTE * 5)
    assert failed.status is not None
    assert failed.because.startswith("health check failed after 5m0s: timeout waiting for: [ConfigMap/apps/one")
    facts = replace(facts, status=failed.status)
    assert decide(facts, T0 + MINUTE * 9).status is None
    mended = decide(replace(facts, health=()), T0 + MINUTE * 9)
    assert mended.status is not None
    assert mended.status.applied == B


def test_health_that_cannot_come_ends_the_wait_at_once() -> None:
    facts = replace(applied(WAITING), about=NEWER, health=BROKEN)
    started = decide(facts, T0)
    assert started.status is not None
    plan = decide(replace(facts, status=started.status), T0 + timedelta(seconds=1))
    assert "failed early due to stalled resources: [ConfigMap/apps/one status: 'Failed': crash]" in plan.because


def test_ready_does_not_flap_while_nothing_changes() -> None:
    facts = applied()
    for seconds in range(0, 3600, 60):
        plan = decide(facts, T0 + timedelta(seconds=seconds))
        assert (plan.status, plan.action, plan.look_again_at) == (None, None, None)
