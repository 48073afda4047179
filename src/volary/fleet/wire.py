"""JSON <-> spec for our own kinds, their defaults and the sentences about bad input; the only file that knows how the
fields are spelled. The statuses are stored as they are used: `progress.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta

from volary.fleet.progress import ClusterStatus, Progress, RolloutStatus, RunStatus
from volary.fleet.spec import (
    Amount,
    OnFailure,
    Ref,
    Requirement,
    Rollback,
    Rollout,
    Run,
    RunStage,
    Selector,
    Stage,
    State,
    Target,
)
from volary.kube.decoding import BadField, decode
from volary.kube.definitions import AGE, Column, definition
from volary.kube.objects import NewObject, Object, key_of, name_of, namespace_of
from volary.kube.resources import CLUSTERS, FLEET_ROLLOUT_RUNS, FLEET_ROLLOUTS

S = TypeVar("S", bound=Progress)

DNS_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DURATION = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"
PERCENT = r"^(100|[0-9]{1,2})%$"
UNITS = {"ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")

Name = Annotated[str, Meta(min_length=1, max_length=253)]
Duration = Annotated[str, Meta(pattern=DURATION)]
Count = Annotated[int, Meta(ge=0)] | Annotated[str, Meta(pattern=PERCENT)]
OnFailureName = Literal["RollbackPromoted", "RollbackCluster", "Hold"]


class Wire(msgspec.Struct, frozen=True, rename="camel"):
    """Base: camelCase in JSON."""


# -- Cluster


class SecretRefWire(Wire, frozen=True):
    namespace: Name
    name: Name
    key: str = ""  # "": `value`, else `value.yaml`


class KubeConfigWire(Wire, frozen=True):
    secret_ref: SecretRefWire


class ClusterSpec(Wire, frozen=True):
    kube_config: KubeConfigWire
    features: tuple[Literal["sync", "canary"], ...] = ()
    metrics_server: str = ""
    suspend: bool = False


# -- FleetRollout


class NameWire(Wire, frozen=True):
    name: Name


class RefWire(Wire, frozen=True):
    namespace: Name
    name: Name


class PartialRefWire(Wire, frozen=True):
    """What is left out is taken from elsewhere."""

    namespace: str = ""
    name: str = ""


class RequirementWire(Wire, frozen=True):
    key: Name
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: tuple[str, ...] = ()


class SelectorWire(Wire, frozen=True):
    match_labels: dict[str, str] = {}
    match_expressions: tuple[RequirementWire, ...] = ()


class SoakWire(Wire, frozen=True):
    min_time: Duration = "0s"


class StageWire(Wire, frozen=True):
    name: Annotated[str, Meta(pattern=DNS_LABEL, max_length=63)]
    cluster_selector: SelectorWire
    max_concurrency: Count = 1
    max_failures: Count = 0
    progress_deadline: Duration = "30m"
    soak: SoakWire = SoakWire()


class SourceWire(Wire, frozen=True):
    git_repository_ref: NameWire
    member: PartialRefWire = PartialRefWire()


class InClusterWire(Wire, frozen=True):
    kustomization_ref: PartialRefWire = PartialRefWire()
    canary_ref: RefWire | None = None


class FailurePolicyWire(Wire, frozen=True):
    on_failure: OnFailureName = "RollbackPromoted"


class RollbackWire(Wire, frozen=True):
    max_concurrency: Count = "100%"
    progress_deadline: Duration = "30m"


class FleetRolloutSpec(Wire, frozen=True, kw_only=True):
    suspend: bool = False
    source: SourceWire
    in_cluster: InClusterWire = InClusterWire()
    cluster_selector: SelectorWire = SelectorWire()
    stages: Annotated[tuple[StageWire, ...], Meta(min_length=1)]
    failure_policy: FailurePolicyWire = FailurePolicyWire()
    rollback: RollbackWire = RollbackWire()
    history_limit: Annotated[int, Meta(ge=1)] = 10


# -- FleetRolloutRun


class RevisionWire(Wire, frozen=True):
    commit: Annotated[str, Meta(pattern=r"^[0-9a-f]{40}$")]
    short: str = ""
    ref: str = ""


class RunStageWire(Wire, frozen=True):
    name: str
    clusters: tuple[str, ...]
    max_concurrency: Annotated[int, Meta(ge=1)] = 1
    max_failures: Annotated[int, Meta(ge=0)] = 0
    progress_deadline: Duration = "30m"
    soak: SoakWire = SoakWire()


class FleetRolloutRunSpec(Wire, frozen=True, kw_only=True):
    revision: RevisionWire
    member: RefWire
    kustomization_ref: RefWire
    canary_ref: RefWire | None = None
    stages: tuple[RunStageWire, ...]
    failure_policy: FailurePolicyWire = FailurePolicyWire()
    rollback: RollbackWire = RollbackWire()
    state: Literal["Run", "Pause", "Abort", "Rollback"] = "Run"


# -- reading


def cluster(obj: Object) -> ClusterSpec:
    """Return a Cluster's spec. Raises: BadField."""
    return decode(ClusterSpec, obj.get("spec") or {}, f"Cluster {name_of(obj)}", at="spec", refuse_unknown=True)


