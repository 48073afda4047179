"""Every reachable state of a small fleet is safe, and a helpful world always leads to rest."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulation.fleet_explorer import (
    Exploration,
    Move,
    begin,
    darkness,
    departures,
    lateness,
    nothing,
    people,
)
from volary.fleet.spec import OnFailure

HOLD, CLUSTER = OnFailure.HOLD, OnFailure.ROLLBACK_CLUSTER
AT_ONCE = {"fails": "b", "at_once": 2, "back_at_once": 3, "names": "ab"}
SAID = {"Succeeded", "Paused PausedByUser", "Aborted", "RolledBack", "RollingBack PausedByUser"}

# What disturbs, how often, and where a helpful world may end.
WORLDS: list[tuple[str, Move, int, dict[str, Any], set[str]]] = [
    ("two at once", nothing, 0, {"at_once": 2}, {"Succeeded"}),
    ("c fails", nothing, 0, {"fails": "c"}, {"RolledBack"}),
    ("b fails within the budget", nothing, 0, {"fails": "b", "failures": 1}, {"Succeeded"}),
    ("b and c fail, one may", nothing, 0, {"fails": "bc", "failures": 1}, {"RolledBack"}),
    ("b fails, hold", nothing, 0, {"fails": "b", "on_failure": HOLD}, {"Holding FailureBudgetExceeded"}),
    ("c fails, c alone is taken back", nothing, 0, {"fails": "c", "on_failure": CLUSTER}, {"Failed"}),
    ("all are taken back at once", nothing, 0, AT_ONCE, {"RolledBack"}),
    ("a person says a word", people, 1, {}, SAID),
    ("a person says two words", people, 2, {"names": "a"}, SAID),
    ("a cluster goes dark and returns", darkness, 1, {}, {"Succeeded"}),
    ("half an hour is lost", lateness, 1, {"names": "a"}, {"Succeeded", "RolledBack"}),
    ("a cluster is built anew, twice", departures, 2, {"names": "a"}, {"Succeeded", "Failed", "no run"}),
]


@pytest.mark.parametrize(("disturb", "budget", "world", "ends"), [w[1:] for w in WORLDS], ids=[w[0] for w in WORLDS])
def test_every_reachable_state_is_safe_and_comes_to_rest(
    disturb: Move, budget: int, world: dict[str, Any], ends: set[str]
) -> None:
    found = Exploration(disturb, budget, begin(**world))
    found.run()
    found.helpful()
    print(f"{len(found.seen)} states, {found.moves} moves, ends {found.ends}")
    assert len(found.seen) > 50
    assert set(found.ends) <= ends
