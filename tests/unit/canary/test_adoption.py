"""Taking over from Flagger in any phase: no run starts by itself, and none that is under way is lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.canary.samples import EMPTY, NEW, OLD, T0, at_rest, facts, progress
from volary.canary.decide import decide
from volary.canary.spec import Phase, Progress

THEIRS = "54bbb77544"  # a hash of Flagger's
THEIR_OTHER = "77bf8888bd"


def left(phase: Phase, weight: int = 0) -> Progress:
    return progress(phase=phase, applied=THEIRS, promoted=THEIR_OTHER, weight=weight)


@pytest.mark.parametrize("phase", [Phase.INITIALIZED, Phase.SUCCEEDED, Phase.FAILED, Phase.WAITING])
def test_a_canary_at_rest_is_adopted_without_a_run(phase: Phase) -> None:
    plan = decide(at_rest(progress=left(phase)), T0)
    assert plan.progress is not None
    assert not plan.announce
    assert (plan.progress.phase, plan.progress.applied, plan.progress.promoted) == (phase, OLD, OLD)
    assert decide(at_rest(progress=plan.progress), T0).progress is None


def test_a_failed_revision_that_is_still_there_is_not_tried_again() -> None:
    failed = at_rest(progress=left(Phase.FAILED), revision=NEW, same=False)
    assert decide(replace(failed, pod_hash=THEIRS), T0).because == "at rest"
    assert decide(replace(failed, pod_hash=THEIR_OTHER), T0).because == "a new revision"


def test_a_run_under_way_goes_on_at_its_weight() -> None:
    plan = decide(facts(progress=left(Phase.PROGRESSING, 20), pod_hash=THEIRS), T0)
    assert plan.progress is not None
    assert (plan.progress.phase, plan.progress.applied, plan.progress.weight) == (Phase.PROGRESSING, NEW, 20)


@pytest.mark.parametrize("pod_hash", ["", THEIR_OTHER])
def test_a_run_of_what_cannot_be_recognised_starts_over(pod_hash: str) -> None:
    plan = decide(facts(progress=left(Phase.PROGRESSING, 20), pod_hash=pod_hash), T0)
    assert plan.progress is not None
    assert (plan.progress.applied, plan.progress.weight) == (NEW, 0)


def test_a_promotion_under_way_is_not_made_twice() -> None:
    copied = facts(progress=left(Phase.PROMOTING, 20), same=True, primary_trial="")
    plan = decide(copied, T0)
    assert plan.progress is not None
    assert (plan.progress.phase, plan.progress.applied) == (Phase.PROMOTING, NEW)
    assert decide(replace(copied, progress=plan.progress), T0).because == "the primary is ready"


def test_a_revision_pushed_after_flaggers_copy_is_not_promoted_unmeasured() -> None:
    plan = decide(facts(progress=left(Phase.PROMOTING, 20), pod_hash=THEIR_OTHER), T0)
    assert plan.progress is not None
    assert (plan.progress.phase, plan.progress.weight) == (Phase.PROGRESSING, 0)


def test_finalising_is_finished() -> None:
    ending = facts(progress=left(Phase.FINALISING), same=True, weight=0, target=EMPTY)
    plan = decide(ending, T0)
    assert plan.progress is not None
    assert decide(replace(ending, progress=plan.progress), T0).because == "promoted"
