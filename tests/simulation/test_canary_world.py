"""Every order of pushes, readiness, answers, hands on the route, late writes and crashes: safe, and it always ends."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.simulation.canary_explorer import explore
from tests.simulation.planted import bugs, decide_with, read_bug
from volary.canary.decide import decide

MOST_SECONDS = 10  # on the machine that runs the tests; a world that takes longer is not walked often enough


def test_every_reachable_state_is_safe_and_comes_to_rest(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.process_time()
    walk = explore(decide)
    took = time.process_time() - began
    with capsys.disabled():
        print(f"canary world: {len(walk.states)} states, {walk.edges} moves, {took:.1f} s ", end="")
    for sentence, world in walk.violations.items():
        pytest.fail(f"{sentence}: {' / '.join(walk.trace(world))}")
    assert not walk.stuck, f"never at rest: {' / '.join(walk.trace(walk.stuck[0]))}"
    assert len(walk.states) > 20_000, "the world has become too small to show anything"
    assert took < MOST_SECONDS


@pytest.mark.parametrize("path", bugs(), ids=lambda path: path.stem)
def test_a_planted_bug_is_found(path: Path) -> None:
    bug = read_bug(path)
    walk = explore(decide_with(bug), to_the_end=False)
    assert walk.violations or walk.stuck, f"not found: {bug.what}"


def test_planting_leaves_the_real_brain_alone() -> None:
    before = decide
    decide_with(read_bug(bugs()[0]))
    from volary.canary.decide import decide as after

    assert before is after
