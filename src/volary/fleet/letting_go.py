"""Deleting a FleetRollout: dispatch stops at once, pins are kept, or given up where that is asked for. Pure."""

from __future__ import annotations

from volary.fleet.facts import RolloutFacts
from volary.fleet.names import RELEASE_PINS
from volary.fleet.plan import Announcement, Plan, Release, RemoveFinalizer


def let_go(facts: RolloutFacts) -> Plan | None:
    """Answer for a FleetRollout that is being deleted."""
    if facts.deleted_at is None:
        return None
    if not facts.finalizer:
        return Plan("being deleted")
    if facts.annotations.get(RELEASE_PINS) != "true":
        note = Announcement(f"pins are kept in {names(facts)}", reason="PinsKept")
        return Plan("pins are kept", (note,), actions=(RemoveFinalizer(),))
    releases = tuple(
        Release(name, look.repository.version)
        for name, look in sorted(facts.looks.items())
        if not look.lost and look.repository is not None and look.repository.owner == facts.owner
    )
    if releases:
        return Plan(f"releasing {', '.join(release.cluster for release in releases)}", actions=releases)
    waiting = [name for name, look in sorted(facts.looks.items()) if look.lost]
    if waiting and facts.spec is not None and facts.now < facts.deleted_at + facts.spec.rollback.progress_deadline:
        return Plan(f"waiting for {', '.join(waiting)} to release their pins")
    if waiting:
        text = (
            f"unreachable, so the pin is kept in {', '.join(waiting)}; remove the annotation and spec.ref.commit there"
        )
        note = Announcement(text, warning=True, reason="PinsKept")
        return Plan(text, (note,), actions=(RemoveFinalizer(),))
    return Plan(
        "pins are released", (Announcement("pins are released", reason="PinsReleased"),), actions=(RemoveFinalizer(),)
    )


def names(facts: RolloutFacts) -> str:
    return ", ".join(member.name for member in facts.status.members) or "no cluster"
