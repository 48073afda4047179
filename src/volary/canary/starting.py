"""The first installation: the primary is made and ready before anything is taken from the target.

before   clients ──► podinfo (target)
after    clients ──► podinfo-primary        podinfo: 0 Pods
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from volary.canary import messages
from volary.canary.facts import Facts
from volary.canary.hashes import trial_of
from volary.canary.plan import Copy, Ensure, MakePrimary, Plan, Scale
from volary.canary.rules import route, waiting_for, without_target
from volary.canary.spec import Phase

STARTING = frozenset({Phase.NEW, Phase.TERMINATING, Phase.TERMINATED})


def initialize(facts: Facts, now: datetime) -> Plan | None:
    """Make everything that a canary needs, in an order in which no request is lost."""
    at = facts.progress
    if at.phase in STARTING:
        return Plan("a new canary", progress=replace(at, phase=Phase.INITIALIZING, weight=0, failed_checks=0))
    if at.phase is not Phase.INITIALIZING:
        return None
    return without_target(facts) or early(facts) or primary(facts) or late(facts) or scale_down(facts) or done(facts)


def early(facts: Facts) -> Plan | None:
    if facts.early:
        return Plan(f"making {facts.early[0]}", actions=tuple(Ensure(part) for part in facts.early))
    if facts.primary is None:
        return Plan("making the primary", actions=(MakePrimary(),))
    return None


def primary(facts: Facts) -> Plan | None:
    """Wait for the primary. One that was never ready may be replaced by what the target has become meanwhile."""
    assert facts.primary is not None, "made before"
    if facts.primary.ready:
        return None
    if not facts.same and (facts.primary.hopeless or not facts.primary.serving):
        trial = trial_of(facts.revision, facts.tracked)
        if facts.primary_trial != trial:
            return Plan("the target has changed before the first primary was ready", actions=(Copy(trial),))
    if facts.primary.hopeless:
        broken = messages.primary_not_ready(facts.names.primary, facts.primary.because)
        return Plan("the first primary is not ready", announce=(broken,))
    return waiting_for("first primary", facts.primary)


def late(facts: Facts) -> Plan | None:
    if facts.late:
        return Plan(f"making {facts.late[0]}", actions=tuple(Ensure(part) for part in facts.late))
    return route(facts)


def scale_down(facts: Facts) -> Plan | None:
    assert facts.target is not None, "held before"
    return Plan("the primary serves: scaling the target down", actions=(Scale(0),)) if facts.target.replicas else None


def done(facts: Facts) -> Plan:
    """A primary that is not the target's copy was there before us: then the target is a new revision."""
    revision, tracked = (facts.revision, facts.tracked) if facts.same else ("", ())
    ended = replace(
        facts.progress,
        phase=Phase.INITIALIZED,
        applied=revision,
        promoted=revision,
        tracked=tracked,
        weight=0,
        failed_checks=0,
    )
    return Plan("initialized", announce=(messages.initialized(facts.names.canary),), progress=ended)
