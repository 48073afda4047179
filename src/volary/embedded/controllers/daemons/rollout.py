"""Which pods of a DaemonSet may be replaced now: the arithmetic of its rolling update. Pure.

    no surge   old pod goes ── new pod comes           at most `maxUnavailable` nodes without an available pod
    surge      new pod comes, is available ── old goes at most `maxSurge` nodes with two

Source: Kubernetes DaemonSet controller (`update.go`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from volary.embedded.api.local import Object
from volary.embedded.controllers.daemons.pods import HASH
from volary.embedded.controllers.objects import deleting, labels_of, spec_of
from volary.embedded.controllers.rollouts.numbers import scaled


@dataclass
class Step:
    """What to do now."""

    delete: list[Object] = field(default_factory=list)
    create_on: list[str] = field(default_factory=list)  # nodes


@dataclass(frozen=True, slots=True)
class Fleet:
    """The pods of a DaemonSet by node. Nodes that should have one and have none are in it too."""

    pods: Mapping[str, Sequence[Object]]
    wanted: frozenset[str]  # nodes that should have a pod
    digest: str  # of the newest template
    available: Callable[[Object], bool]

    def pair(self, node: str) -> tuple[Object | None, Object | None] | None:
        """Return the new and the old pod of a node, None if there are more than one of a kind."""
        living = [pod for pod in self.pods[node] if not deleting(pod)]
        new = [pod for pod in living if labels_of(pod).get(HASH) == self.digest]
        old = [pod for pod in living if labels_of(pod).get(HASH) != self.digest]
        if len(new) > 1 or len(old) > 1:
            return None
        return next(iter(new), None), next(iter(old), None)


def limits(daemon_set: Object, nodes: int) -> tuple[int, int]:
    """Return how many nodes may have two pods, and how many none; percentages round up."""
    rolling = (spec_of(daemon_set).get("updateStrategy") or {}).get("rollingUpdate") or {}
    surge = scaled(rolling.get("maxSurge", 0), nodes, up=True)
    unavailable = scaled(rolling.get("maxUnavailable", 1), nodes, up=True)
    return surge, max(unavailable, 1) if not surge else unavailable


def next_step(daemon_set: Object, fleet: Fleet) -> Step:
    """Return what the update may do now."""
    surge, unavailable = limits(daemon_set, len(fleet.wanted))
    return _with_surge(fleet, surge) if surge else _without_surge(fleet, unavailable)


def _without_surge(fleet: Fleet, most: int) -> Step:
    missing, broken, candidates = 0, list[Object](), list[Object]()
    for node in sorted(fleet.pods):
        new, old = fleet.pair(node) or (None, None)
        if old is not None and new is None:
            if fleet.available(old):
                candidates.append(old)
            else:
                broken.append(old)  # nobody misses it
                missing += 1
        elif new is None or old is not None or not fleet.available(new):
            missing += 1
    return Step(delete=[*broken, *candidates[: max(0, most - missing)]])


def _with_surge(fleet: Fleet, most: int) -> Step:
    step, candidates = Step(), list[str]()
    doubled, serving, homeless = 0, 0, list[Object]()
    for node in sorted(fleet.pods):
        pair = fleet.pair(node)
        if pair is None:
            doubled += 1
            continue
        new, old = pair
        serving += sum(fleet.available(pod) for pod in (old or new,) if pod is not None)
        if old is None:
            continue
        if new is None:
            _begin(fleet, node, old, step, (candidates, homeless))
        elif fleet.available(new):
            step.delete.append(old)
        else:
            doubled += 1
    step.delete += homeless[: max(0, serving - len(fleet.wanted))]
    step.create_on += candidates[: max(0, most - doubled)]
    return step


def _begin(fleet: Fleet, node: str, old: Object, step: Step, later: tuple[list[str], list[Object]]) -> None:
    """Sort a node whose pod is old: it may get a new one, or lose the old one if it should have none."""
    candidates, homeless = later
    available = fleet.available(old)
    if node in fleet.wanted:
        (candidates if available else step.create_on).append(node)
    else:
        (homeless if available else step.delete).append(old)
