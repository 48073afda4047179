"""The ways a run ends: promoted, rolled back, or left with the traffic where it still works.

    promotion   target's template ─copy─► primary, ready ─► traffic to primary ─► target scaled down ─► Succeeded
    way back    traffic to primary ─► target scaled down ─► Failed

Given up is `failed_checks` above the threshold: it is in the status, so a crash on the way back changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from volary.canary import messages
from volary.canary.checks import ask
from volary.canary.facts import Facts, Outcome
from volary.canary.hashes import trial_of
from volary.canary.plan import HOOK, Copy, Ensure, Plan
from volary.canary.rules import in_phase, not_before, question, route, scale_down, waiting_for
from volary.canary.spec import HookType, Phase
from volary.runtime.events import Line


def give_up(facts: Facts, now: datetime) -> Plan | None:
    """Too many failed checks, or a canary that will never be ready: take the traffic away, for good."""
    lines: tuple[Line, ...]
    at, spec = facts.progress, facts.spec
    if at.phase is not Phase.PROGRESSING or at.failed_checks > spec.threshold:
        return None
    assert facts.target is not None, "held before"
    if facts.target.hopeless and facts.target.replicas:
        why = messages.target_not_ready(facts.names.target, facts.target.because)
        lines = (why, messages.deadline_exceeded(facts.names.canary, why.message))
    elif at.failed_checks == spec.threshold and not spec.skip_analysis:
        lines = (messages.threshold_reached(facts.names.canary, at.failed_checks),)
    else:
        return None
    given_up = replace(at, weight=0, failed_checks=spec.threshold + 1)
    return Plan(lines[-1].message, announce=lines, progress=given_up)


def roll_back(facts: Facts, now: datetime) -> Plan | None:
    """First the traffic, then the Pods, then the word."""
    at = facts.progress
    if at.phase is not Phase.PROGRESSING or at.failed_checks <= facts.spec.threshold:
        return None
    if plan := traffic_back(facts):
        return plan
    if plan := scale_down(facts, now, "scaling the target down", messages.failed(facts.names.canary)):
        return plan
    lines = after(facts, Phase.FAILED)
    if isinstance(lines, Plan):
        return lines
    failed = replace(at, phase=Phase.FAILED, weight=0, failed_checks=0)
    return Plan("rolled back", announce=lines, progress=failed)


def promote(facts: Facts, now: datetime) -> Plan | None:
    """Make what was measured primary, and take its traffic away only when the primary is ready."""
    if not in_phase(facts, Phase.PROMOTING):
        return None
    at = facts.progress
    assert facts.primary is not None, "held before"
    if not facts.copied:
        # `start_over` has made sure that the target is still what was measured.
        return route(facts) or Plan("promoting", actions=(Copy(trial_of(at.applied, at.tracked)),))
    if plan := route(facts):
        return plan
    if facts.primary.hopeless:
        return promotion_failed(facts)
    if not facts.primary.ready:
        return waiting_for("promoted primary", facts.primary)  # the canary keeps serving
    if facts.autoscaler is not None:
        return Plan("the primary's autoscaler follows the target's", actions=(Ensure(facts.autoscaler),))
    return give_back(facts, now)


def promotion_failed(facts: Facts) -> Plan:
    """The new primary is broken and the canary works: all traffic to the canary, which is kept."""
    assert facts.primary is not None, "held before"
    why = messages.primary_not_ready(facts.names.primary, facts.primary.because)
    if not facts.canary_can_serve:
        return Plan("neither side is ready", announce=(why,))
    line = messages.promotion_failed(facts.names.target, why.message)
    failed = replace(facts.progress, phase=Phase.FAILED, weight=100, failed_checks=0)
    return Plan(line.message, announce=(why, line), progress=failed)


def give_back(facts: Facts, now: datetime) -> Plan:
    """Return the traffic, at once or in steps."""
    at, step = facts.progress, facts.spec.promotion_step
    if step and at.weight and facts.canary_can_serve:
        if due := not_before(at, facts.spec.interval, now):
            return Plan(f"holding at {100 - at.weight} % on the primary", look_again_at=due)
        weight = max(0, at.weight - step)
        phase = Phase.PROMOTING if weight else Phase.FINALISING
        line = messages.advance_primary(facts.names.canary, 100 - weight)
        return Plan("giving traffic back", announce=(line,), progress=replace(at, phase=phase, weight=weight))
    lines = () if facts.spec.skip_analysis else (messages.routing_to_primary(),)
    return Plan("the primary is ready", announce=lines, progress=replace(at, phase=Phase.FINALISING, weight=0))


def finalise(facts: Facts, now: datetime) -> Plan | None:
    """All traffic is on the primary: the target's Pods are not needed any more."""
    if not in_phase(facts, Phase.FINALISING):
        return None
    at = facts.progress
    if plan := traffic_back(facts) or scale_down(facts, now, "scaling the target down"):
        return plan
    lines = after(facts, Phase.SUCCEEDED)
    if isinstance(lines, Plan):
        return lines
    end = messages.promoted_unmeasured if facts.spec.skip_analysis else messages.promoted
    done = replace(at, phase=Phase.SUCCEEDED, promoted=at.applied, weight=0, failed_checks=0)
    return Plan("promoted", announce=(*lines, end(facts.names.target)), progress=done)


def traffic_back(facts: Facts) -> Plan | None:
    """Let the primary have all traffic; None when it has."""
    if plan := route(facts):
        return plan
    return Plan("waiting for the primary to serve before the traffic goes back") if facts.weight else None


def after(facts: Facts, phase: Phase) -> Plan | tuple[Line, ...]:
    """Ask the post-rollout hooks; return what they said once all have answered. None of them can change the end."""
    lines: list[Line] = []
    for index, hook in enumerate(facts.spec.hooks):
        if hook.type is not HookType.POST_ROLLOUT:
            continue
        asked = question(facts.progress, HOOK, index, hook.name)
        answer = facts.answers.get(asked)
        if answer is None:
            return ask(facts, [asked], phase, ())
        if answer.outcome is not Outcome.YES:
            return (*lines, messages.post_rollout_failed(hook.name, answer.text))  # the rest is not asked
        lines.append(messages.post_rollout_passed(hook.name))
    return tuple(lines)
