"""Rules that hold in every phase, and the pieces that several rules share."""

from __future__ import annotations

from datetime import datetime, timedelta

from volary.canary import messages
from volary.canary.facts import Facts, Workload
from volary.canary.phases import AT_REST, RUNNING
from volary.canary.plan import Ensure, Plan, Question, Scale, SetWeight
from volary.canary.spec import Phase, Progress
from volary.runtime.events import Line

DRAIN = timedelta(seconds=5)  # from a route's change to the last proxy that has heard of it; meshes need 1 s or so
CLOCK_SLACK = timedelta(seconds=5)  # two replicas' clocks may differ so much before a time in the future is an error


def suspended(facts: Facts, now: datetime) -> Plan | None:
    """A person's stop beats everything; traffic stays where it is."""
    return Plan("suspended", announce=(messages.suspended(),)) if facts.spec.suspend else None


def hold_without_target(facts: Facts, now: datetime) -> Plan | None:
    """A target that was deleted gets no traffic; one that lacks configuration is not judged."""
    plan = without_target(facts)
    return plan and (route(facts) or plan)


def without_target(facts: Facts) -> Plan | None:
    """Return a hold while the target, or configuration that it needs, is not there."""
    if facts.target is None:
        gone = messages.target_missing(facts.names.target)
        return Plan("the target is not there", announce=(gone,))
    if facts.missing:
        return Plan(facts.missing[0].message, announce=facts.missing)
    return None


def repair_parts(facts: Facts, now: datetime) -> Plan | None:
    """Services and their like are put back to what the Canary asks for, in every phase."""
    parts = (*facts.early, *facts.late)
    if not parts or facts.progress.phase not in AT_REST | RUNNING:
        return None
    return Plan(f"{parts[0]} is not as it should be", actions=tuple(Ensure(part) for part in parts))


def wanted_weight(facts: Facts) -> int:
    """Return the canary's percent that the status implies, given who is able to serve.

    Traffic never goes to Pods that are not on trial or not there, and is never taken from who serves to who does not.
    """
    at, live = facts.progress, facts.weight or 0
    may_have_traffic = at.phase not in AT_REST or at.phase is Phase.FAILED  # where a promotion failed, it stays there
    wanted = at.weight if may_have_traffic and facts.canary_can_serve else 0
    if wanted == 0 and live > 0 and not facts.primary_can_serve and facts.target is not None and facts.target.serving:
        return live
    return wanted


def route(facts: Facts) -> Plan | None:
    """Let the route follow the status, wholly; None when it does."""
    wanted = wanted_weight(facts)
    if facts.weight == wanted and not facts.route_differs:
        return None
    if facts.weight is None:
        because = "the route is not there"
    elif facts.weight != wanted:
        because = f"weight {facts.weight} -> {wanted}"
    else:
        because = "the route is not as it should be"
    repaired = (messages.repaired("VirtualService", f"{100 - wanted}/{wanted}"),) if facts.foreign else ()
    return Plan(because, halted=repaired, actions=(SetWeight(wanted),))


def not_before(at: Progress, interval: timedelta, now: datetime) -> datetime | None:
    """Return when this step has lasted its interval, or None when it has."""
    due = at.since + interval
    return due if now < due else None


def scale_down(facts: Facts, now: datetime, because: str, *announce: Line) -> Plan | None:
    """Take the target's Pods away once proxies have learned that no traffic goes there; None when they are gone."""
    assert facts.target is not None, "held before"
    if not facts.target.replicas:
        return None
    if due := not_before(facts.progress, min(facts.spec.interval, DRAIN), now):
        return Plan("waiting until the last proxy has heard of the route", look_again_at=due)
    return Plan(because, announce=announce, actions=(Scale(0),))


def begin_step_anew(facts: Facts, now: datetime) -> Plan | None:
    """The status was written by a clock that runs ahead of ours: its times say nothing, so the step begins now."""
    at = facts.progress
    if at.phase in RUNNING and at.since > now + CLOCK_SLACK:
        return Plan("the clock was set back: this step begins anew", progress=at)
    return None


def waiting_for(side: str, workload: Workload) -> Plan:
    """Return a hold until a workload is ready, or until its deadline has passed."""
    return Plan(f"waiting for the {side}: {workload.because}", look_again_at=workload.deadline)


def question_step(at: Progress) -> str:
    """Return the name of this step of this trial: questions of another step are others."""
    return f"{at.phase.value}/{at.applied}/{at.weight}/{at.failed_checks}/{at.since.isoformat()}"


def question(at: Progress, kind: str, index: int, name: str) -> Question:
    return Question(question_step(at), kind, index, name)


def in_phase(facts: Facts, *phases: Phase) -> bool:
    return facts.progress.phase in phases
