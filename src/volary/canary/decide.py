"""The canary's brain: facts in, one plan out. Pure; no clock, no I/O, no randomness.

Rules are asked in order and the first that answers wins, so the order *is* the priority: a person's suspend beats
repairs, a target put back beats a new revision, a new revision beats a failed check, and that beats progress.

    at rest ──new revision──► Progressing ──checks pass──► Promoting ──primary ready──► Finalising ──► Succeeded
       ▲                       │    │ put back                │ primary broken
       └───────────────────────┘    └─checks fail──► Failed ◄─┘
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from volary.canary import ending, resting, starting, trial
from volary.canary.facts import Facts
from volary.canary.plan import Plan
from volary.canary.rules import begin_step_anew, hold_without_target, repair_parts, suspended
from volary.canary.wire import moved

Rule = Callable[[Facts, datetime], Plan | None]


def decide(facts: Facts, now: datetime) -> Plan:
    """Return the next move; safe to ask at any time, any number of times."""
    for rule in RULES:
        plan = rule(facts, now)
        if plan is not None:
            return timed(facts, no_longer_stalled(facts, plan), now)
    return Plan("nothing to do")


def no_longer_stalled(facts: Facts, plan: Plan) -> Plan:
    """Take the condition away once nothing is left to do that could stall again; any progress takes it away too."""
    if not facts.stalled or plan.actions or plan.progress is not None:
        return plan
    return Plan("no longer stalled", progress=facts.progress)


def timed(facts: Facts, plan: Plan, now: datetime) -> Plan:
    """Return the plan with the times of its progress filled in."""
    if plan.progress is None:
        return plan
    return replace(plan, progress=moved(facts.progress, plan.progress, now))


RULES: tuple[Rule, ...] = (
    suspended,
    begin_step_anew,
    starting.initialize,
    hold_without_target,
    repair_parts,
    resting.note_what_is_promoted,
    resting.repair_route,
    resting.remake_primary,
    resting.detect,
    trial.take_over,
    trial.end_when_put_back,
    trial.start_over,
    ending.give_up,
    ending.roll_back,
    trial.climb,
    ending.promote,
    ending.finalise,
)
