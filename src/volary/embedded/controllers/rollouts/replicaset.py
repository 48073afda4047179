"""ReplicaSets: as many pods as asked for, and a count of how they are.

Source: Kubernetes ReplicaSet controller (`replica_set.go`, `replica_set_utils.go`, `controller_utils.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from volary.embedded.api.encoding import copy_of
from volary.embedded.api.errors import Problem
from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.claim import claim
from volary.embedded.controllers.manager import CONFLICT, Key
from volary.embedded.controllers.objects import (
    active,
    annotations_of,
    condition,
    controller_of,
    deleting,
    finished,
    format_time,
    key_of,
    labels_of,
    meta,
    name_of,
    namespace_of,
    owner_ref,
    parse_time,
    ready,
    spec_of,
    status_of,
    uid_of,
)
from volary.embedded.controllers.world import MANAGER, Line, World

REPLICA_SETS, PODS = "apps/replicasets", "/pods"
COMPONENT = "replicaset-controller"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
MOST_AT_ONCE = 500  # pods made in one pass, as client-go's burst; the status brings the next


class PodSets:
    """The reconciler of ReplicaSets."""

    name = "replicaset"
    sources = (REPLICA_SETS,)

    def __init__(self, world: World) -> None:
        self.world = world
        self.local = world.local

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == REPLICA_SETS and new is not None:
            yield key_of(new)
        elif resource == PODS:
            yield from self._of_pod(old, new)

    def _of_pod(self, old: Object | None, new: Object | None) -> Iterable[Key]:
        refs = [(each, controller_of(each)) for each in (old, new) if each is not None]
        for pod, ref in refs:
            if ref is not None and ref["kind"] == "ReplicaSet":
                yield namespace_of(pod), str(ref["name"])
        if new is not None and controller_of(new) is None and (old is None or labels_of(old) != labels_of(new)):
            for replica_set in self.local.items(REPLICA_SETS, namespace_of(new)):
                yield key_of(replica_set)  # an orphan: whoever selects it adopts it

    def reconcile(self, key: Key) -> float | None:
        replica_set = self.local.get(REPLICA_SETS, *key)
        if replica_set is None:
            return None
        failure = ""
        if not deleting(replica_set):
            pods = active(claim(self.local, replica_set, PODS))
            wanted = int(spec_of(replica_set).get("replicas", 1))
            try:
                self._add(replica_set, wanted - len(pods))
            except Problem as problem:
                if problem.code == CONFLICT:
                    raise
                failure = str(problem)
                self.world.event(replica_set, Line("FailedCreate", f"Error creating: {problem}", "Warning"), COMPONENT)
            self._drop(replica_set, pods, len(pods) - wanted)
        return self._count(key, failure)

    def _add(self, replica_set: Object, count: int) -> None:
        for _ in range(min(count, MOST_AT_ONCE)):
            pod = self.local.create(PODS, new_pod(replica_set), MANAGER)
            self.world.event(replica_set, Line("SuccessfulCreate", f"Created pod: {name_of(pod)}"), COMPONENT)

    def _drop(self, replica_set: Object, pods: Sequence[Object], count: int) -> None:
        if count <= 0:
            return
        for pod in sorted(pods, key=cheapest_first)[:count]:
            self.local.delete(PODS, *key_of(pod), uid=uid_of(pod))
            self.world.event(replica_set, Line("SuccessfulDelete", f"Deleted pod: {name_of(pod)}"), COMPONENT)

    def _count(self, key: Key, failure: str) -> float | None:
        replica_set = self.local.get(REPLICA_SETS, *key)
        if replica_set is None:
            return None
        now = self.world.now()
        everything = claim(self.local, replica_set, PODS)
        pods = active(everything)
        seconds = int(spec_of(replica_set).get("minReadySeconds") or 0)
        waits = [until_available(pod, seconds, now) for pod in pods if ready(pod)]
        status = _status(replica_set, pods, sum(wait <= 0 for wait in waits))
        status["terminatingReplicas"] = sum(deleting(pod) and not finished(pod) for pod in everything)
        conditions = _conditions(replica_set, failure, now)
        if conditions:
            status["conditions"] = conditions
        if status != status_of(replica_set):
            self.local.update_status(REPLICA_SETS, {**replica_set, "status": status}, MANAGER)
        if failure:
            return 5.0
        return min((wait for wait in waits if wait > 0), default=None)


def new_pod(replica_set: Object) -> NewObject:
    """Return a pod of a ReplicaSet's template; the API gives it its name."""
    template = spec_of(replica_set)["template"]
    metadata = copy_of(dict(template.get("metadata") or {}))
    metadata.pop("creationTimestamp", None)
    metadata["generateName"] = f"{name_of(replica_set)}-"
    metadata["namespace"] = namespace_of(replica_set)
    metadata["ownerReferences"] = [owner_ref(replica_set)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": copy_of(dict(template["spec"]))}


def cheapest_first(pod: Object) -> tuple[Any, ...]:
    """Order pods by how little is lost with them: unscheduled, pending, not ready, cheap, restarted, young."""
    cost = str(annotations_of(pod).get(DELETION_COST) or "0")
    restarts = sum(int(each.get("restartCount") or 0) for each in status_of(pod).get("containerStatuses") or ())
    youth = -parse_time(meta(pod).get("creationTimestamp") or "1970-01-01T00:00:00Z").timestamp()
    return (
        bool(spec_of(pod).get("nodeName")),
        status_of(pod).get("phase") == "Running",
        ready(pod),
        int(cost) if cost.lstrip("-").isdigit() else 0,
        -restarts,
        youth,
        name_of(pod),
    )


def until_available(pod: Object, min_ready_seconds: int, now: datetime) -> float:
    """Return the seconds until a ready pod has been so for long enough, 0 or less if it has."""
    since = (condition(pod, "Ready") or {}).get("lastTransitionTime")
    if not min_ready_seconds or since is None:
        return 0.0
    return (parse_time(since) + timedelta(seconds=min_ready_seconds) - now).total_seconds()


def _status(replica_set: Object, pods: Sequence[Object], available: int) -> NewObject:
    labels = (spec_of(replica_set)["template"].get("metadata") or {}).get("labels") or {}
    full = [pod for pod in pods if all(labels_of(pod).get(key) == value for key, value in labels.items())]
    counts = {
        "fullyLabeledReplicas": len(full),
        "readyReplicas": sum(ready(pod) for pod in pods),
        "availableReplicas": available,
    }
    generation = int(meta(replica_set).get("generation") or 1)
    present = {key: value for key, value in counts.items() if value}
    return {"replicas": len(pods), **present, "observedGeneration": generation}


def _conditions(replica_set: Object, failure: str, now: datetime) -> list[NewObject]:
    if not failure:
        return []
    old = condition(replica_set, "ReplicaFailure")
    since = old["lastTransitionTime"] if old is not None else format_time(now)
    entry = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": failure}
    return [{**entry, "lastTransitionTime": since}]
