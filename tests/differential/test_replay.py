"""Every recorded answer of the real control plane is what the embedded API answers, too, but for a short list."""

from __future__ import annotations

import json
from functools import cache

import pytest

from tests.differential.accepted import ACCEPTED
from tests.differential.replay import Pair, replay, scripts, transcript

LEAST_PAIRS = 150
MOST_ACCEPTED = 0.05


@cache
def played(script: str) -> tuple[Pair, ...]:
    return tuple(replay(script, transcript(script)))


@pytest.mark.parametrize("script", scripts())
def test_the_answers_are_the_same(script: str) -> None:
    wrong = [pair for pair in played(script) if pair.differences and pair.name not in ACCEPTED]
    assert not wrong, "\n".join(told(pair) for pair in wrong)


def told(pair: Pair) -> str:
    lines = [
        f"{where}\n      real: {json.dumps(real)}\n      ours: {json.dumps(ours)}"
        for where, real, ours in pair.differences
    ]
    return f"{pair.name}\n    " + "\n    ".join(lines[:5])


def test_the_list_of_accepted_differences_is_short_and_true() -> None:
    pairs = {pair.name: pair for script in scripts() for pair in played(script)}
    assert len(pairs) >= LEAST_PAIRS
    assert len(ACCEPTED) <= MOST_ACCEPTED * len(pairs)
    assert not [name for name in ACCEPTED if name not in pairs], "steps that are not recorded"
    assert not [name for name in ACCEPTED if not pairs[name].differences], "steps that are the same by now"


def test_no_two_steps_have_one_name() -> None:
    for script in scripts():
        names = [pair.line["name"] for pair in played(script)]
        assert len(names) == len(set(names)), script


def test_a_replay_gives_the_same_answers_each_time() -> None:
    lines = transcript("apply-deployments")
    once, again = list(replay("apply-deployments", lines)), list(replay("apply-deployments", lines))
    assert once == again
