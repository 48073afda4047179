"""What people read: the texts of Events and alerts, Flagger's word for word, because tools and people match them.

`canary` and `target` are NAME.NAMESPACE. Anything that differs from Flagger's is marked so.
Source: Flagger 1.44, the events of its controller.
"""

from __future__ import annotations

from datetime import timedelta

from volary.canary.durations import go_duration, go_float
from volary.runtime.events import NORMAL, WARNING, Line


def normal(text: str) -> Line:
    return Line(text, NORMAL)


def warning(text: str) -> Line:
    return Line(text, WARNING)


def suspended() -> Line:
    return normal("skipping canary run as object is suspended")


def initialized(canary: str) -> Line:
    return normal(f"Initialization done! {canary}")


def new_revision(target: str) -> Line:
    return normal(f"New revision detected! Scaling up {target}")


def restarting(target: str) -> Line:
    return normal(f"New revision detected! Restarting analysis for {target}")


def starting(target: str) -> Line:
    return normal(f"Starting canary analysis for {target}")


def pre_rollout_passed(hook: str) -> Line:
    return normal(f"Pre-rollout check {hook} passed")


def post_rollout_passed(hook: str) -> Line:
    return normal(f"Post-rollout check {hook} passed")


def advance(canary: str, weight: int) -> Line:
    return normal(f"Advance {canary} canary weight {weight}")


def advance_primary(canary: str, weight: int) -> Line:
    return normal(f"Advance {canary} primary weight {weight}")


def copying(target: str, primary: str) -> Line:
    return normal(f"Copying {target} template spec to {primary}")


def routing_to_primary() -> Line:
    return normal("Routing all traffic to primary")


def promoted(target: str) -> Line:
    return normal(f"Promotion completed! Scaling down {target}")


def promoted_unmeasured(target: str) -> Line:
    return normal(f"Promotion completed! Canary analysis was skipped for {target}")


def put_back(target: str) -> Line:
    """Ours: Flagger would go on and promote the old revision over itself."""
    return normal(f"Target put back to the promoted revision! Ending analysis and scaling down {target}")


def pre_rollout_failed(canary: str, hook: str, why: str) -> Line:
    return warning(f"Halt {canary} advancement pre-rollout check {hook} failed {why}")


def rollout_failed(canary: str, hook: str, why: str) -> Line:
    return warning(f"Halt {canary} advancement external check {hook} failed {why}")


def post_rollout_failed(hook: str, why: str) -> Line:
    return warning(f"Post-rollout hook {hook} failed {why}")


def threshold_reached(canary: str, failed_checks: int) -> Line:
    return warning(f"Rolling back {canary} failed checks threshold reached {failed_checks}")


def deadline_exceeded(canary: str, why: str) -> Line:
    return warning(f"Rolling back {canary} progress deadline exceeded {why}")


def failed(canary: str) -> Line:
    return warning(f"Canary failed! Scaling down {canary}")


def promotion_failed(target: str, why: str) -> Line:
    return warning(f"Promotion of {target} failed, primary not ready: {why}")


def no_success_rate(target: str) -> Line:
    return warning(
        f"Halt advancement no values found for istio metric request-success-rate probably {target} is not receiving "
        "traffic: running query failed: no values found"
    )


def no_duration(target: str) -> Line:
    return warning(
        f"Halt advancement no values found for istio metric request-duration probably {target} is not receiving traffic"
    )


def no_values(metric: str) -> Line:
    return warning(f"Halt advancement no values found for metric: {metric}")


def success_rate(canary: str, value: float, low: float | None, high: float | None) -> Line:
    return warning(f"Halt {canary} advancement success rate {value:.2f}% {bound(value, low, high, '%')}")


def request_duration(canary: str, value: timedelta, low: timedelta | None, high: timedelta | None) -> Line:
    text = f"< {go_duration(low)}" if low is not None and value < low else f"> {go_duration(high or timedelta())}"
    return warning(f"Halt {canary} advancement request duration {go_duration(value)} {text}")


def metric_breached(canary: str, metric: str, value: float, low: float | None, high: float | None) -> Line:
    return warning(f"Halt {canary} advancement {metric} {value:.2f} {bound(value, low, high, '')}")


def bound(value: float, low: float | None, high: float | None, unit: str) -> str:
    """Return the limit that was broken."""
    if low is not None and value < low:
        return f"< {go_float(low)}{unit}"
    return f"> {go_float(high or 0.0)}{unit}"


def cannot_measure(metric: str, why: str) -> Line:
    """The prefix is Flagger's; unlike there, such a check holds and does not count as failed."""
    if metric in ("request-success-rate", "request-duration"):
        return warning(f"Prometheus query failed: {why}")
    return warning(f"Prometheus query failed for {metric}: {why}")


def target_missing(target: str) -> Line:
    return warning(f"deployment {target} get query error: not found; apply it again, or delete the Canary")


def target_not_ready(target: str, why: str) -> Line:
    return warning(f"canary deployment {target} not ready: {why}")


def primary_not_ready(primary: str, why: str) -> Line:
    return warning(f"{primary} not ready: {why}")


def primary_missing(primary: str, target: str) -> Line:
    """Ours: a revision that was not measured is never made primary, not even when there is none."""
    return warning(
        f"deployment {primary} get query error: not found; it is made again once {target} is back at the promoted "
        "revision, or with spec.skipAnalysis"
    )


def config_missing(kind: str, config: str) -> Line:
    return warning(f"GetTargetConfigs failed: {kind} {config} get query error: not found")


def autoscaler_missing(autoscaler: str) -> Line:
    return warning(f"HorizontalPodAutoscaler {autoscaler} get query error: not found")


def ignored(sentence: str) -> Line:
    """Ours: Flagger says nothing."""
    return warning(sentence)


def repaired(what: str, by: str) -> Line:
    """Ours: Flagger repairs in silence, and leaves weights."""
    return warning(f"{what} was changed by somebody else; put back to {by}")
