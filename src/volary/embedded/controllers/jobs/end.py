"""Whether a Job has come to its end, and why. Pure; the rules are asked in order and the first that answers wins.

    Failed      FailureTarget ── its pods end, all are counted ── Failed
    Complete    SuccessCriteriaMet ── the same ── Complete

What was decided once stays decided, so the two old conditions are asked first.
Source: Kubernetes Job controller (`syncJob`), KEP-3329, KEP-3850, KEP-3998.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from volary.embedded.api.local import Object
from volary.embedded.controllers.jobs.look import Look, has_failed, suspended
from volary.embedded.controllers.jobs.policy import enough_success, judge_failure
from volary.embedded.controllers.objects import parse_time, status_of

FAILURE_TARGET, FAILED = "FailureTarget", "Failed"
SUCCESS_MET, COMPLETE = "SuccessCriteriaMet", "Complete"


@dataclass(frozen=True, slots=True)
class End:
    """Why a Job is over."""

    kind: str  # FailureTarget or SuccessCriteriaMet
    reason: str
    message: str

    @property
    def good(self) -> bool:
        return self.kind == SUCCESS_MET

    @property
    def last(self) -> str:
        """Return the condition that says that all is done."""
        return COMPLETE if self.good else FAILED


def reached() -> End:
    return End(SUCCESS_MET, "CompletionsReached", "Reached expected number of succeeded pods")


def find_end(look: Look) -> End | None:
    """Return why the Job is over before its completions are counted, None if it goes on."""
    for rule in RULES:
        if end := rule(look):
            return end
    return None


def decided(look: Look) -> End | None:
    for kind in (SUCCESS_MET, FAILURE_TARGET):
        if found := look.condition(kind):
            return End(kind, str(found.get("reason") or ""), str(found.get("message") or ""))
    return None


def policy_fails(look: Look) -> End | None:
    for pod in look.pods:
        if has_failed(pod, look.job) and (message := judge_failure(look.job, pod).message):
            return End(FAILURE_TARGET, "PodFailurePolicy", message)
    return None


def too_many_failures(look: Look) -> End | None:
    limit = int(look.spec.get("backoffLimit", 6))
    if look.failed > limit or _too_many_restarts(look, limit):
        return End(FAILURE_TARGET, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    return None


def _too_many_restarts(look: Look, limit: int) -> bool:
    """Count the restarts inside of pods that live on, where failed containers are started again."""
    if look.spec["template"]["spec"].get("restartPolicy") != "OnFailure":
        return False
    living = [pod for pod in look.pods if status_of(pod).get("phase") in ("Running", "Pending")]
    restarts = sum(_restarts(pod) for pod in living)
    return restarts > 0 if limit == 0 else restarts >= limit


def _restarts(pod: Object) -> int:
    status = status_of(pod)
    containers = (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ()))
    return sum(int(each.get("restartCount") or 0) for each in containers)


def too_late(look: Look) -> End | None:
    left = seconds_left(look)
    if left is not None and left <= 0:
        return End(FAILURE_TARGET, "DeadlineExceeded", "Job was active longer than specified deadline")
    return None


def seconds_left(look: Look) -> float | None:
    """Return the time until `activeDeadlineSeconds`, None if it does not run."""
    limit, start = look.spec.get("activeDeadlineSeconds"), status_of(look.job).get("startTime")
    if limit is None or start is None or suspended(look.job):
        return None
    return (parse_time(start) + timedelta(seconds=int(limit)) - look.now).total_seconds()


def indexes_fail(look: Look) -> End | None:
    if look.failed_indexes is None:
        return None
    failed, most = len(look.failed_indexes), look.spec.get("maxFailedIndexes")
    if most is not None and failed > int(most):
        text = "Job has exceeded the specified maximal number of failed indexes"
        return End(FAILURE_TARGET, "MaxFailedIndexesExceeded", text)
    if failed and failed + len(look.done) >= (look.completions or 0):
        return End(FAILURE_TARGET, "FailedIndexes", "Job has failed indexes")
    return None


def success_is_enough(look: Look) -> End | None:
    message = enough_success(look.job, look.done) if look.spec.get("successPolicy") else ""
    return End(SUCCESS_MET, "SuccessPolicy", message) if message else None


RULES: tuple[Callable[[Look], End | None], ...] = (
    decided,
    policy_fails,
    too_many_failures,
    too_late,
    indexes_fail,
    success_is_enough,
)
