"""The ReplicaSets of a Deployment as it makes and scales them: names, revisions, the annotations that count.

Source: Kubernetes Deployment controller (`sync.go`, `deployment_util.go`).
"""

from __future__ import annotations

from collections.abc import Sequence

from volary.embedded.api.encoding import copy_of
from volary.embedded.api.errors import Problem
from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.objects import (
    annotations_of,
    condition,
    controlled_by,
    edited,
    name_of,
    namespace_of,
    owner_ref,
    spec_of,
    status_of,
)
from volary.embedded.controllers.rollouts import deployment_status as judge
from volary.embedded.controllers.rollouts.numbers import MAX_REPLICAS, bounds
from volary.embedded.controllers.rollouts.template_hash import LABEL, same_template, template_hash
from volary.embedded.controllers.world import MANAGER, Line, World

DEPLOYMENTS, REPLICA_SETS = "apps/deployments", "apps/replicasets"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
# What the Deployment carries for itself; everything else, the change cause say, goes along to the ReplicaSet.
NOT_COPIED = {
    REVISION,
    HISTORY,
    DESIRED,
    MAX_REPLICAS,
    "kubectl.kubernetes.io/last-applied-configuration",
    "deprecated.deployment.rollback.to",
}


def wanted(replica_set: Object) -> int:
    return int(spec_of(replica_set).get("replicas", 1))


def revision_of(replica_set: Object) -> int:
    text = str(annotations_of(replica_set).get(REVISION) or "0")
    return int(text) if text.isdigit() else 0


class ReplicaSets:
    """Makes and changes ReplicaSets on behalf of Deployments."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.local = world.local

    def ensure_new(self, deployment: Object, new: Object | None, old: Sequence[Object], replicas: int) -> Object | None:
        """Return the ReplicaSet of the newest template, made or brought up to date; None: another pass must follow."""
        if new is None:
            return self._create(deployment, old, replicas)
        changed = self._brought_up_to_date(deployment, new, old)
        if changed != edited(new):
            new = self.local.update(REPLICA_SETS, changed, MANAGER)
        if condition(deployment, "Progressing") is None and judge.deadline(deployment) is not None:
            self._mark(deployment, "FoundNewReplicaSet", f'Found new replica set "{name_of(new)}"')
        return new

    def resize(self, deployment: Object, replica_set: Object, replicas: int) -> bool:
        """Set the size and what the Deployment wanted at that time; return whether the size changed."""
        limits = bounds(deployment)
        changed = edited(replica_set)
        changed["spec"]["replicas"] = replicas
        marks = {DESIRED: str(limits.replicas), MAX_REPLICAS: str(limits.most)}
        changed["metadata"].setdefault("annotations", {}).update(marks)
        if changed != edited(replica_set):
            self.local.update(REPLICA_SETS, changed, MANAGER)
        before = wanted(replica_set)
        if before == replicas:
            return False
        direction = "up" if replicas > before else "down"
        self._say(deployment, f"Scaled {direction} replica set {name_of(replica_set)} from {before} to {replicas}")
        return True

    def _brought_up_to_date(self, deployment: Object, new: Object, old: Sequence[Object]) -> NewObject:
        changed = edited(new)
        annotations: dict[str, str] = changed["metadata"].setdefault("annotations", {})
        annotations.update(_passed_on(deployment))
        revision = max([revision_of(each) for each in old], default=0) + 1
        if revision_of(new) < revision:
            if REVISION in annotations:
                history = [*filter(None, [annotations.get(HISTORY)]), annotations[REVISION]]
                annotations[HISTORY] = ",".join(history)
            annotations[REVISION] = str(revision)
        seconds = int(spec_of(deployment).get("minReadySeconds") or 0)
        if seconds != int(changed["spec"].get("minReadySeconds") or 0):
            changed["spec"]["minReadySeconds"] = seconds
        return changed

    def _create(self, deployment: Object, old: Sequence[Object], replicas: int) -> Object | None:
        fresh = self._fresh(deployment, old, replicas)
        try:
            new = self.local.create(REPLICA_SETS, fresh, MANAGER)
        except Problem as problem:
            there = self.local.get(REPLICA_SETS, namespace_of(deployment), name_of(fresh))
            if there is None:
                self._mark(deployment, "ReplicaSetCreateError", str(problem), status="False")
                raise
            return self._collided(deployment, there)
        if replicas:
            self._say(deployment, f"Scaled up replica set {name_of(new)} from 0 to {replicas}")
        if judge.deadline(deployment) is not None:
            self._mark(deployment, "NewReplicaSetCreated", f'Created new replica set "{name_of(new)}"')
        return new

    def _collided(self, deployment: Object, there: Object) -> Object | None:
        """The name is taken: by our own of an earlier try, or by another template; then count on for another name."""
        template = spec_of(deployment)["template"]
        if controlled_by(there, deployment) and same_template(spec_of(there)["template"], template):
            return there
        status = dict(status_of(deployment))
        status["collisionCount"] = int(status.get("collisionCount") or 0) + 1
        self.local.update_status(DEPLOYMENTS, {**deployment, "status": status}, MANAGER)
        return None

    def _fresh(self, deployment: Object, old: Sequence[Object], replicas: int) -> NewObject:
        spec, limits = spec_of(deployment), bounds(deployment)
        digest = template_hash(spec["template"], int(status_of(deployment).get("collisionCount") or 0))
        template = copy_of(dict(spec["template"]))
        labels = {**((template.get("metadata") or {}).get("labels") or {}), LABEL: digest}
        template["metadata"] = {**(template.get("metadata") or {}), "labels": labels}
        selector = copy_of(dict(spec["selector"]))
        selector["matchLabels"] = {**(selector.get("matchLabels") or {}), LABEL: digest}
        revision = max([revision_of(each) for each in old], default=0) + 1
        marks = {REVISION: str(revision), DESIRED: str(limits.replicas), MAX_REPLICAS: str(limits.most)}
        new_spec = {"replicas": replicas, "selector": selector, "template": template}
        if spec.get("minReadySeconds"):
            new_spec["minReadySeconds"] = spec["minReadySeconds"]
        metadata = {
            "name": f"{name_of(deployment)}-{digest}",
            "namespace": namespace_of(deployment),
            "labels": dict(labels),
            "annotations": {**_passed_on(deployment), **marks},
            "ownerReferences": [owner_ref(deployment)],
        }
        return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": new_spec}

    def _mark(self, deployment: Object, reason: str, message: str, status: str = "True") -> None:
        marked = judge.mark(deployment, status, reason, message, self.world.now())
        if marked != status_of(deployment):
            self.local.update_status(DEPLOYMENTS, {**deployment, "status": marked}, MANAGER)

    def _say(self, deployment: Object, message: str) -> None:
        self.world.event(deployment, Line("ScalingReplicaSet", message))


def _passed_on(deployment: Object) -> dict[str, str]:
    return {key: value for key, value in annotations_of(deployment).items() if key not in NOT_COPIED}
