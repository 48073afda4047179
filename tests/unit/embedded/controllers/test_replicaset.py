from __future__ import annotations

import asyncio

from tests.unit.embedded.small_cluster import Small, deployment, play, set_replicas
from volary.embedded.api.local import NewObject
from volary.embedded.controllers.objects import controller_of, name_of, ready, status_of


def test_a_deleted_pod_is_replaced() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(), "kubectl")
        await asyncio.sleep(5)
        victim = name_of(cluster.pods()[0])
        cluster.local.delete("/pods", "test", victim)
        await asyncio.sleep(5)
        assert victim not in [name_of(pod) for pod in cluster.pods()]
        assert sum(ready(pod) for pod in cluster.pods()) == 2

    play(story)


def test_scaling_down_takes_the_pod_that_is_not_ready() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(3), "kubectl")
        await asyncio.sleep(5)
        sick = cluster.processes.started[1]
        sick.end(1)
        await asyncio.sleep(0.1)
        cluster.change(set_replicas(2))
        await asyncio.sleep(5)
        left = {name_of(pod) for pod in cluster.pods()}
        assert sick.command.env["VOLARY_POD"] not in left
        assert len(left) == 2

    play(story)


def test_a_pod_whose_labels_change_is_let_go_and_an_orphan_is_adopted() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(1), "kubectl")
        await asyncio.sleep(5)
        name = name_of(cluster.pods()[0])

        def relabel(app: str) -> None:
            def change(obj: NewObject) -> None:
                obj["metadata"]["labels"]["app"] = app

            cluster.change(change, "/pods", name)

        relabel("quarantine")
        await asyncio.sleep(5)
        assert len(cluster.pods()) == 2
        assert controller_of(cluster.get("/pods", name)) is None
        relabel("podinfo")
        await asyncio.sleep(5)
        assert len(cluster.pods()) == 1
        assert controller_of(cluster.pods()[0]) is not None

    play(story)


def test_its_status_counts_what_there_is() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(3), "kubectl")
        await asyncio.sleep(5)
        status = status_of(cluster.replica_sets()[0])
        assert status == {
            "replicas": 3,
            "fullyLabeledReplicas": 3,
            "readyReplicas": 3,
            "availableReplicas": 3,
            "terminatingReplicas": 0,
            "observedGeneration": 1,
        }

    play(story)
