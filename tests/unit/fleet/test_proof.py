"""Is a commit proven? One healthy base; each row says only what differs, and the answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.fleet.world import OWNER, T0, TARGET, P, R
from volary.fleet.facts import CanaryLook, Kustomized, Look, Ready, Repository
from volary.fleet.progress import Before
from volary.fleet.proof import SLOW, Question, Standing, examine
from volary.fleet.spec import Target

HEALTHY = Look(
    name="west",
    fresh=True,
    repository=Repository(pin=R, owner=OWNER, artifact=R),
    kustomization=Kustomized(applied=R, attempted=R),
    canary=CanaryLook(updated="9"),
)
ASKED = Question(R, TARGET, OWNER, T0 + timedelta(minutes=1), asked_at=T0, before=Before("Succeeded", "8"))


def look(repository: Any = None, kustomization: Any = None, canary: Any = None, **rest: Any) -> Look:
    """Return the healthy look with these differences; None as a value takes the whole object away."""
    made = HEALTHY
    for name, changes in (("repository", repository), ("kustomization", kustomization), ("canary", canary)):
        if changes == "gone":
            made = replace(made, **{name: None})  # type: ignore[arg-type]
        elif changes:
            made = replace(made, **{name: replace(getattr(made, name), **changes)})
    return replace(made, **rest)


NOT_READY = Ready("False", "GitOperationFailed", "commit not found")
ROWS: list[tuple[str, Look, Standing, str]] = [
    ("healthy", look(), Standing.PROVEN, ""),
    ("lost", look(reachable="Unknown", message="timeout"), Standing.HELD, "unreachable: timeout"),
    ("caches not filled", look(read=False), Standing.HELD, "unreachable: not read yet"),
    ("no repository", look(repository="gone"), Standing.HELD, "there is no GitRepository apps/podinfo"),
    ("pin not written", look({"pin": P}), Standing.MOVING, "pin is being written"),
    ("drift", look({"pin": P, "drift": "kubectl"}), Standing.HELD, 'spec.ref.commit is aaaaaaa, set by "kubectl"'),
    ("another owner", look({"owner": "a/b"}), Standing.HELD, "it is pinned by FleetRollout a/b"),
    ("generation not observed", look({"generation": 2}), Standing.MOVING, "has not been looked at"),
    ("artifact is another", look({"artifact": P}), Standing.MOVING, "has not fetched bbbbbbb"),
    ("source not ready", look({"artifact": P, "ready": NOT_READY}), Standing.HELD, "commit not found"),
    ("source at work", look({"ready": Ready("Unknown")}), Standing.MOVING, "fetching bbbbbbb"),
    ("no kustomization", look(kustomization="gone"), Standing.HELD, "there is no Kustomization apps/podinfo"),
    ("not attempted", look(kustomization={"applied": P, "attempted": P}), Standing.MOVING, "has not applied"),
    ("attempted, not applied", look(kustomization={"applied": P}), Standing.MOVING, "has not applied"),
    ("its generation not observed", look(kustomization={"generation": 2}), Standing.MOVING, "has not applied"),
    ("a pass at work", look(kustomization={"ready": Ready("Unknown", "Progressing")}), Standing.MOVING, "is at work"),
    (
        "build failed",
        look(kustomization={"ready": Ready("False", "BuildFailed", "x")}),
        Standing.FAILED,
        "BuildFailed: x",
    ),
    (
        "build failed at another",
        look(kustomization={"attempted": P, "ready": Ready("False", "BuildFailed", "x")}),
        Standing.HELD,
        "BuildFailed: x",
    ),
    (
        "unhealthy",
        look(kustomization={"ready": Ready("False", "HealthCheckFailed", "x")}),
        Standing.HELD,
        "HealthCheck",
    ),
    ("no canary", look(canary="gone"), Standing.HELD, "there is no Canary test/podinfo"),
    ("canary at work", look(canary={"phase": "Progressing", "weight": 30}), Standing.MOVING, "canary 30 %"),
    ("canary promoting", look(canary={"phase": "Promoting"}), Standing.MOVING, "canary Promoting"),
    ("canary has not noticed", look(canary={"same": False}), Standing.MOVING, "has not noticed the change"),
    ("not all traffic on the primary", look(canary={"weight": 10}), Standing.MOVING, "has not noticed"),
    ("canary waits", look(canary={"phase": "Waiting"}), Standing.HELD, "waits for its own gate"),
    ("canary waits for traffic", look(canary={"phase": "Progressing", "at_gate": True}), Standing.HELD, "its own gate"),
    ("initialized", look(canary={"phase": "Initialized"}), Standing.PROVEN, ""),
    ("failed long ago", look(canary={"phase": "Failed", "updated": "8"}), Standing.PROVEN, ""),
    ("failed, and yet the same", look(canary={"phase": "Failed"}), Standing.PROVEN, ""),
    (
        "failed now",
        look(canary={"phase": "Failed", "same": False}, warning="Halt: 3 < 99"),
        Standing.FAILED,
        "Halt: 3 < 99",
    ),
    (
        "failed now, commit not attempted",
        look(canary={"phase": "Failed", "same": False}, kustomization={"applied": P, "attempted": P}),
        Standing.MOVING,
        "has not applied",
    ),
    (
        "promotion failed",
        look(canary={"phase": "Failed", "same": False, "weight": 100}),
        Standing.FAILED,
        "100 % of the traffic is on the target",
    ),
    ("repository suspended, proven", look({"suspended": True}), Standing.PROVEN, ""),
    (
        "repository suspended",
        look({"suspended": True, "artifact": P}),
        Standing.HELD,
        "GitRepository apps/podinfo is suspended; set its spec.suspend to false",
    ),
    (
        "kustomization suspended",
        look(kustomization={"suspended": True, "applied": P, "attempted": P}),
        Standing.HELD,
        "Kustomization apps/podinfo is suspended",
    ),
    (
        "canary suspended",
        look(canary={"suspended": True, "same": False}),
        Standing.HELD,
        "Canary test/podinfo is suspended",
    ),
]


@pytest.mark.parametrize(("seen", "standing", "message"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_examine(seen: Look, standing: Standing, message: str) -> None:
    found = examine(seen, ASKED)
    assert found.standing is standing, found
    assert message in found.message
    if standing is Standing.HELD:
        assert found.hold


def test_reconciliation_failed_is_a_failure_at_the_second_attempt_only() -> None:
    ready = Ready("False", "ReconciliationFailed", "conflict")
    first = examine(look(kustomization={"ready": ready, "attempt": "1"}), ASKED)
    assert (first.standing, first.attempt) == (Standing.HELD, "1")
    seen = replace(ASKED, attempt="1")
    assert examine(look(kustomization={"ready": ready, "attempt": "1"}), seen).standing is Standing.HELD
    assert examine(look(kustomization={"ready": ready, "attempt": "2"}), seen).failure == "ReconciliationFailed"
    elsewhere = look(kustomization={"ready": ready, "attempt": "2", "attempted": P})
    assert examine(elsewhere, seen).standing is Standing.HELD


@pytest.mark.parametrize(
    ("seen", "hold"),
    [
        (look({"artifact": P}), "SourceNotReady"),
        (look({"generation": 2}), "SourceNotReady"),
        (look(kustomization={"applied": P, "attempted": P}), "KustomizationNotReady"),
        (look(canary={"same": False}), "CanaryNotProgressing"),
        (look(canary={"phase": "Progressing", "weight": 10}), "CanaryNotProgressing"),
    ],
)
def test_what_does_not_move_for_long_is_a_hold(seen: Look, hold: str) -> None:
    assert examine(seen, ASKED).standing is Standing.MOVING
    later = examine(seen, replace(ASKED, now=T0 + SLOW + timedelta(minutes=2)))
    assert (later.standing, later.hold) == (Standing.HELD, hold)


def test_a_canary_with_a_long_interval_is_not_called_stuck() -> None:
    slow = look(canary={"phase": "Progressing", "weight": 10, "interval": timedelta(minutes=10)})
    assert examine(slow, replace(ASKED, now=T0 + timedelta(minutes=25))).standing is Standing.MOVING
    assert examine(slow, replace(ASKED, now=T0 + timedelta(minutes=31))).hold == "CanaryNotProgressing"


def test_without_a_canary_every_applied_object_must_be_current() -> None:
    asked = replace(ASKED, target=Target(TARGET.repository, TARGET.kustomization, None))
    assert examine(look(canary="gone"), asked).standing is Standing.PROVEN
    found = examine(look(canary="gone", unhealthy="Deployment/apps/x: 0 of 2 ready"), asked)
    assert (found.standing, found.message) == (Standing.MOVING, "Deployment/apps/x: 0 of 2 ready")


def test_a_person_is_waited_for_by_four_holds_only() -> None:
    persons = {row[0] for row in ROWS if examine(row[1], ASKED).person}
    assert persons == {
        "drift", "another owner", "canary waits", "canary waits for traffic", "repository suspended",
        "kustomization suspended", "canary suspended",
    }  # fmt: skip
