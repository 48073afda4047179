"""How many pods each ReplicaSet of a Deployment may have: the arithmetic of a rolling update.

Pure. `Size` is what a ReplicaSet wants and how many of its pods are available.
Source: Kubernetes Deployment controller (`rolling.go`, `sync.go`, `deployment_util.go`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from volary.embedded.api.local import Object
from volary.embedded.controllers.objects import annotations_of, meta, name_of, spec_of, status_of

MAX_REPLICAS = "deployment.kubernetes.io/max-replicas"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a Deployment allows while it rolls."""

    replicas: int
    surge: int  # pods above `replicas`
    unavailable: int  # pods that may be missing

    @property
    def most(self) -> int:
        return self.replicas + self.surge


@dataclass(frozen=True, slots=True)
class Size:
    name: str
    replicas: int
    available: int
    most_then: int = 0  # replicas plus surge of the Deployment when this ReplicaSet was last scaled


def size_of(replica_set: Object) -> Size:
    most = str(annotations_of(replica_set).get(MAX_REPLICAS) or "")
    return Size(
        name_of(replica_set),
        int(spec_of(replica_set).get("replicas", 1)),
        int(status_of(replica_set).get("availableReplicas") or 0),
        int(most) if most.isdigit() else 0,
    )


def by_age(replica_sets: Sequence[Object]) -> list[Object]:
    """Return the oldest first."""
    return sorted(replica_sets, key=lambda each: (str(meta(each).get("creationTimestamp") or ""), name_of(each)))


def bounds(deployment: Object) -> Bounds:
    """Return the limits in pods; percentages round up for surge and down for what may be missing."""
    spec = spec_of(deployment)
    replicas = int(spec.get("replicas", 1))
    strategy: Mapping[str, Any] = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return Bounds(replicas, 0, 0)
    rolling: Mapping[str, Any] = strategy.get("rollingUpdate") or {}
    surge = scaled(rolling.get("maxSurge", "25%"), replicas, up=True)
    unavailable = scaled(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1  # or no step would ever be allowed
    return Bounds(replicas, surge, min(unavailable, replicas))


def scaled(value: int | str, total: int, up: bool) -> int:
    """Return a count, or a percentage ("25%") of `total`."""
    if isinstance(value, int):
        return value
    share = int(value.rstrip("%")) * total / 100
    return math.ceil(share) if up else math.floor(share)


def new_size(limits: Bounds, new: int, all_pods: int) -> int:
    """Return the replicas that the new ReplicaSet may have now."""
    if new > limits.replicas:
        return limits.replicas
    room = max(0, limits.most - all_pods)
    return min(limits.replicas, new + room)


def shrink_old(limits: Bounds, new: Size, old: Sequence[Size]) -> dict[str, int]:
    """Return name -> replicas for the old ReplicaSets (oldest first) that may shrink now.

    Pods that are not available go first: nobody misses them.
    """
    everything = new.replicas + sum(each.replicas for each in old)
    least = limits.replicas - limits.unavailable
    allowed = everything - least - (new.replicas - new.available)
    if allowed <= 0:
        return {}
    shrunk = _drop_unhealthy(old, allowed)
    spare = new.available + sum(min(each.available, each.replicas) for each in shrunk) - least
    result = []
    for each in shrunk:
        drop = max(0, min(each.replicas, spare))
        spare -= drop
        result.append(replace(each, replicas=each.replicas - drop))
    return {now.name: now.replicas for before, now in zip(old, result) if before.replicas != now.replicas}


def _drop_unhealthy(old: Sequence[Size], allowed: int) -> list[Size]:
    result = []
    for each in old:
        drop = max(0, min(allowed, each.replicas - each.available))
        allowed -= drop
        result.append(replace(each, replicas=each.replicas - drop))
    return result


def share_out(limits: Bounds, sizes: Sequence[Size]) -> dict[str, int]:
    """Return name -> replicas after `spec.replicas` changed in mid-rollout: each ReplicaSet in proportion to its size.

    `sizes` has the newest first; the largest takes what rounding leaves.
    """
    total = sum(each.replicas for each in sizes)
    most = limits.most if limits.replicas else 0
    to_add = most - total
    ranked = sorted(sizes, key=lambda each: -each.replicas)  # stable: of equals the newest first
    result: dict[str, int] = {}
    added = 0
    for each in ranked:
        portion = _portion(each, most, to_add, added)
        result[each.name] = each.replicas + portion
        added += portion
    if ranked:
        first = ranked[0].name
        result[first] = max(0, result[first] + to_add - added)
    return result


def _portion(each: Size, most: int, to_add: int, added: int) -> int:
    if not each.replicas or not to_add:
        return 0
    before = each.most_then or most
    portion = round(each.replicas * most / before) - each.replicas
    left = to_add - added
    return max(0, min(portion, left)) if to_add > 0 else min(0, max(portion, left))
