"""Eviction: a delete that asks the pod's disruption budget first.

No controller keeps a budget's status here; where nobody has written it, the healthy pods are counted at the moment of
the question. A status that is up to date (from a controller of somebody's own) is believed, and counted down.

Source: Kubernetes, pkg/registry/core/pod/storage/eviction.go and pkg/controller/disruption.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from volary.embedded.api.bodies import read_body
from volary.embedded.api.call import Call
from volary.embedded.api.core import Core, fresh
from volary.embedded.api.errors import Problem, bad_request, unexpected
from volary.embedded.api.store import Entry
from volary.embedded.api.validation.common import chooses, usable
from volary.embedded.api.verbs.deleting import delete, options_from
from volary.embedded.api.verbs.updating import find

Object = dict[str, Any]

BUDGETS = "policy/poddisruptionbudgets"
REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
SCALED = {
    "ReplicaSet": "apps/replicasets",
    "StatefulSet": "apps/statefulsets",
    "Deployment": "apps/deployments",
    "ReplicationController": "/replicationcontrollers",
}
FREE_PHASES = ("Pending", "Succeeded", "Failed")  # such a pod serves nobody


@dataclass(frozen=True, slots=True)
class Health:
    """How a budget stands."""

    healthy: int
    wanted: int
    allowed: int


def evict(core: Core, call: Call) -> None:
    """Carry out a POST of a pod's `eviction`. Raises: Problem."""
    body, _ = read_body(call)
    if not isinstance(body, dict) or not isinstance(body.get("metadata") or {}, dict):
        raise bad_request("the object provided is unrecognized (must be of type Eviction)")
    if (body.get("metadata") or {}).get("name") != call.name:
        raise bad_request("name in URL does not match name in Eviction object")
    options = options_from(body.get("deleteOptions") or {}, call.query)
    pod = find(core, call.type, call.namespace, call.name)
    if not _free(pod.obj):
        _ask_budget(core, pod, options.dry_run)
    delete(core, call.type, call.namespace, call.name, options)


def _free(pod: Object) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return bool(pod["metadata"].get("deletionTimestamp")) or phase in FREE_PHASES


def _ask_budget(core: Core, pod: Entry, dry_run: bool) -> None:
    """Raises: Problem, if the budget has nothing to give."""
    namespace, labels = pod.obj["metadata"]["namespace"], pod.obj["metadata"].get("labels") or {}
    found = [it for it in core.store.items(BUDGETS, namespace) if _covers(it.obj, labels)]
    if len(found) > 1:
        raise unexpected(SEVERAL)
    if not found:
        return
    budget, health = found[0], health_of(core, found[0].obj)
    spec = budget.obj.get("spec") or {}
    if not _ready(pod.obj):
        always = spec.get("unhealthyPodEvictionPolicy") == "AlwaysAllow"
        if always or (health.healthy >= health.wanted and health.wanted > 0):
            return
    if health.allowed <= 0:
        name = budget.obj["metadata"]["name"]
        text = f"The disruption budget {name} needs {health.wanted} healthy pods and has {health.healthy} currently"
        raise Problem(429, "TooManyRequests", REFUSED, {"causes": [{"reason": "DisruptionBudget", "message": text}]})
    if _kept(budget.obj) and not dry_run:
        _count_down(core, budget, pod.obj["metadata"]["name"])


def _covers(budget: Object, labels: Object) -> bool:
    selector = (budget.get("spec") or {}).get("selector")
    return selector is not None and usable(selector) and chooses(selector, labels)


def _ready(pod: Object) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(it.get("type") == "Ready" and it.get("status") == "True" for it in conditions)


def _kept(budget: Object) -> bool:
    """Has somebody written the status of what the budget says now?"""
    observed = (budget.get("status") or {}).get("observedGeneration") or 0
    return observed > 0 and observed >= (budget["metadata"].get("generation") or 0)


def health_of(core: Core, budget: Object) -> Health:
    """Return how a budget stands: by its status, or counted."""
    if _kept(budget):
        status = budget["status"]
        return Health(*(int(status.get(it) or 0) for it in ("currentHealthy", "desiredHealthy", "disruptionsAllowed")))
    spec, namespace = budget.get("spec") or {}, budget["metadata"]["namespace"]
    pods = [it.obj for it in core.store.items("/pods", namespace)]
    covered = [it for it in pods if _covers(budget, it["metadata"].get("labels") or {}) and not _free(it)]
    healthy = sum(_ready(it) for it in covered)
    total = _expected(core, covered)
    if spec.get("maxUnavailable") is not None:
        wanted = max(0, total - _share(spec["maxUnavailable"], total))
    else:
        wanted = _share(spec.get("minAvailable", 1), total)
    return Health(healthy, wanted, max(0, healthy - wanted))


def _expected(core: Core, pods: list[Object]) -> int:
    """Return how many pods there should be: what their controllers were asked for, or those that are there."""
    asked: dict[str, int] = {}
    for pod in pods:
        owner = _controller(core, pod)
        again = _controller(core, owner) if owner else None
        if found := again or owner:
            asked[found["metadata"]["uid"]] = (found.get("spec") or {}).get("replicas") or 0
        else:
            asked[pod["metadata"]["uid"]] = 1
    return sum(asked.values())


def _controller(core: Core, obj: Object) -> Object | None:
    owner = next((it for it in obj["metadata"].get("ownerReferences") or () if it.get("controller")), None)
    storage = SCALED.get(owner["kind"]) if owner else None
    if not owner or not storage:
        return None
    entries = core.store.items(storage, obj["metadata"]["namespace"])
    return next((it.obj for it in entries if it.obj["metadata"]["uid"] == owner.get("uid")), None)


def _share(value: int | str, total: int) -> int:
    """Return a number, or a percentage of the total, rounded up."""
    if isinstance(value, int):
        return value
    percent = value.removesuffix("%")
    return ceil(int(percent) * total / 100) if percent.isdigit() else 0


def _count_down(core: Core, budget: Entry, pod: str) -> None:
    new = fresh(budget.obj)
    status = new["status"]
    gone = {**(status.get("disruptedPods") or {}), pod: core.stamp()}
    new["status"] = {**status, "disruptionsAllowed": status["disruptionsAllowed"] - 1, "disruptedPods": gone}
    core.store.put(BUDGETS, new)
