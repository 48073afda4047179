"""Who falls into which stage. Pure; a Cluster that takes part falls into exactly one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from volary.fleet.facts import Look
from volary.fleet.spec import Rollout, RunStage, Stage


@dataclass(frozen=True, slots=True)
class Assignment:
    """The clusters of each stage, by name, in the order of the stages; or why there is none."""

    stages: tuple[tuple[Stage, tuple[str, ...]], ...] = ()
    reason: str = ""  # InvalidSpec | NoClusterSelected | ClusterInNoStage
    message: str = ""

    @property
    def order(self) -> tuple[str, ...]:
        """Return all clusters, in order of dispatch."""
        return tuple(name for _, names in self.stages for name in names)


def assign(rollout: Rollout, looks: Mapping[str, Look]) -> Assignment:
    """Return who falls where. An empty selector takes all that no other stage selects."""
    if not looks:
        return Assignment(reason="NoClusterSelected", message="spec.clusterSelector selects no Cluster")
    named: dict[str, list[str]] = {stage.name: [] for stage in rollout.stages}
    rest = next((stage for stage in rollout.stages if stage.selector.empty), None)
    nowhere = []
    for name in sorted(looks):
        stages = [s.name for s in rollout.stages if not s.selector.empty and s.selector.matches(looks[name].labels)]
        if len(stages) > 1:
            message = (
                f'spec.stages: Cluster {name} is selected by stages "{stages[0]}" and "{stages[1]}"; '
                "allowed: exactly one stage for each Cluster"
            )
            return Assignment(reason="InvalidSpec", message=message)
        if stages or rest:
            named[stages[0] if stages else rest.name if rest else ""].append(name)
        else:
            nowhere.append(name)
    if nowhere:
        message = f"no stage selects {', '.join(nowhere)}; add a stage with an empty clusterSelector, or labels"
        return Assignment(reason="ClusterInNoStage", message=message)
    return Assignment(tuple((stage, tuple(named[stage.name])) for stage in rollout.stages))


def resolve(assignment: Assignment) -> tuple[RunStage, ...]:
    """Return the stages of a new run: percentages become numbers of clusters, rounded down."""
    return tuple(
        RunStage(
            name=stage.name,
            clusters=names,
            max_concurrency=stage.max_concurrency.of(len(names), least=1),
            max_failures=stage.max_failures.of(len(names)),
            progress_deadline=stage.progress_deadline,
            soak=stage.soak,
        )
        for stage, names in assignment.stages
    )
