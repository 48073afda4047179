"""Wiring: the two controllers of the hub, and which change wakes which key."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from volary.fleet.hub import Hub
from volary.fleet.members import Members
from volary.fleet.observe import Observer
from volary.fleet.reconcile_rollout import Rollouts
from volary.fleet.reconcile_run import Runs, owner_uid
from volary.kube.objects import Object, key_of, metadata, namespace_of, uid_of
from volary.kube.resources import FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS, GIT_REPOSITORIES
from volary.runtime.cluster import Cluster
from volary.runtime.controller import Controller


def controllers(hub: Cluster, members: Members, is_leader: Callable[[], bool]) -> list[Controller[Any, Any]]:
    """Return the fleet's controllers; run the hub's informers and theirs beside them."""
    shared = Hub(hub, members, is_leader)
    made: list[Controller[Any, Any]] = []

    def wake_rollout(key: str) -> None:
        made[0].add(key)

    def wake_run(key: str) -> None:
        made[1].add(key)

    rollouts = Rollouts(shared, Observer(shared.clock, wake_rollout))
    runs = Runs(shared, Observer(shared.clock, wake_run))
    made.append(Controller("fleetrollout", rollouts, hub.clock))
    made.append(Controller("fleetrolloutrun", runs, hub.clock))
    connect(made[0], made[1], hub)

    def member_changed(name: str) -> None:
        for obj in rollouts.rollouts.items():
            wake_rollout(key_of(obj))
        for obj in runs.runs.items():
            wake_run(key_of(obj))

    members.listen(member_changed)
    return made


def connect(rollouts: Controller[Any, Any], runs: Controller[Any, Any], hub: Cluster) -> None:
    """Say which change of the hub wakes which key: the two kinds wake each other, a source its FleetRollouts."""
    of_rollouts = hub.informers.get(FLEET_ROLLOUTS)
    of_runs = hub.informers.get(FLEET_ROLLOUT_RUNS)

    def by_owner(run: Object) -> Iterable[str]:
        uid = owner_uid(run)
        return [key_of(obj) for obj in of_rollouts.items() if uid_of(obj) == uid]

    def by_rollout(obj: Object) -> Iterable[str]:
        return [key_of(run) for run in of_runs.items() if owner_uid(run) == uid_of(obj)]

    def by_source(source: Object) -> Iterable[str]:
        return [key_of(obj) for obj in of_rollouts.items() if follows(obj, source)]

    rollouts.watch(of_rollouts, lambda obj: [key_of(obj)])
    rollouts.watch(of_runs, by_owner)
    rollouts.watch(hub.informers.get(GIT_REPOSITORIES), by_source)
    runs.watch(of_runs, lambda obj: [key_of(obj)])
    runs.watch(of_rollouts, by_rollout)


def follows(rollout: Object, source: Object) -> bool:
    ref = ((rollout.get("spec") or {}).get("source") or {}).get("gitRepositoryRef") or {}
    return namespace_of(rollout) == namespace_of(source) and ref.get("name") == metadata(source).get("name")
