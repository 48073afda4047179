"""The canary's brain as a table: a healthy run, and in each row only what differs and the sentence to expect."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.canary.samples import (
    EMPTY,
    GOOD,
    HOPELESS,
    INTERVAL,
    NEW,
    NOT_READY,
    OLD,
    SPEC,
    T0,
    THIRD,
    YES,
    answered,
    at_rest,
    facts,
    progress,
)
from volary.canary.decide import decide
from volary.canary.facts import Answer, Facts, Outcome, Workload
from volary.canary.hashes import trial_of
from volary.canary.plan import Ask, Copy, Ensure, MakePrimary, Part, Plan, Scale, SetWeight
from volary.canary.spec import Phase
from volary.runtime.events import WARNING

LATER = T0 + INTERVAL
AT_20 = progress()
AT_50 = progress(weight=50)
START = progress(weight=0)
PROMOTING = progress(phase=Phase.PROMOTING, weight=50)
GIVEN_UP = progress(weight=0, failed_checks=3)
COPIED = trial_of(NEW, ())
BAD = Answer(Outcome.VALUE, LATER, 80.0)
NO_VALUE = Answer(Outcome.EMPTY, LATER)
REFUSED = Answer(Outcome.UNKNOWN, LATER, text="connection refused")
SLOW = Answer(Outcome.VALUE, LATER, 1515.9)
NEVER_READY = f"canary deployment podinfo.test not ready: {HOPELESS.because}"
BROKEN = f"podinfo-primary.test not ready: {HOPELESS.because}"
SERVICE = Part("Service", "podinfo")


def told(plan: Plan) -> list[str]:
    return [line.message for line in (*plan.announce, *plan.halted)]


@pytest.mark.parametrize(
    ("differs", "because", "actions"),
    [
        ({}, "asking hook load-test", [Ask]),
        ({"answers": answered(AT_20, YES)}, "asking metric request-success-rate", [Ask, Ask]),
        ({"target": NOT_READY}, "weight 20 -> 0", [SetWeight(0)]),
        ({"target": NOT_READY, "weight": 0}, f"waiting for the canary: {NOT_READY.because}", []),
        ({"target": replace(NOT_READY, serving=True)}, f"waiting for the canary: {NOT_READY.because}", []),
        ({"target": EMPTY, "weight": 0}, "scaling the target up to 2", [Scale(2)]),
        ({"primary": NOT_READY}, f"waiting for the primary: {NOT_READY.because}", []),
        ({"weight": 35}, "weight 35 -> 20", [SetWeight(20)]),
        ({"weight": None}, "the route is not there", [SetWeight(20)]),
        ({"route_differs": True}, "the route is not as it should be", [SetWeight(20)]),
        ({"late": (SERVICE,)}, "Service podinfo is not as it should be", [Ensure(SERVICE)]),
        ({"spec": replace(SPEC, suspend=True)}, "suspended", []),
        ({"target": None, "revision": ""}, "weight 20 -> 0", [SetWeight(0)]),
        ({"target": None, "revision": "", "weight": 0}, "the target is not there", []),
        (
            {"primary": None, "revision": OLD, "progress": replace(AT_20, applied=OLD)},
            "the primary is not there",
            [MakePrimary()],
        ),
        ({"progress": GIVEN_UP}, "weight 20 -> 0", [SetWeight(0)]),
        ({"progress": GIVEN_UP, "weight": 0}, "scaling the target down", [Scale(0)]),
        ({"progress": PROMOTING, "weight": 50}, "promoting", [Copy(COPIED)]),
        (
            {"progress": PROMOTING, "weight": 50, "primary_trial": COPIED, "primary": NOT_READY},
            f"waiting for the promoted primary: {NOT_READY.because}",
            [],
        ),
        (
            {"progress": PROMOTING, "weight": 50, "primary_trial": COPIED, "autoscaler": SERVICE},
            "the primary's autoscaler follows the target's",
            [Ensure(SERVICE)],
        ),
        ({"progress": replace(PROMOTING, phase=Phase.FINALISING, weight=0)}, "weight 20 -> 0", [SetWeight(0)]),
        (
            {"progress": replace(PROMOTING, phase=Phase.FINALISING, weight=0), "weight": 0},
            "scaling the target down",
            [Scale(0)],
        ),
    ],
)  # fmt: skip
def test_world_is_moved(differs: dict[str, Any], because: str, actions: list[Any]) -> None:
    plan = decide(facts(**differs), LATER)
    assert plan.because == because
    assert plan.progress is None
    assert [
        type(action) if action_type is Ask else action
        for action, action_type in zip(plan.actions, actions, strict=True)
    ] == actions


@pytest.mark.parametrize(
    ("differs", "said", "becomes"),
    [
        (
            {"answers": answered(AT_20, YES, GOOD, GOOD)},
            ["Advance podinfo.test canary weight 30"],
            {"weight": 30},
        ),
        (
            {"progress": AT_50, "weight": 50, "answers": answered(AT_50, YES, GOOD, GOOD)},
            ["Copying podinfo.test template spec to podinfo-primary.test"],
            {"phase": Phase.PROMOTING, "weight": 50},
        ),
        (
            {"progress": START, "weight": 0, "answers": answered(START, YES)},
            [
                "Starting canary analysis for podinfo.test",
                "Pre-rollout check acceptance-test passed",
                "Advance podinfo.test canary weight 10",
            ],
            {"weight": 10},
        ),
        (
            {"answers": answered(AT_20, Answer(Outcome.NO, LATER, text="boom"))},
            ["Halt podinfo.test advancement external check load-test failed boom"],
            {"failed_checks": 1},
        ),
        (
            {"progress": START, "weight": 0, "answers": answered(START, Answer(Outcome.NO, LATER, text="boom"))},
            ["Halt podinfo.test advancement pre-rollout check acceptance-test failed boom"],
            {"failed_checks": 1},
        ),
        (
            {"answers": answered(AT_20, YES, BAD, GOOD)},
            ["Halt podinfo.test advancement success rate 80.00% < 99%"],
            {"failed_checks": 1},
        ),
        (
            {"answers": answered(AT_20, YES, GOOD, SLOW)},
            ["Halt podinfo.test advancement request duration 1.515s > 500ms"],
            {"failed_checks": 1},
        ),
        (
            {"answers": answered(AT_20, YES, NO_VALUE, GOOD)},
            [
                "Halt advancement no values found for istio metric request-success-rate probably podinfo.test is not "
                "receiving traffic: running query failed: no values found"
            ],
            {"failed_checks": 1},
        ),
        (
            {"progress": progress(failed_checks=2)},
            ["Rolling back podinfo.test failed checks threshold reached 2"],
            {"weight": 0, "failed_checks": 3},
        ),
        (
            {"target": HOPELESS, "weight": 0},
            [NEVER_READY, f"Rolling back podinfo.test progress deadline exceeded {NEVER_READY}"],
            {"weight": 0, "failed_checks": 3},
        ),
        (
            {"progress": GIVEN_UP, "weight": 0, "target": EMPTY},
            [],
            {"phase": Phase.FAILED, "failed_checks": 0},
        ),
        (
            {"revision": THIRD},
            ["New revision detected! Restarting analysis for podinfo.test"],
            {"applied": THIRD, "weight": 0},
        ),
        ({"revision": OLD, "same": True}, [], {"weight": 0}),
        (
            {"revision": OLD, "same": True, "progress": START, "weight": 0, "target": EMPTY},
            ["Target put back to the promoted revision! Ending analysis and scaling down podinfo.test"],
            {"phase": Phase.INITIALIZED, "applied": OLD},
        ),
        (
            {"progress": PROMOTING, "weight": 50, "revision": THIRD},
            ["New revision detected! Restarting analysis for podinfo.test"],
            {"phase": Phase.PROGRESSING, "applied": THIRD, "weight": 0},
        ),
        (
            {"progress": PROMOTING, "weight": 50, "primary_trial": COPIED},
            ["Routing all traffic to primary"],
            {"phase": Phase.FINALISING, "weight": 0},
        ),
        (
            {"progress": PROMOTING, "weight": 50, "primary_trial": COPIED, "primary": replace(HOPELESS, serving=True)},
            [BROKEN, f"Promotion of podinfo.test failed, primary not ready: {BROKEN}"],
            {"phase": Phase.FAILED, "weight": 100},
        ),
        (
            {"progress": replace(PROMOTING, phase=Phase.FINALISING, weight=0), "weight": 0, "target": EMPTY},
            ["Promotion completed! Scaling down podinfo.test"],
            {"phase": Phase.SUCCEEDED, "promoted": NEW},
        ),
        (
            {"spec": replace(SPEC, skip_analysis=True), "progress": START, "weight": 0},
            ["Copying podinfo.test template spec to podinfo-primary.test"],
            {"phase": Phase.PROMOTING, "weight": 0},
        ),
    ],
)
def test_progress_is_made(differs: dict[str, Any], said: list[str], becomes: dict[str, Any]) -> None:
    before = facts(**differs)
    plan = decide(before, LATER)
    assert told(plan) == said
    assert not plan.actions
    assert plan.progress is not None
    found = {name: getattr(plan.progress, name) for name in becomes}
    assert found == becomes, plan.because
    assert plan.progress.since == LATER


@pytest.mark.parametrize(
    ("differs", "because"),
    [
        ({}, "at rest"),
        ({"target": Workload(2, ready=True, serving=True)}, "at rest"),  # somebody scaled it up: let them
        ({"same": False, "revision": OLD}, "at rest"),  # somebody edited the primary
        (
            {"progress": progress(phase=Phase.FAILED, weight=0), "revision": NEW, "same": False},
            "at rest",
        ),
    ],
)
def test_nothing_is_written_at_rest(differs: dict[str, Any], because: str) -> None:
    plan = decide(at_rest(**differs), LATER)
    assert (plan.because, plan.actions, plan.progress, plan.announce) == (because, (), None, ())
    assert plan.look_again_at is None


def test_a_new_revision_is_noticed_at_rest() -> None:
    plan = decide(at_rest(revision=NEW, same=False), LATER)
    assert told(plan) == ["New revision detected! Scaling up podinfo.test"]
    assert plan.progress == progress(weight=0, since=LATER, entered=LATER, turned=LATER)


def test_changed_configuration_is_a_new_revision() -> None:
    plan = decide(at_rest(tracked=(("configmap/a", "1"),), same=False), LATER)
    assert plan.progress is not None
    assert plan.progress.tracked == (("configmap/a", "1"),)


def test_a_failed_canary_notes_that_its_target_was_put_back_once() -> None:
    failed = progress(phase=Phase.FAILED, weight=0)
    plan = decide(at_rest(progress=failed), LATER)
    assert plan.progress is not None
    assert (plan.progress.phase, plan.progress.applied) == (Phase.FAILED, OLD)
    assert plan.progress.entered == failed.entered, "a reader must not take it for another failure"
    assert not told(plan)
    assert decide(at_rest(progress=plan.progress), LATER).progress is None
    again = decide(at_rest(progress=plan.progress, revision=NEW, same=False), LATER)
    assert told(again) == ["New revision detected! Scaling up podinfo.test"]


def test_a_metric_that_cannot_be_measured_holds_with_a_warning_and_is_asked_again() -> None:
    asked = facts(answers=answered(AT_20, YES, REFUSED, GOOD))
    plan = decide(asked, LATER)
    assert told(plan) == ["Prometheus query failed: connection refused"]
    assert (plan.progress, plan.actions, plan.look_again_at) == (None, (), LATER + INTERVAL)
    again = decide(asked, LATER + INTERVAL)
    assert [action.question.name for action in again.actions if isinstance(action, Ask)] == ["request-success-rate"]


def test_a_question_is_asked_once_and_an_answer_to_another_step_counts_as_absent() -> None:
    plan = decide(facts(), LATER)
    [ask] = plan.actions
    assert isinstance(ask, Ask)
    assert decide(facts(asked=frozenset({ask.question})), LATER).because == "waiting for hook load-test"
    stale = answered(progress(failed_checks=1), YES, GOOD, GOOD)
    assert decide(facts(answers=stale), LATER).actions == plan.actions


def test_a_step_lasts_its_interval_and_the_first_does_not_wait() -> None:
    early = decide(facts(), T0 + timedelta(seconds=9))
    assert (early.because, early.look_again_at) == ("holding at 20 %", LATER)
    first = decide(facts(progress=START, weight=0), T0)
    assert told(first) == ["Starting canary analysis for podinfo.test"]
    assert isinstance(first.actions[0], Ask)


def test_a_clock_that_was_set_back_begins_the_step_anew() -> None:
    plan = decide(facts(), T0 - timedelta(hours=1))
    assert plan.progress == progress(since=T0 - timedelta(hours=1))


def test_a_route_changed_by_somebody_else_is_put_back_with_one_warning() -> None:
    plan = decide(at_rest(weight=50, foreign=True), LATER)
    assert plan.actions == (SetWeight(0),)
    [line] = plan.halted
    assert line.type == WARNING
    assert line.message == "VirtualService was changed by somebody else; put back to 100/0"
    assert not told(decide(at_rest(weight=50), LATER)), "our own unfinished move is no repair"


def test_traffic_is_given_back_in_steps_where_the_canary_asks_for_it() -> None:
    stepwise = replace(SPEC, promotion_step=30)
    at_50 = facts(spec=stepwise, progress=PROMOTING, weight=50, primary_trial=COPIED)
    assert decide(at_50, T0).because == "holding at 50 % on the primary"
    plan = decide(at_50, LATER)
    assert told(plan) == ["Advance podinfo.test primary weight 80"]
    assert plan.progress is not None
    last = facts(spec=stepwise, progress=replace(plan.progress, since=T0), weight=20, primary_trial=COPIED)
    end = decide(last, LATER)
    assert told(end) == ["Advance podinfo.test primary weight 100"]
    assert end.progress is not None
    assert (end.progress.phase, end.progress.weight) == (Phase.FINALISING, 0)


def test_a_stall_that_is_over_is_taken_back() -> None:
    plan = decide(at_rest(stalled=True), LATER)
    assert plan.because == "no longer stalled"
    assert plan.progress is not None


def installing(**differs: Any) -> Facts:
    base = facts(
        progress=progress(phase=Phase.INITIALIZING, applied="", promoted="", weight=0),
        revision=OLD,
        same=True,
        weight=None,
        primary_trial=trial_of(OLD, ()),
    )
    return replace(base, **differs)


@pytest.mark.parametrize(
    ("differs", "because", "actions"),
    [
        ({"early": (SERVICE,)}, "making Service podinfo", (Ensure(SERVICE),)),
        ({"primary": None, "same": False}, "making the primary", (MakePrimary(),)),
        ({"primary": NOT_READY}, f"waiting for the first primary: {NOT_READY.because}", ()),
        ({"primary": HOPELESS}, "the first primary is not ready", ()),
        (
            {"primary": NOT_READY, "same": False, "revision": NEW},
            "the target has changed before the first primary was ready",
            (Copy(trial_of(NEW, ())),),
        ),
        ({"late": (SERVICE,)}, "making Service podinfo", (Ensure(SERVICE),)),
        ({}, "the route is not there", (SetWeight(0),)),
        ({"weight": 0}, "the primary serves: scaling the target down", (Scale(0),)),
    ],
)
def test_installation_takes_nothing_away_before_the_primary_serves(
    differs: dict[str, Any], because: str, actions: tuple[Any, ...]
) -> None:
    plan = decide(installing(**differs), LATER)
    assert (plan.because, plan.actions, plan.progress) == (because, actions, None)


def test_installation_ends_with_what_the_primary_runs() -> None:
    plan = decide(installing(weight=0, target=EMPTY), LATER)
    assert told(plan) == ["Initialization done! podinfo.test"]
    assert plan.progress is not None
    assert (plan.progress.phase, plan.progress.applied, plan.progress.promoted) == (Phase.INITIALIZED, OLD, OLD)
    orphan = decide(installing(weight=0, target=EMPTY, same=False, revision=NEW), LATER)
    assert orphan.progress is not None
    assert orphan.progress.applied == "", "a primary that was there before makes the target a new revision"
