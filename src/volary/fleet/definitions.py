"""The CRDs of our own kinds, with the columns that `kubectl get` shows. Pure."""

from __future__ import annotations

from volary.fleet.progress import ClusterStatus, RolloutStatus, RunStatus
from volary.fleet.wire import ClusterSpec, FleetRolloutRunSpec, FleetRolloutSpec
from volary.kube.definitions import AGE, Column, definition
from volary.kube.objects import NewObject
from volary.kube.resources import CLUSTERS, FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS


def of_condition(kind: str, field: str) -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{field}'


def definitions() -> list[NewObject]:
    """Return the CRDs of Cluster, FleetRollout and FleetRolloutRun."""
    return [
        definition(
            CLUSTERS,
            spec=ClusterSpec,
            status=ClusterStatus,
            columns=[
                Column("Reachable", of_condition("Reachable", "status")),
                Column("Version", ".status.version"),
                AGE,
                Column("Reason", of_condition("Reachable", "reason"), priority=1),
            ],
            categories=["volary"],
        ),
        definition(
            FLEET_ROLLOUTS,
            spec=FleetRolloutSpec,
            status=RolloutStatus,
            columns=[
                Column("Ready", of_condition("Ready", "status")),
                Column("Commit", ".status.current.commit"),
                Column("Run", ".status.activeRun"),
                Column("Status", of_condition("Ready", "message")),
                AGE,
            ],
            short_names=["fr"],
            categories=["volary"],
        ),
        definition(
            FLEET_ROLLOUT_RUNS,
            spec=FleetRolloutRunSpec,
            status=RunStatus,
            columns=[
                Column("Revision", ".spec.revision.short"),
                Column("Phase", ".status.phase"),
                Column("Stage", ".status.stage"),
                Column("Verified", ".status.verified"),
                Column("Hold", ".status.hold.reason"),
                AGE,
            ],
            short_names=["frr"],
            categories=["volary"],
        ),
    ]
