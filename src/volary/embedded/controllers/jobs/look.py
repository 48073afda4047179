"""What one look at a Job and its pods shows: who runs, who has ended and not been counted, which indexes are done.

Pure. A pod counts once: while it has the tracking finalizer it is news, in `uncountedTerminatedPods` it is about to be
counted, without the finalizer it has been.
Source: Kubernetes Job controller (`job_controller.go`), KEP-2307 (tracking with finalizers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from volary.embedded.api.local import Object
from volary.embedded.controllers.jobs.backoff import finish_time
from volary.embedded.controllers.jobs.indexes import (
    all_failures_of,
    failures_of,
    index_of,
    index_within,
    indexed,
    read_indexes,
)
from volary.embedded.controllers.jobs.policy import judge_failure
from volary.embedded.controllers.objects import active, condition, deleting, meta, spec_of, status_of, true, uid_of

TRACKING = "batch.kubernetes.io/job-tracking"


def tracked(pod: Object) -> bool:
    return TRACKING in (meta(pod).get("finalizers") or ())


def suspended(job: Object) -> bool:
    return bool(spec_of(job).get("suspend"))


def over(job: Object) -> bool:
    """Has the Job its last condition?"""
    return true(job, "Complete") or true(job, "Failed")


def replaces_only_failed(job: Object) -> bool:
    """Does a new pod wait until the one before has really ended?"""
    return bool(spec_of(job).get("podReplacementPolicy") == "Failed")


def has_failed(pod: Object, job: Object) -> bool:
    """Is the pod a failure? One that is deleted is one too, unless its end is to be awaited."""
    phase = status_of(pod).get("phase")
    if phase == "Failed":
        return True
    return not replaces_only_failed(job) and deleting(pod) and phase != "Succeeded"


@dataclass
class Look:
    """One moment of a Job. Everything here is read, nothing changes."""

    job: Object
    pods: Sequence[Object]  # all that belong to it, also those that have ended
    now: datetime

    @cached_property
    def spec(self) -> Any:
        return spec_of(self.job)

    @cached_property
    def completions(self) -> int | None:
        value = self.spec.get("completions")
        return None if value is None else int(value)

    @cached_property
    def active(self) -> list[Object]:
        return active(self.pods)

    @cached_property
    def terminating(self) -> list[Object]:
        return [
            pod for pod in self.pods if deleting(pod) and status_of(pod).get("phase") not in ("Succeeded", "Failed")
        ]

    @cached_property
    def uncounted(self) -> dict[str, frozenset[str]]:
        lists = status_of(self.job).get("uncountedTerminatedPods") or {}
        return {kind: frozenset(lists.get(kind) or ()) for kind in ("succeeded", "failed")}

    @cached_property
    def new_succeeded(self) -> list[Object]:
        known = self.uncounted["succeeded"]
        return [pod for pod in self._news(known) if status_of(pod).get("phase") == "Succeeded"]

    @cached_property
    def new_failed(self) -> list[Object]:
        return [pod for pod in self._news(self.uncounted["failed"]) if has_failed(pod, self.job)]

    def _news(self, known: frozenset[str]) -> list[Object]:
        pods = [pod for pod in self.pods if tracked(pod) and uid_of(pod) not in known]
        if indexed(self.job):
            return [pod for pod in pods if index_within(pod, self.job) is not None]
        return pods

    @cached_property
    def succeeded(self) -> int:
        """Return how many have succeeded, counted or not."""
        if indexed(self.job):
            return len(self.done)
        before = int(status_of(self.job).get("succeeded") or 0)
        return before + len(self.new_succeeded) + len(self.uncounted["succeeded"])

    @cached_property
    def failed(self) -> int:
        """Return how many have failed, counted or not; a failure policy may leave some out."""
        before = int(status_of(self.job).get("failed") or 0)
        new = [pod for pod in self.new_failed if judge_failure(self.job, pod).counts]
        return before + len(new) + len(self.uncounted["failed"])

    @cached_property
    def done_before(self) -> frozenset[int]:
        return read_indexes(str(status_of(self.job).get("completedIndexes") or ""), self.completions or 0)

    @cached_property
    def done(self) -> frozenset[int]:
        ended = [pod for pod in self.pods if tracked(pod) and status_of(pod).get("phase") == "Succeeded"]
        new = [index_within(pod, self.job) for pod in ended]
        return self.done_before | {index for index in new if index is not None}

    @cached_property
    def per_index(self) -> bool:
        """Does each index have a limit of failures of its own?"""
        return indexed(self.job) and self.spec.get("backoffLimitPerIndex") is not None

    @cached_property
    def failed_indexes(self) -> frozenset[int] | None:
        """Return the indexes that are given up; None where no index ever is."""
        if not self.per_index:
            return None
        before = read_indexes(str(status_of(self.job).get("failedIndexes") or ""), self.completions or 0)
        new = [index_within(pod, self.job) for pod in self.pods if tracked(pod) and self._gives_up(pod)]
        return before | {index for index in new if index is not None}

    def _gives_up(self, pod: Object) -> bool:
        if not has_failed(pod, self.job):
            return False
        ruling = judge_failure(self.job, pod)
        enough = failures_of(pod) >= int(self.spec["backoffLimitPerIndex"])
        return ruling.action == "FailIndex" or (ruling.counts and enough)

    @cached_property
    def to_replace(self) -> dict[int, Object]:
        """Return the failed pod of each index that gets another try; it is counted when the next one is there."""
        taken = self.done | (self.failed_indexes or frozenset()) | indexes_of(self.active)
        found: dict[int, Object] = {}
        for pod in self._news(frozenset()) if self.per_index else ():
            index = index_within(pod, self.job)
            if index is None or index in taken or not has_failed(pod, self.job):
                continue
            if index not in found or _last(found[index]) <= _last(pod):
                found[index] = pod
        return found

    def condition(self, kind: str) -> Object | None:
        """Return a condition that is true, or None."""
        found = condition(self.job, kind)
        return found if found is not None and found["status"] == "True" else None


def indexes_of(pods: Sequence[Object]) -> frozenset[int]:
    return frozenset(index for index in map(index_of, pods) if index is not None)


def _last(pod: Object) -> tuple[int, datetime]:
    return all_failures_of(pod), finish_time(pod)
