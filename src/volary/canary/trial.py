"""The way up: make the revision on trial able to serve, then give it traffic step by step under measurement."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from volary.canary import messages
from volary.canary.checks import hooks_then, measure
from volary.canary.facts import Facts
from volary.canary.hashes import is_ours
from volary.canary.phases import RUNNING
from volary.canary.plan import Plan, Scale
from volary.canary.rules import in_phase, not_before, route, scale_down, waiting_for
from volary.canary.spec import HookType, Phase
from volary.canary.weighted import next_weight


def take_over(facts: Facts, now: datetime) -> Plan | None:
    """Go on with a run that Flagger began: call its revision by our name, if it is still the target's."""
    at = facts.progress
    if at.phase is Phase.WAITING_PROMOTION:
        return Plan("going on with Flagger's run", progress=replace(at, phase=Phase.PROGRESSING, weight=0))
    if at.phase not in RUNNING or is_ours(at.applied) or not at.applied:
        return None
    # After the copy the primary shows what was on trial; before it only the ReplicaSet's hash can.
    known = facts.pod_hash == at.applied or (facts.same and at.phase is not Phase.PROGRESSING)
    if not known and at.phase is not Phase.FINALISING:
        return None  # put back, or another revision: the rules below know what to do
    revision, tracked = (facts.revision, facts.tracked) if known else ("", ())
    return Plan("going on with Flagger's run", progress=replace(at, applied=revision, tracked=tracked))


def end_when_put_back(facts: Facts, now: datetime) -> Plan | None:
    """The target is again what the primary runs: end the run at once."""
    at = facts.progress
    running = at.phase is Phase.PROGRESSING or (at.phase is Phase.PROMOTING and not facts.copied)
    if not (running and facts.same):
        return None
    if at.weight:
        return Plan("the target was put back", progress=replace(at, weight=0))
    if plan := route(facts) or scale_down(facts, now, "the target was put back: scaling it down"):
        return plan
    ended = replace(
        at,
        phase=Phase.INITIALIZED,
        applied=facts.revision,
        promoted=facts.revision,
        tracked=facts.tracked,
        failed_checks=0,
    )
    return Plan("ended: the target was put back", announce=(messages.put_back(facts.names.target),), progress=ended)


def start_over(facts: Facts, now: datetime) -> Plan | None:
    """Another revision in mid-run starts from the first step; after the copy it waits until this run has ended.

    So a revision that was pushed between the last check and the promotion is never promoted unmeasured.
    """
    at = facts.progress
    running = at.phase is Phase.PROGRESSING or (at.phase is Phase.PROMOTING and not facts.copied)
    if not running or facts.on_trial:
        return None
    fresh = replace(
        at,
        phase=Phase.PROGRESSING,
        applied=facts.revision,
        tracked=facts.tracked,
        weight=0,
        failed_checks=0,
    )
    return Plan("another revision", announce=(messages.restarting(facts.names.target),), progress=fresh)


def climb(facts: Facts, now: datetime) -> Plan | None:
    """Go one step further as soon as everything allows it."""
    if not in_phase(facts, Phase.PROGRESSING):
        return None
    at = facts.progress
    return able_to_serve(facts) or skip(facts) or (raise_weight(facts, now) if at.weight else first_weight(facts, now))


def able_to_serve(facts: Facts) -> Plan | None:
    """Hold until both sides are ready and the route is as the status says."""
    assert facts.target is not None, "held before"
    assert facts.primary is not None, "held before"
    if plan := route(facts):
        return plan
    if not facts.target.replicas:
        return Plan(f"scaling the target up to {facts.scale_to}", actions=(Scale(facts.scale_to),))
    if not facts.target.ready:
        return waiting_for("canary", facts.target)
    # A primary that is broken for good, but serves, can only be mended by a promotion: it does not stop a run.
    if not facts.primary.ready and not (facts.primary.hopeless and facts.primary.serving):
        return waiting_for("primary", facts.primary)
    if (facts.weight or 0) != facts.progress.weight:
        return Plan("waiting for the primary to serve")
    return None


def skip(facts: Facts) -> Plan | None:
    return to_promotion(facts, weight=0) if facts.spec.skip_analysis else None


def first_weight(facts: Facts, now: datetime) -> Plan | None:
    """The first step waits for its pre-rollout hooks and for nothing else."""
    at = facts.progress
    if at.failed_checks and (due := not_before(at, facts.spec.interval, now)):
        return Plan("holding before the first step", look_again_at=due)
    begin = (messages.starting(facts.names.target),)
    if plan := hooks_then(facts, HookType.PRE_ROLLOUT, begin, now):
        return plan
    passed = tuple(messages.pre_rollout_passed(hook.name) for hook in facts.spec.hooks_of(HookType.PRE_ROLLOUT))
    weight = facts.spec.weights[0]
    lines = (*begin, *passed, messages.advance(facts.names.canary, weight))
    return Plan("first step", announce=lines, progress=replace(at, weight=weight))


def raise_weight(facts: Facts, now: datetime) -> Plan | None:
    """A later step waits its interval and then for its hooks and metrics."""
    at = facts.progress
    if due := not_before(at, facts.spec.interval, now):
        return Plan(f"holding at {at.weight} %", look_again_at=due)
    if plan := hooks_then(facts, HookType.ROLLOUT, (), now) or measure(facts, now):
        return plan
    weight = next_weight(facts.spec.weights, at.weight)
    if weight is None:
        return to_promotion(facts, at.weight)
    line = messages.advance(facts.names.canary, weight)
    return Plan("step passed", announce=(line,), progress=replace(at, weight=weight))


def to_promotion(facts: Facts, weight: int) -> Plan:
    line = messages.copying(facts.names.target, facts.names.primary)
    promoting = replace(facts.progress, phase=Phase.PROMOTING, weight=weight)
    return Plan("all steps passed", announce=(line,), progress=promoting)
