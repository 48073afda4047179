"""Deployments: one ReplicaSet for each template, and the steps from the old ones to the new.

A pass makes every write that is allowed now; the ReplicaSets' own status brings the next pass.
Source: Kubernetes Deployment controller (`deployment_controller.go`, `sync.go`, `rolling.go`, `recreate.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from volary.embedded.api.errors import Problem
from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.claim import claim
from volary.embedded.controllers.manager import CONFLICT, Key
from volary.embedded.controllers.objects import (
    annotations_of,
    condition,
    controller_of,
    deleting,
    edited,
    finished,
    key_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from volary.embedded.controllers.rollouts import deployment_status as judge
from volary.embedded.controllers.rollouts.numbers import bounds, by_age, new_size, share_out, shrink_old, size_of
from volary.embedded.controllers.rollouts.replica_sets import REVISION, ReplicaSets, revision_of, wanted
from volary.embedded.controllers.rollouts.template_hash import same_template
from volary.embedded.controllers.world import MANAGER, World

DEPLOYMENTS, REPLICA_SETS, PODS = "apps/deployments", "apps/replicasets", "/pods"


class Deployments:
    """The reconciler of Deployments."""

    name = "deployment"
    sources = (DEPLOYMENTS,)

    def __init__(self, world: World) -> None:
        self.world = world
        self.local = world.local
        self.replica_sets = ReplicaSets(world)

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == DEPLOYMENTS and new is not None:
            yield key_of(new)
        elif resource == REPLICA_SETS:
            yield from _owner_keys(old, new)
        elif resource == PODS and new is None and old is not None:
            yield from self._grandparent(old)  # Recreate waits until the last old pod is gone

    def _grandparent(self, pod: Object) -> Iterable[Key]:
        ref = controller_of(pod)
        if ref is not None and ref["kind"] == "ReplicaSet":
            parent = self.local.get(REPLICA_SETS, namespace_of(pod), ref["name"])
            yield from _owner_keys(parent)

    def reconcile(self, key: Key) -> float | None:
        deployment = self.local.get(DEPLOYMENTS, *key)
        if deployment is None or deleting(deployment):
            return None
        deployment = self._note_pause(deployment)
        sets = claim(self.local, deployment, REPLICA_SETS)
        paused = bool(spec_of(deployment).get("paused"))
        frozen = paused or _rescaled(deployment, sets)
        failure = ""
        try:
            if frozen:
                self._rescale(deployment, sets)
            else:
                self._roll(deployment, sets)
        except Problem as problem:
            if problem.code == CONFLICT:
                raise
            failure = str(problem)
        return self._finish(key, failure, judge_progress=not frozen)

    def _finish(self, key: Key, failure: str, judge_progress: bool) -> float | None:
        """Write what is true after this pass: history, the revision, the status."""
        deployment = self.local.get(DEPLOYMENTS, *key)
        if deployment is None:
            return None
        sets = claim(self.local, deployment, REPLICA_SETS)
        new = find_new(deployment, sets)
        if new is not None and annotations_of(deployment).get(REVISION) != str(revision_of(new)):
            deployment = self._annotate(deployment, str(revision_of(new)))
        now = self.world.now()
        rollout = judge.Rollout(deployment, new, sets, failure)
        status = judge.status_now(rollout, now, judge_progress)
        if status != status_of(deployment):
            self.local.update_status(DEPLOYMENTS, {**deployment, "status": status}, MANAGER)
        if judge.complete(deployment, status) or spec_of(deployment).get("paused"):
            self._forget_history(deployment, new, sets)
        return judge.seconds_to_deadline(deployment, status, now)

    def _annotate(self, deployment: Object, revision: str) -> Object:
        changed = edited(deployment)
        changed["metadata"].setdefault("annotations", {})[REVISION] = revision
        return self.local.update_status(DEPLOYMENTS, changed, MANAGER)  # by the way that raises no generation

    def _note_pause(self, deployment: Object) -> Object:
        """Say in the Progressing condition that a rollout was paused or resumed; the deadline starts anew then."""
        last = condition(deployment, "Progressing") or {}
        if judge.deadline(deployment) is None or last.get("reason") == "ProgressDeadlineExceeded":
            return deployment
        paused, was_paused = bool(spec_of(deployment).get("paused")), last.get("reason") == "DeploymentPaused"
        if paused == was_paused:
            return deployment
        word = "paused" if paused else "resumed"
        reason = "DeploymentPaused" if paused else "DeploymentResumed"
        status = judge.mark(deployment, "Unknown", reason, f"Deployment is {word}", self.world.now())
        return self.local.update_status(DEPLOYMENTS, {**deployment, "status": status}, MANAGER)

    def _roll(self, deployment: Object, sets: Sequence[Object]) -> None:
        if (spec_of(deployment).get("strategy") or {}).get("type") == "Recreate":
            self._recreate(deployment, sets)
        else:
            self._roll_over(deployment, sets)

    def _recreate(self, deployment: Object, sets: Sequence[Object]) -> None:
        new = find_new(deployment, sets)
        old = [each for each in sets if each is not new]
        if self._resize_all(deployment, {name_of(each): 0 for each in old if wanted(each)}) or self._still_there(old):
            return
        replicas = int(spec_of(deployment).get("replicas", 1))
        new = self.replica_sets.ensure_new(deployment, new, old, replicas)
        if new is not None:
            self.replica_sets.resize(deployment, new, replicas)

    def _still_there(self, old: Sequence[Object]) -> bool:
        """Does a pod of these ReplicaSets still run, even one on its way out?"""
        owners = {uid_of(each) for each in old}
        pods = self.local.items(PODS, namespace_of(old[0])) if old else []
        refs = [controller_of(pod) for pod in pods if not finished(pod)]
        return any(ref is not None and ref.get("uid") in owners for ref in refs)

    def _roll_over(self, deployment: Object, sets: Sequence[Object]) -> None:
        limits = bounds(deployment)
        new = find_new(deployment, sets)
        old = by_age([each for each in sets if each is not new])
        in_old = sum(wanted(each) for each in old)
        new = self.replica_sets.ensure_new(deployment, new, old, new_size(limits, 0, in_old))
        if new is None:
            return
        size = new_size(limits, wanted(new), in_old + wanted(new))
        if self.replica_sets.resize(deployment, new, size):
            return  # the next pass, which this write brings, sees to the old ones
        self._resize_all(deployment, shrink_old(limits, size_of(new), [size_of(each) for each in old]))

    def _rescale(self, deployment: Object, sets: Sequence[Object]) -> None:
        """Bring the ReplicaSets to a changed `spec.replicas` without taking a step of the rollout."""
        limits = bounds(deployment)
        new = find_new(deployment, sets)
        running = [each for each in sets if wanted(each)]
        if len(running) <= 1:
            alone = running[0] if running else new or (by_age(sets)[-1] if sets else None)
            sizes = {name_of(alone): limits.replicas} if alone is not None else {}
        elif new is not None and _saturated(deployment, new):
            sizes = {name_of(each): 0 for each in running if each is not new}
            sizes[name_of(new)] = limits.replicas
        else:
            newest_first = reversed(by_age(running))
            sizes = share_out(limits, [size_of(each) for each in newest_first])
        self._resize_all(deployment, sizes)

    def _resize_all(self, deployment: Object, sizes: dict[str, int]) -> bool:
        """Bring ReplicaSets, by name, to sizes; return whether one changed."""
        changed = False
        for name, replicas in sizes.items():
            replica_set = self.local.get(REPLICA_SETS, namespace_of(deployment), name)
            if replica_set is not None:
                changed |= self.replica_sets.resize(deployment, replica_set, replicas)
        return changed

    def _forget_history(self, deployment: Object, new: Object | None, sets: Sequence[Object]) -> None:
        """Delete the oldest ReplicaSets beyond `revisionHistoryLimit` that have no pods left."""
        limit = int(spec_of(deployment).get("revisionHistoryLimit", 10))
        idle = [each for each in sets if each is not new and not wanted(each) and not deleting(each)]
        idle = [each for each in idle if not status_of(each).get("replicas")]
        for each in sorted(idle, key=revision_of)[: max(0, len(idle) - limit)]:
            self.local.delete(REPLICA_SETS, *key_of(each), uid=uid_of(each))


def find_new(deployment: Object, sets: Sequence[Object]) -> Object | None:
    """Return the ReplicaSet of the Deployment's template (the oldest, should there be two), or None."""
    template = spec_of(deployment)["template"]
    return next((each for each in by_age(sets) if same_template(spec_of(each)["template"], template)), None)


def _rescaled(deployment: Object, sets: Sequence[Object]) -> bool:
    """Was `spec.replicas` changed since the ReplicaSets were last scaled?"""
    replicas = str(spec_of(deployment).get("replicas", 1))
    marks = [annotations_of(each).get("deployment.kubernetes.io/desired-replicas") for each in sets if wanted(each)]
    return any(mark is not None and mark != replicas for mark in marks)


def _saturated(deployment: Object, new: Object) -> bool:
    size, replicas = size_of(new), int(spec_of(deployment).get("replicas", 1))
    return size.replicas == replicas and size.available == replicas


def _owner_keys(*sets: NewObject | Object | None) -> Iterable[Key]:
    for each in sets:
        ref = controller_of(each) if each is not None else None
        if each is not None and ref is not None and ref["kind"] == "Deployment":
            yield namespace_of(each), str(ref["name"])
