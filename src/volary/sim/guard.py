"""What must hold at every write of every run, whatever goes wrong; and how a fleet looks that has come to rest.

Looks at the stores themselves, from inside each write, so no fault on any way can hide a moment.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import msgspec

from volary.demo.world import APP, HUB, HUB_NAMESPACE, MEMBERS, NAMESPACE
from volary.embedded.api.local import Object
from volary.fleet.why import number
from volary.kube.objects import dig
from volary.sim.cluster import SimulatedCluster
from volary.sim.crowd import shares
from volary.sim.stage import VirtualStage

DEPLOYMENTS, ROUTES = "apps/deployments", "networking.istio.io/virtualservices"
SOURCES, RUNS = "source.toolkit.fluxcd.io/gitrepositories", "volary.dev/fleetrolloutruns"
CANARIES = "flagger.app/canaries"
MEASUREMENTS = 10  # two metrics at each of five steps
FIRST, LATER = MEMBERS


@dataclass(slots=True)
class Record:
    """What one member has shown so far."""

    target: str = ""  # containers of the target's template now
    primary: str = ""
    promoted: set[str] = field(default_factory=set)  # whatever the primary has been
    measured: dict[str, int] = field(default_factory=dict)  # version -> queries while it had traffic
    asked: int = 0  # queries so far
    weight: float = 0.0  # share of the canary now
    pin: str = ""


class Guard:
    """Watches a stage for as long as it stands. `violations` must stay empty."""

    def __init__(self, stage: VirtualStage) -> None:
        self.stage = stage
        self.violations: list[str] = []
        self.records = {name: Record() for name in MEMBERS}
        for name in MEMBERS:
            stage.clusters[name].api.local.listen(partial(self._written, name))

    def check(self) -> list[str]:
        """Return all that was violated so far, requests that found no pod included."""
        lost = [
            f"{name}: {cluster.crowd.lost:.1f} requests found no ready pod"
            for name, cluster in self.stage.clusters.items()
            if cluster.crowd.lost > 1e-6
        ]
        return self.violations + lost

    def _written(self, cluster: str, resource: str, old: Object | None, new: Object | None) -> None:
        if new is None:
            return
        name = str(dig(new, "metadata", "name"))
        self._count(cluster)
        if resource == DEPLOYMENTS and name == APP:
            self._target(cluster, version_of(new))
        elif resource == DEPLOYMENTS and name == f"{APP}-primary":
            self._primary(cluster, version_of(new))
        elif resource == ROUTES and name == APP:
            self.records[cluster].weight = shares(new, APP).get(f"{APP}-canary", 0.0)
        elif resource == SOURCES and name == APP:
            self._pin(cluster, str(dig(new, "spec", "ref", "commit") or ""))

    def _count(self, cluster: str) -> None:
        """Give the queries since the last write to the version that had traffic meanwhile."""
        record, asked = self.records[cluster], self.stage.clusters[cluster].services.queries
        if record.weight:
            record.measured[record.target] = record.measured.get(record.target, 0) + asked - record.asked
        record.asked = asked

    def _target(self, cluster: str, version: str) -> None:
        record = self.records[cluster]
        if version == record.target:
            return
        before, record.target = record.target, version
        record.measured[version] = 0
        if before and cluster == LATER and version not in self.records[FIRST].promoted:
            self._say(f"{LATER} got {version} although {FIRST} has never promoted it")

    def _primary(self, cluster: str, version: str) -> None:
        record = self.records[cluster]
        if version == record.primary:
            return
        before, record.primary = record.primary, version
        measured = record.measured.get(version, 0)
        if before and measured < MEASUREMENTS:
            self._say(f"{cluster} promoted {version} after {measured} measurements")
        record.promoted.add(version)

    def _pin(self, cluster: str, commit: str) -> None:
        record = self.records[cluster]
        if commit == record.pin:
            return
        record.pin = commit
        runs = self.stage.clusters[HUB].api.local.items(RUNS, HUB_NAMESPACE)
        of_commit = [run for run in runs if dig(run, "spec", "revision", "commit") == commit]
        newest = max(of_commit, key=number, default=None)
        if newest is not None and dig(newest, "status", "rollback"):
            self._say(f"{cluster} was pinned to {commit[:7]} after its way back had begun")

    def _say(self, sentence: str) -> None:
        self.violations.append(f"{self.stage.story.clock():.2f} s: {sentence}")


def version_of(deployment: Object) -> str:
    """Return what a Deployment runs: image, and what it is told by variables."""
    containers = dig(deployment, "spec", "template", "spec", "containers") or ()
    parts = [
        f"{str(one.get('image')).rpartition(':')[2]} {msgspec.json.encode(one.get('env') or []).decode()}"
        for one in containers
    ]
    return "; ".join(parts)


def unrest(stage: VirtualStage, release: int, *members: str) -> list[str]:
    """Return how members (none: all) differ from being at rest on a release."""
    found: list[str] = []
    for name in members or MEMBERS:
        proven = {entry["name"]: entry.get("proven") for entry in dig(stage.world.rollout(), "status", "members") or ()}
        if proven.get(name) != stage.project.commits[release]:
            found.append(f"{name} is proven at {str(proven.get(name))[:7]}, not at version {release}")
        found += [f"{name}: {sentence}" for sentence in unrest_in(stage.clusters[name], release)]
    return found


def unrest_in(cluster: SimulatedCluster, release: int) -> list[str]:
    local = cluster.api.local
    canary, route = local.get(CANARIES, NAMESPACE, APP), local.get(ROUTES, NAMESPACE, APP)
    target, primary = (local.get(DEPLOYMENTS, NAMESPACE, name) for name in (APP, f"{APP}-primary"))
    facts = {
        "the canary is Initialized, Succeeded or Failed": dig(canary, "status", "phase")
        in ("Initialized", "Succeeded", "Failed"),
        "all traffic is on the primary": shares(route, APP) == {f"{APP}-primary": 1.0},
        "the target is scaled down": dig(target, "spec", "replicas") == 0 and not dig(target, "status", "replicas"),
        f"the primary runs version {release}": f'"version {release}"' in version_of(primary or {}),
        "the primary is as the target": version_of(primary or {}) == version_of(target or {}),
    }
    return [f"it is not so that {sentence}" for sentence, true in facts.items() if not true]
