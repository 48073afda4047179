"""The brain of a run: facts in, one plan out. Pure; no clock, no I/O, no randomness.

Rules are asked in order and the first that answers wins, so the order *is* the priority: people first, then what is
already promised (pins), then what has been seen, then the way back, and only then anything new.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_changes
from datetime import datetime, timedelta

from volary.fleet.budget import current_stage, soaked_at
from volary.fleet.display import described, soonest
from volary.fleet.facts import RunFacts
from volary.fleet.keeping import pin_for, put_back
from volary.fleet.people import abort, forget_by, take_annotation, take_state, taken_back
from volary.fleet.plan import Announcement, Pin, Plan
from volary.fleet.progressing import (
    begin_run,
    clocks,
    dispatch,
    finish,
    give_turn,
    give_up,
    judge,
    leave,
    look_closer,
    pin_back,
    revive,
    superseded,
)
from volary.fleet.turns import deadline, has_turn
from volary.fleet.way_back import end_back, judge_back, send_back

Rule = Callable[[RunFacts], Plan | None]
RELOOK = timedelta(seconds=30)  # while something is asked of a member: what a cache cannot tell, such as its Secrets
NOT_READ = timedelta(seconds=1)  # a cache that is being filled tells nobody when it is empty


def decide_run(facts: RunFacts) -> Plan:
    """Return the run's next move; safe to ask at any time, any number of times."""
    for rule in RULES:
        plan = rule(facts)
        if plan is not None:
            break
    else:
        plan = Plan(facts.status.summary or "nothing to do")
    if plan.run is not None:
        plan = with_changes(plan, run=described(facts, plan.run))
    return with_changes(plan, look_again_at=plan.look_again_at or look_again_at(facts))


def rest_when_ended(facts: RunFacts) -> Plan | None:
    """A run that has ended stays as it is; its pins are the FleetRollout's now."""
    return Plan(facts.status.summary) if facts.status.ended else None


def stop_when_orphaned(facts: RunFacts) -> Plan | None:
    return Plan("the FleetRollout is being deleted: nothing is dispatched") if facts.orphan else None


def keep_pins(facts: RunFacts) -> Plan | None:
    """Make the pins that are written down, and put back those that are gone."""
    pins: list[Pin] = []
    notes: list[Announcement] = []
    for entry in facts.status.clusters:
        look = facts.looks.get(entry.name)
        if entry.phase == "Left" or look is None or (entry.in_flight and given_up(facts)):
            continue
        pin = pin_for(look, facts.owner, entry.pin, entry.previous or "", entry.take_pin)
        if pin is not None:
            pins.append(pin)
            notes += put_back(look, pin, known=entry.phase in ("Pending", "Verified", "RolledBack"))
    if not pins:
        return None
    return Plan("; ".join(f"pin {p.cluster} to {p.commit[:7]}" for p in pins), tuple(notes), actions=tuple(pins))


def given_up(facts: RunFacts) -> bool:
    """Is the commit sent nowhere any more, not even where that is written down?"""
    return facts.status.rollback is not None or facts.fleet.is_bad(facts.run.commit)


def show(facts: RunFacts) -> Plan | None:
    """Write down what is seen, when it differs from what is shown."""
    shown = described(facts, facts.status)
    if shown == facts.status:
        return None
    return Plan(shown.summary, run=shown)


def look_again_at(facts: RunFacts) -> datetime | None:
    """Return when something may have become due without any change in the world."""
    status = facts.status
    if status.ended or facts.orphan:
        return None
    asked = [entry for entry in status.clusters if has_turn(entry)]
    unread = any(look.reachable == "True" and not look.read for look in facts.looks.values())
    stage = current_stage(facts.run, status, facts.now)
    return soonest(
        facts.now + NOT_READ if unread else None,
        facts.now + RELOOK if any(entry.held_since is None for entry in asked) else None,
        soaked_at(status, stage) if stage and status.rollback is None else None,
        *(max(at, facts.now) for at in (deadline(facts, entry) for entry in asked) if at is not None),
    )


RULES: tuple[Rule, ...] = (
    begin_run,
    take_state,
    take_annotation,
    forget_by,
    abort,
    taken_back,
    rest_when_ended,
    superseded,
    stop_when_orphaned,
    leave,
    keep_pins,
    clocks,
    look_closer,
    judge,
    judge_back,
    revive,
    give_up,
    send_back,
    end_back,
    pin_back,
    finish,
    dispatch,
    give_turn,
    show,
)
