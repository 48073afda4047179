"""The brain of a FleetRollout: when a run starts, and everything that no run looks after. Pure.

Rules are asked in order and the first that answers wins. What a run did is taken over before anything else is
decided, so that pins and marks never rest on an older story.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace as with_changes
from datetime import datetime, timedelta

from volary.fleet.conditions import shown
from volary.fleet.display import soonest
from volary.fleet.facts import RolloutFacts
from volary.fleet.letting_go import let_go
from volary.fleet.membership_rules import (
    adopt,
    asked,
    bring_newcomers,
    first_current,
    first_pins,
    follow_run,
    keep_member_pins,
    look_closer_at_members,
    mark_bad,
    note_members,
    note_proofs,
)
from volary.fleet.plan import AddFinalizer, DeleteRun, Plan
from volary.fleet.starting import remember_commit, start_retry, start_run, take_member_pin, take_retry

Rule = Callable[[RolloutFacts], Plan | None]
RELOOK = timedelta(seconds=30)
NOT_READ = timedelta(seconds=1)


def decide_rollout(facts: RolloutFacts) -> Plan:
    """Return the FleetRollout's next move; safe to ask at any time, any number of times."""
    for rule in RULES:
        plan = rule(facts)
        if plan is not None:
            break
    else:
        plan = Plan("nothing to do")
    if plan.rollout is not None:
        plan = with_changes(plan, rollout=shown(facts, plan.rollout))
    return with_changes(plan, look_again_at=plan.look_again_at or look_again_at(facts))


def guard(facts: RolloutFacts) -> Plan | None:
    """Keep the FleetRollout until its pins are given up, where that is asked for."""
    return None if facts.finalizer else Plan("finalizer", actions=(AddFinalizer(),))


def stop_when_invalid(facts: RolloutFacts) -> Plan | None:
    """A spec that cannot be read changes nothing in the world."""
    return show(facts) or Plan(facts.problem) if facts.spec is None else None


def forget_old_runs(facts: RolloutFacts) -> Plan | None:
    """Delete ended runs beyond the limit; the newest, and the newest that Succeeded, stay."""
    if facts.spec is None:
        return None
    ended = [run for run in facts.runs if run.status.ended and run is not facts.newest and not run.deleting]
    good = [run for run in facts.runs if run.status.phase == "Succeeded"]
    newest_ended = facts.newest is not None and facts.newest.status.ended
    surplus = len(ended) + newest_ended - facts.spec.history_limit
    for run in ended[: max(surplus, 0)]:
        if not good or run.name != good[-1].name:
            return Plan(f"run {run.name} is beyond historyLimit", actions=(DeleteRun(run.name, run.uid),))
    return None


def show(facts: RolloutFacts) -> Plan | None:
    """Write down what is seen, when it differs from what is shown."""
    status = shown(facts, facts.status)
    return None if status == facts.status else Plan(status.conditions[0].message, rollout=status)


def look_again_at(facts: RolloutFacts) -> datetime | None:
    """Return when something may have become due without any change in the world."""
    if facts.deleted_at is not None and facts.spec is not None:
        return max(facts.deleted_at + facts.spec.rollback.progress_deadline, facts.now + NOT_READ)
    unread = any(look.reachable == "True" and not look.read for look in facts.looks.values())
    waiting = any(asked(facts, member) is not None for member in facts.status.members)
    return soonest(facts.now + NOT_READ if unread else None, facts.now + RELOOK if waiting else None)


RULES: tuple[Rule, ...] = (
    let_go,
    guard,
    mark_bad,
    adopt,
    follow_run,
    stop_when_invalid,
    remember_commit,
    take_retry,
    take_member_pin,
    note_members,
    first_pins,
    keep_member_pins,
    look_closer_at_members,
    note_proofs,
    first_current,
    start_retry,
    start_run,
    bring_newcomers,
    forget_old_runs,
    show,
)
