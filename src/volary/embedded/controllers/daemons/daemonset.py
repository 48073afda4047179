"""DaemonSets: one pod on every node that it matches, and their update node by node.

Source: Kubernetes DaemonSet controller (`daemon_controller.go`, `update.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.claim import claim
from volary.embedded.controllers.daemons.history import DAEMON_SETS, REVISIONS, History
from volary.embedded.controllers.daemons.pods import HASH, belongs, new_pod
from volary.embedded.controllers.daemons.rollout import Fleet, Step, limits, next_step
from volary.embedded.controllers.manager import Key
from volary.embedded.controllers.node_fit import named_node
from volary.embedded.controllers.objects import (
    controller_of,
    deleting,
    finished,
    key_of,
    labels_of,
    meta,
    name_of,
    namespace_of,
    ready,
    spec_of,
    status_of,
    uid_of,
)
from volary.embedded.controllers.rollouts.replicaset import until_available
from volary.embedded.controllers.world import MANAGER, Line, World

NODES, PODS = "/nodes", "/pods"
COMPONENT = "daemonset-controller"
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=1), timedelta(minutes=15)  # before a failed pod is replaced once more


class DaemonSets:
    """The reconciler of DaemonSets."""

    name = "daemonset"
    sources = (DAEMON_SETS,)

    def __init__(self, world: World) -> None:
        self.world = world
        self.local = world.local
        self.history = History(world)
        self._failed: dict[tuple[str, str], tuple[datetime, timedelta]] = {}  # (uid, node) -> last time, next wait

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == DAEMON_SETS and new is not None:
            yield key_of(new)
        elif resource in (PODS, REVISIONS):
            yield from self._of_child(old, new)
        elif resource == NODES and (old is None or new is None or _place(old) != _place(new)):
            for daemon_set in self.local.items(DAEMON_SETS):
                yield key_of(daemon_set)

    def _of_child(self, old: Object | None, new: Object | None) -> Iterable[Key]:
        for child in (old, new):
            ref = controller_of(child) if child is not None else None
            if child is not None and ref is not None and ref["kind"] == "DaemonSet":
                yield namespace_of(child), str(ref["name"])
        if new is not None and controller_of(new) is None and (old is None or labels_of(old) != labels_of(new)):
            for daemon_set in self.local.items(DAEMON_SETS, namespace_of(new)):
                yield key_of(daemon_set)  # an orphan: whoever selects it adopts it

    def reconcile(self, key: Key) -> float | None:
        daemon_set = self.local.get(DAEMON_SETS, *key)
        if daemon_set is None or deleting(daemon_set):
            return None
        current, old = self.history.current(daemon_set)
        if current is None:
            return 0.0
        digest = str(labels_of(current)[HASH])
        nodes = self.local.items(NODES)
        again = self._manage(daemon_set, nodes, digest)
        pods = claim(self.local, daemon_set, PODS)
        self.history.forget(daemon_set, old, pods)
        waits = [each for each in (again, self._count(key, nodes, digest)) if each is not None]
        return min(waits, default=None)

    def _fleet(self, daemon_set: Object, nodes: Sequence[Object], digest: str) -> Fleet:
        by_node: dict[str, list[Object]] = {}
        for pod in claim(self.local, daemon_set, PODS):
            if not (deleting(pod) and finished(pod)):
                by_node.setdefault(named_node(spec_of(pod)), []).append(pod)
        wanted = frozenset(name_of(node) for node in nodes if belongs(daemon_set, node)[0])
        seconds, now = int(spec_of(daemon_set).get("minReadySeconds") or 0), self.world.now()
        return Fleet(
            {node: sorted(pods, key=_oldest_first) for node, pods in by_node.items()},
            wanted,
            digest,
            lambda pod: ready(pod) and until_available(pod, seconds, now) <= 0,
        )

    def _manage(self, daemon_set: Object, nodes: Sequence[Object], digest: str) -> float | None:
        """Bring pods to nodes; when all are where they should be, take a step of the update."""
        fleet, step, waits = self._fleet(daemon_set, nodes, digest), Step(), list[float]()
        for node in nodes:
            waits += self._of_node(daemon_set, node, fleet, step)
        there = {name_of(node) for node in nodes}
        for node_name, pods in sorted(fleet.pods.items()):
            if node_name not in there:
                step.delete += [pod for pod in pods if not spec_of(pod).get("nodeName")]  # made for a node that is gone
        strategy = (spec_of(daemon_set).get("updateStrategy") or {}).get("type", "RollingUpdate")
        if not step.delete and not step.create_on and strategy == "RollingUpdate":
            missing: dict[str, Sequence[Object]] = {node: () for node in fleet.wanted if node not in fleet.pods}
            whole = Fleet({**fleet.pods, **missing}, fleet.wanted, digest, fleet.available)
            step = next_step(daemon_set, whole)
        self._carry_out(daemon_set, step, digest)
        return min(waits, default=None)

    def _of_node(self, daemon_set: Object, node: Object, fleet: Fleet, step: Step) -> list[float]:
        """Add to `step` what one node needs; return when to look at it again."""
        name, pods = name_of(node), fleet.pods.get(name_of(node), ())
        run, stay = belongs(daemon_set, node)
        if run and not pods:
            step.create_on.append(name)
            return []
        living = [pod for pod in pods if not deleting(pod)]
        if not stay:
            step.delete += living
            return []
        waits = [wait for pod in living if finished(pod) and (wait := self._replace(daemon_set, name, pod, step))]
        running = [pod for pod in living if not finished(pod)]
        if not limits(daemon_set, len(fleet.wanted))[0]:
            step.delete += running[1:]
        elif not running and run and not waits:
            step.create_on.append(name)
        else:
            step.delete += _superfluous(running, fleet)
        return waits

    def _replace(self, daemon_set: Object, node: str, pod: Object, step: Step) -> float:
        """Delete a pod that ended, a failed one not too often; return the seconds to wait, 0 for none."""
        about = f"daemon pod {namespace_of(pod)}/{name_of(pod)} on node {node}"
        if status_of(pod).get("phase") == "Succeeded":
            line = Line("SucceededDaemonPod", f"Found succeeded {about}, will try to delete it")
        else:
            line = Line("FailedDaemonPod", f"Found failed {about}, will try to kill it", "Warning")
            last, wait = self._failed.get((uid_of(daemon_set), node), (None, FIRST_WAIT))
            now = self.world.now()
            if last is not None and now - last < wait:
                return max(0.001, (last + wait - now).total_seconds())
            longer = wait if last is None else min(LONGEST_WAIT, wait * 2)
            self._failed[uid_of(daemon_set), node] = (now, longer)
        self.world.event(daemon_set, line, COMPONENT)
        step.delete.append(pod)
        return 0.0

    def _carry_out(self, daemon_set: Object, step: Step, digest: str) -> None:
        for node in step.create_on:
            pod = self.local.create(PODS, new_pod(daemon_set, node, digest), MANAGER)
            self.world.event(daemon_set, Line("SuccessfulCreate", f"Created pod: {name_of(pod)}"), COMPONENT)
        for pod in step.delete:
            self.local.delete(PODS, *key_of(pod), uid=uid_of(pod))
            self.world.event(daemon_set, Line("SuccessfulDelete", f"Deleted pod: {name_of(pod)}"), COMPONENT)

    def _count(self, key: Key, nodes: Sequence[Object], digest: str) -> float | None:
        """Write the status; return when a pod becomes available by waiting alone."""
        daemon_set = self.local.get(DAEMON_SETS, *key)
        if daemon_set is None:
            return None
        fleet = self._fleet(daemon_set, nodes, digest)
        there = {name_of(node) for node in nodes}
        first = [pods[0] for node, pods in sorted(fleet.pods.items()) if node in fleet.wanted]
        available = sum(map(fleet.available, first))
        counts = {
            "desiredNumberScheduled": len(fleet.wanted),
            "currentNumberScheduled": len(first),
            "numberMisscheduled": sum(node in there and node not in fleet.wanted for node in fleet.pods),
            "numberReady": sum(map(ready, first)),
            "updatedNumberScheduled": sum(labels_of(pod).get(HASH) == digest for pod in first),
            "numberAvailable": available,
            "numberUnavailable": len(fleet.wanted) - available,
        }
        status = _status(daemon_set, counts)
        if status != status_of(daemon_set):
            self.local.update_status(DAEMON_SETS, {**daemon_set, "status": status}, MANAGER)
        seconds, now = int(spec_of(daemon_set).get("minReadySeconds") or 0), self.world.now()
        waits = [until_available(pod, seconds, now) for pod in first if ready(pod)]
        return min((wait for wait in waits if wait > 0), default=None)


def _superfluous(running: Sequence[Object], fleet: Fleet) -> list[Object]:
    """Return the pods of a node with a surge that may go: all but the oldest of each side, and an old one outdone."""
    sides: dict[bool, list[Object]] = {True: [], False: []}
    for pod in running:
        sides[labels_of(pod).get(HASH) == fleet.digest].append(pod)
    going = [*sides[True][1:], *sides[False][1:]]
    if sides[True] and sides[False] and (not ready(sides[False][0]) or fleet.available(sides[True][0])):
        going.append(sides[False][0])
    return going


def _status(daemon_set: Object, counts: dict[str, int]) -> NewObject:
    always = ("desiredNumberScheduled", "currentNumberScheduled", "numberMisscheduled", "numberReady")
    old = status_of(daemon_set)
    kept = {key: old[key] for key in ("conditions", "collisionCount") if key in old}
    shown = {key: value for key, value in counts.items() if value or key in always}
    return {**kept, **shown, "observedGeneration": int(meta(daemon_set).get("generation") or 1)}


def _place(node: Object) -> tuple[object, ...]:
    return labels_of(node), spec_of(node).get("taints"), spec_of(node).get("unschedulable")


def _oldest_first(pod: Object) -> tuple[object, ...]:
    placed = not spec_of(pod).get("nodeName")
    return placed, str(meta(pod).get("creationTimestamp") or ""), name_of(pod)