def rollout(obj: Object) -> Rollout:
    """Return a FleetRollout's spec, defaults filled in. Raises: BadField, with a sentence for the user."""
    where = f"FleetRollout {key_of(obj)}"
    wire = decode(FleetRolloutSpec, obj.get("spec") or {}, where, at="spec", refuse_unknown=True)
    home = namespace_of(obj)
    member = filled(wire.source.member, Ref(home, wire.source.git_repository_ref.name))
    canary = wire.in_cluster.canary_ref
    stages = tuple(stage(entry, index, where) for index, entry in enumerate(wire.stages))
    refuse_twins(stages, where)
    return Rollout(
        suspend=wire.suspend,
        source=Ref(home, wire.source.git_repository_ref.name),
        target=Target(member, filled(wire.in_cluster.kustomization_ref, member), ref(canary) if canary else None),
        selector=selector(wire.cluster_selector, "spec.clusterSelector", where),
        stages=stages,
        on_failure=OnFailure(wire.failure_policy.on_failure),
        rollback=rollback(wire.rollback),
        history_limit=wire.history_limit,
    )


def stage(wire: StageWire, index: int, where: str) -> Stage:
    return Stage(
        name=wire.name,
        selector=selector(wire.cluster_selector, f"spec.stages[{index}].clusterSelector", where),
        max_concurrency=amount(wire.max_concurrency),
        max_failures=amount(wire.max_failures),
        progress_deadline=duration(wire.progress_deadline),
        soak=duration(wire.soak.min_time),
    )


def refuse_twins(stages: tuple[Stage, ...], where: str) -> None:
    """Refuse two stages of one name, and two that both want all the rest. Raises: BadField."""
    for index, entry in enumerate(stages):
        for earlier in stages[:index]:
            if entry.name == earlier.name:
                at = f"spec.stages[{index}].name"
                raise BadField(at, f'{where}: {at} is "{entry.name}", as another stage; names of stages are unique')
            if entry.selector.empty and earlier.selector.empty:
                at = f"spec.stages[{index}].clusterSelector"
                message = f'{where}: {at} is empty, as that of stage "{earlier.name}"; one stage may take all the rest'
                raise BadField(at, message)


def run(obj: Object) -> Run:
    """Return a run's spec. Raises: BadField."""
    where = f"FleetRolloutRun {key_of(obj)}"
    wire = decode(FleetRolloutRunSpec, obj.get("spec") or {}, where, at="spec")
    return Run(
        commit=wire.revision.commit,
        branch=wire.revision.ref,
        target=Target(ref(wire.member), ref(wire.kustomization_ref), ref(wire.canary_ref) if wire.canary_ref else None),
        stages=tuple(run_stage(entry) for entry in wire.stages),
        on_failure=OnFailure(wire.failure_policy.on_failure),
        rollback=rollback(wire.rollback),
        state=State(wire.state),
    )


