"""What people can say, as patches; and what cannot be said now, as sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.fleet.test_people import in_flight
from tests.unit.fleet.test_why import failing, objects
from tests.unit.fleet.world import R, World, installed
from volary.fleet import commands
from volary.fleet.commands import Fleet, Impossible, Patch, Words
from volary.kube.resources import FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS

WORDS = Words("ann", "because")
NOTES = {"volary.dev/by": "ann", "volary.dev/reason": "because"}


def fleet_of(world: World) -> Fleet:
    return Fleet(*objects(world))


@pytest.mark.parametrize(
    ("command", "state"), [(commands.pause, "Pause"), (commands.abort, "Abort"), (commands.rollback, "Rollback")]
)
def test_a_word_is_the_state_of_the_run_with_who_and_why(command: Callable[[Fleet, Words], Patch], state: str) -> None:
    patch = command(fleet_of(in_flight()), WORDS)
    assert (patch.resource, patch.namespace, patch.name) == (FLEET_ROLLOUT_RUNS, "apps", "podinfo-bbbbbbb")
    assert patch.body == {"metadata": {"annotations": NOTES}, "spec": {"state": state}}


def test_abort_says_that_it_does_not_stop_a_canary_in_flight_and_that_rollback_does() -> None:
    note = commands.abort(fleet_of(in_flight()), WORDS).note
    assert "a canary in flight is not stopped by this, `volary rollback podinfo` would" in note


def test_resume_goes_on_with_a_paused_run() -> None:
    paused = in_flight().say("Pause").settle_controllers()
    assert commands.resume(fleet_of(paused), WORDS).body["spec"] == {"state": "Run"}


def test_resume_after_an_abort_wakes_the_fleetrollout() -> None:
    aborted = in_flight().say("Abort").settle()
    patch = commands.resume(fleet_of(aborted), WORDS)
    assert (patch.resource, patch.body) == (FLEET_ROLLOUTS, {"spec": {"suspend": False}})


def test_rollback_of_an_ended_run_is_said_to_the_newest() -> None:
    world = installed().push("b").settle().push("c").settle()
    assert commands.rollback(fleet_of(world), WORDS).name == "podinfo-ccccccc"


def test_retry_names_the_commit_or_takes_the_last_that_was_rejected() -> None:
    world = failing("west").settle()
    patch = commands.retry(fleet_of(world), WORDS)
    assert patch.body == {"metadata": {"annotations": {"volary.dev/retry": R, **NOTES}}}
    named = commands.retry(fleet_of(world), WORDS, R[:7])
    assert named.body["metadata"]["annotations"]["volary.dev/retry"] == R


def test_take_pin_is_said_to_the_active_run_else_to_the_fleetrollout() -> None:
    assert commands.take_pin(fleet_of(in_flight()), WORDS, "west").resource == FLEET_ROLLOUT_RUNS
    patch = commands.take_pin(fleet_of(installed()), WORDS, "west")
    assert patch.resource == FLEET_ROLLOUTS
    assert patch.body == {"metadata": {"annotations": {"volary.dev/take-pin": "west", **NOTES}}}


def test_as_is_is_said_to_the_run_and_warns() -> None:
    patch = commands.as_is(fleet_of(in_flight()), WORDS, "east")
    assert patch.body["metadata"]["annotations"]["volary.dev/as-is"] == "east"
    assert "no way back" in patch.note


SENTENCES: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: commands.pause(fleet_of(installed()), WORDS),
        "podinfo has no run that goes on, so there is nothing to pause",
    ),
    (
        lambda: commands.abort(fleet_of(installed().push("b").settle()), WORDS),
        "nothing to abort; the last one, of bbbbbbb, ended Succeeded",
    ),
    (lambda: commands.resume(fleet_of(installed()), WORDS), "podinfo is neither paused nor suspended"),
    (
        lambda: commands.rollback(fleet_of(installed()), WORDS),
        "podinfo has had no run, so there is nothing to take back",
    ),
    (lambda: commands.rollback(fleet_of(failing("west").settle()), WORDS), "bbbbbbb has been taken back already"),
    (lambda: commands.retry(fleet_of(installed()), WORDS), "no commit of podinfo was rejected; name one with --commit"),
    (
        lambda: commands.take_pin(fleet_of(installed()), WORDS, "mars"),
        "mars is no member of podinfo; members: east, west",
    ),
    (
        lambda: commands.as_is(fleet_of(in_flight()), WORDS, "mars"),
        "mars takes no part in this run; clusters: west, east",
    ),
    (
        lambda: commands.as_is(fleet_of(in_flight()), WORDS, "west"),
        "west has been dispatched already, it is Progressing",
    ),
]


@pytest.mark.parametrize(("ask", "sentence"), SENTENCES, ids=[row[1][:40] for row in SENTENCES])
def test_what_cannot_be_said_now_is_a_sentence(ask: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(Impossible) as caught:
        ask()
    assert sentence in str(caught.value)
