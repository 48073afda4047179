"""The pods of Jobs: how they are made, which of them go when there are too many, and their finalizer.

Source: Kubernetes Job controller (`manageJob`, `indexed_job_utils.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from volary.embedded.api.encoding import copy_of
from volary.embedded.api.errors import Problem
from volary.embedded.api.local import Local, NewObject, Object
from volary.embedded.controllers.jobs.indexes import (
    FAILURES,
    IGNORED_FAILURES,
    all_failures_of,
    failures_of,
    give_index,
    index_of,
    index_within,
    indexed,
)
from volary.embedded.controllers.jobs.look import TRACKING, Look, over, tracked
from volary.embedded.controllers.jobs.policy import judge_failure
from volary.embedded.controllers.objects import (
    controller_of,
    edited,
    key_of,
    meta,
    name_of,
    namespace_of,
    owner_ref,
    spec_of,
    uid_of,
)
from volary.embedded.controllers.rollouts.replicaset import cheapest_first
from volary.embedded.controllers.world import MANAGER, Line, World

JOBS, PODS = "batch/jobs", "/pods"
COMPONENT = "job-controller"


class JobPods:
    """Makes and ends pods on behalf of Jobs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.local: Local = world.local

    def create(self, look: Look, index: int | None = None) -> None:
        """Create one pod. Raises: Problem."""
        pod = new_pod(look.job)
        if index is not None:
            give_index(pod, look.job, index)
            if look.per_index:
                pod["metadata"]["annotations"] |= failure_counts(look.job, look.to_replace.get(index))
        try:
            made = self.local.create(PODS, pod, MANAGER)
        except Problem as problem:
            self.say(look.job, Line("FailedCreate", f"Error creating: {problem}", "Warning"))
            raise
        self.say(look.job, Line("SuccessfulCreate", f"Created pod: {name_of(made)}"))

    def delete(self, job: Object, pods: Iterable[Object], uncounted: bool) -> None:
        """Delete pods; `uncounted`: nobody failed, so they go without their finalizer."""
        for pod in pods:
            if uncounted:
                self.release(pod)
            self.local.delete(PODS, *key_of(pod), uid=uid_of(pod))
            self.say(job, Line("SuccessfulDelete", f"Deleted pod: {name_of(pod)}"))

    def release(self, pod: Object) -> None:
        """Take the tracking finalizer off a pod, as it is now."""
        now = self.local.get(PODS, *key_of(pod))
        if now is None or uid_of(now) != uid_of(pod) or not tracked(now):
            return
        changed = edited(now)
        left = [each for each in meta(now)["finalizers"] if each != TRACKING]
        changed["metadata"]["finalizers"] = left
        self.local.update(PODS, changed, MANAGER)

    def release_orphans(self, namespace: str) -> None:
        """Take the finalizer off pods of Jobs that are gone or over, and off those that nobody owns any more."""
        for pod in self.local.items(PODS, namespace):
            if tracked(pod) and self._is_orphan(pod):
                self.release(pod)

    def _is_orphan(self, pod: Object) -> bool:
        ref = controller_of(pod)
        if ref is None:
            return True
        if ref["kind"] != "Job" or ref["apiVersion"] != "batch/v1":
            return False
        job = self.local.get(JOBS, namespace_of(pod), ref["name"])
        return job is None or uid_of(job) != ref["uid"] or over(job)

    def say(self, job: Object, line: Line) -> None:
        self.world.event(job, line, COMPONENT)


def new_pod(job: Object) -> NewObject:
    """Return a pod of a Job's template; the API gives it its name."""
    template = spec_of(job)["template"]
    metadata: NewObject = copy_of(dict(template.get("metadata") or {}))
    metadata.pop("creationTimestamp", None)
    metadata["generateName"] = f"{name_of(job)}-"
    metadata["namespace"] = namespace_of(job)
    metadata["ownerReferences"] = [owner_ref(job)]
    metadata["finalizers"] = [*dict.fromkeys([*(metadata.get("finalizers") or ()), TRACKING])]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copy_of(dict(template["spec"]))}


def failure_counts(job: Object, before: Object | None) -> dict[str, str]:
    """Return the annotations that tell a new pod how often its index has failed; `before`: the pod it replaces."""
    if before is None:
        return {FAILURES: "0"}
    counts = judge_failure(job, before).counts
    ignored = all_failures_of(before) - failures_of(before) + (not counts)
    found = {FAILURES: str(failures_of(before) + counts)}
    return {**found, IGNORED_FAILURES: str(ignored)} if ignored else found


def too_many(job: Object, pods: Sequence[Object], count: int) -> list[Object]:
    """Return the pods to delete: all that share or have lost their index, then the cheapest, `count` at least."""
    going: list[Object] = []
    staying = list(pods)
    if indexed(job):
        staying = []
        for group in _by_index(job, pods).values():
            kept = group[-1:] if index_within(group[0], job) is not None else []
            going += group[: len(group) - len(kept)]
            staying += kept
    cheapest = sorted(staying, key=cheapest_first)
    return going + cheapest[: max(0, count - len(going))]


def _by_index(job: Object, pods: Sequence[Object]) -> dict[int, list[Object]]:
    groups: dict[int, list[Object]] = {}
    for pod in sorted(pods, key=cheapest_first):
        index = index_of(pod)
        groups.setdefault(-1 if index is None else index, []).append(pod)
    return dict(sorted(groups.items()))