def run_stage(wire: RunStageWire) -> RunStage:
    return RunStage(
        name=wire.name,
        clusters=wire.clusters,
        max_concurrency=wire.max_concurrency,
        max_failures=wire.max_failures,
        progress_deadline=duration(wire.progress_deadline),
        soak=duration(wire.soak.min_time),
    )


def selector(wire: SelectorWire, at: str, where: str) -> Selector:
    """Return a selector. Raises: BadField for an expression that can never hold, or holds by accident."""
    labels = tuple(Requirement(key, "In", (value,)) for key, value in sorted(wire.match_labels.items()))
    for index, entry in enumerate(wire.match_expressions):
        needs_values = entry.operator in ("In", "NotIn")
        if needs_values != bool(entry.values):
            path = f"{at}.matchExpressions[{index}].values"
            rule = "allowed: at least one value" if needs_values else "allowed: none"
            raise BadField(path, f"{where}: {path} has {len(entry.values)} with operator {entry.operator}; {rule}")
    return Selector(labels + tuple(Requirement(e.key, e.operator, e.values) for e in wire.match_expressions))


def filled(wire: PartialRefWire, default: Ref) -> Ref:
    return Ref(wire.namespace or default.namespace, wire.name or default.name)


def ref(wire: RefWire) -> Ref:
    return Ref(wire.namespace, wire.name)


def rollback(wire: RollbackWire) -> Rollback:
    return Rollback(amount(wire.max_concurrency), duration(wire.progress_deadline))


def amount(value: int | str) -> Amount:
    return Amount(value) if isinstance(value, int) else Amount(int(value.rstrip("%")), percent=True)


def duration(text: str) -> timedelta:
    """Return "1m30s" as a timedelta; the type's pattern has been checked before."""
    return sum((UNITS[unit] * float(number) for number, unit in PART.findall(text)), timedelta())


def duration_text(length: timedelta) -> str:
    """Return a duration as short as people write it: 30m, 1h30m, 90s stays 1m30s."""
    seconds = length.total_seconds()
    if seconds % 1:
        return f"{round(seconds * 1000)}ms"
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{value}{unit}" for value, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if value]
    return "".join(parts) or "0s"


# -- writing


def run_spec_json(made: Run) -> NewObject:
    """Return a run's spec as it is stored, every field written out."""
    target = made.target
    spec: NewObject = {
        "revision": {"commit": made.commit, "short": made.short, "ref": made.branch},
        "member": ref_json(target.repository),
        "kustomizationRef": ref_json(target.kustomization),
        "stages": [
            {
                "name": entry.name,
                "clusters": list(entry.clusters),
                "maxConcurrency": entry.max_concurrency,
                "maxFailures": entry.max_failures,
                "progressDeadline": duration_text(entry.progress_deadline),
                "soak": {"minTime": duration_text(entry.soak)},
            }
            for entry in made.stages
        ],
        "failurePolicy": {"onFailure": str(made.on_failure)},
        "rollback": {
            "maxConcurrency": amount_json(made.rollback.max_concurrency),
            "progressDeadline": duration_text(made.rollback.progress_deadline),
        },
        "state": str(made.state),
    }
    if target.canary is not None:
        spec["canaryRef"] = ref_json(target.canary)
    return spec


def ref_json(made: Ref) -> NewObject:
    return {"namespace": made.namespace, "name": made.name}


def amount_json(made: Amount) -> int | str:
    return str(made) if made.percent else made.value


# -- statuses


def status_of(kind: type[S], obj: Object) -> S:
    """Return the stored status; one that cannot be read (edited by hand, say) raises BadField."""
    stored: Mapping[str, Any] = obj.get("status") or {}
    return decode(kind, stored, f"{obj.get('kind')} {key_of(obj)}", at="status")


def status_json(status: Progress) -> NewObject:
    made: NewObject = msgspec.to_builtins(status)
    return made


# -- CRDs


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
