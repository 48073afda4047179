"""Hooks and metrics of one step: ask, wait, and judge in the user's order; the first that fails ends the step.

Measuring failed is not "the metric is bad": it holds, with a Warning, and is asked again after one interval.
An empty result counts as failed, as with Flagger: no traffic is not "all is well".
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from volary.canary import messages
from volary.canary.facts import Answer, Facts, Outcome
from volary.canary.plan import HOOK, METRIC, Ask, Plan, Question
from volary.canary.rules import question
from volary.canary.spec import Hook, HookType, Metric, Phase
from volary.runtime.events import Line

SUCCESS_RATE = "request-success-rate"
DURATION = "request-duration"


def hooks_then(facts: Facts, kind: HookType, begin: tuple[Line, ...], now: datetime) -> Plan | None:
    """Ask the hooks of one type one after the other; None when all agreed. `begin` is said before the first."""
    for index, hook in enumerate(facts.spec.hooks):
        if hook.type is not kind:
            continue
        asked = question(facts.progress, HOOK, index, hook.name)
        answer = facts.answers.get(asked)
        if answer is None:
            return ask(facts, [asked], Phase.PROGRESSING, begin)
        if answer.outcome is not Outcome.YES:
            return halt(facts, hook_line(facts, hook, answer.text))
    return None


def hook_line(facts: Facts, hook: Hook, why: str) -> Line:
    if hook.type is HookType.PRE_ROLLOUT:
        return messages.pre_rollout_failed(facts.names.canary, hook.name, why)
    return messages.rollout_failed(facts.names.canary, hook.name, why)


def measure(facts: Facts, now: datetime) -> Plan | None:
    """Ask all metrics, and judge them in order; None when all are good."""
    at, spec = facts.progress, facts.spec
    asked = [question(at, METRIC, index, metric.name) for index, metric in enumerate(spec.metrics)]
    missing = [one for one in asked if one not in facts.answers]
    if missing:
        return ask(facts, missing, Phase.PROGRESSING, ())
    for one, metric in zip(asked, spec.metrics, strict=True):
        answer = facts.answers[one]
        if answer.outcome is Outcome.UNKNOWN:
            return unmeasured(facts, metric, one, answer, now)
        line = breach(facts, metric, answer)
        if line is not None:
            return halt(facts, line)
    return None


def ask(facts: Facts, asked: list[Question], phase: Phase, begin: tuple[Line, ...]) -> Plan:
    open_questions = [one for one in asked if one not in facts.asked]
    if not open_questions:
        return Plan(f"waiting for {asked[0].kind} {asked[0].name}")
    return Plan(
        f"asking {open_questions[0].kind} {open_questions[0].name}",
        announce=begin,
        actions=tuple(Ask(one, phase) for one in open_questions),
    )


def halt(facts: Facts, line: Line) -> Plan:
    """Return the plan that counts a failed check; the step begins anew."""
    at = facts.progress
    return Plan(line.message, halted=(line,), progress=replace(at, failed_checks=at.failed_checks + 1))


def unmeasured(facts: Facts, metric: Metric, asked: Question, answer: Answer, now: datetime) -> Plan:
    again = answer.at + facts.spec.interval
    if now >= again:
        return ask(facts, [asked], Phase.PROGRESSING, ())
    line = messages.cannot_measure(metric.name, answer.text)
    return Plan(line.message, announce=(line,), look_again_at=again)


def breach(facts: Facts, metric: Metric, answer: Answer) -> Line | None:
    """Return the line for a measurement out of its limits, or for none at all; None for a good one."""
    names = facts.names
    if answer.outcome is Outcome.EMPTY:
        return no_value(facts, metric)
    if metric.name == DURATION and not metric.query:
        return slow(facts, metric, answer.value)
    too_low = metric.low is not None and answer.value < metric.low
    too_high = metric.high is not None and answer.value > metric.high
    if not too_low and not too_high:
        return None
    if metric.name == SUCCESS_RATE and not metric.query:
        return messages.success_rate(names.canary, answer.value, metric.low, metric.high)
    return messages.metric_breached(names.canary, metric.name, answer.value, metric.low, metric.high)


def no_value(facts: Facts, metric: Metric) -> Line:
    if metric.query:
        return messages.no_values(metric.name)
    if metric.name == SUCCESS_RATE:
        return messages.no_success_rate(facts.names.target)
    return messages.no_duration(facts.names.target)


def slow(facts: Facts, metric: Metric, value: float) -> Line | None:
    """Durations and their limits are cut to whole milliseconds before they are compared."""
    took = timedelta(milliseconds=int(value))
    low = None if metric.low is None else timedelta(milliseconds=int(metric.low))
    high = None if metric.high is None else timedelta(milliseconds=int(metric.high))
    if (low is not None and took < low) or (high is not None and took > high):
        return messages.request_duration(facts.names.canary, took, low, high)
    return None
