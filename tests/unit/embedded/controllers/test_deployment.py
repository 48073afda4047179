from __future__ import annotations

import asyncio

from tests.unit.embedded.small_cluster import (
    NEWER,
    PODINFO,
    Small,
    deployment,
    play,
    reason,
    set_image,
    set_replicas,
)
from volary.embedded.api.local import NewObject
from volary.embedded.controllers.objects import annotations_of, condition, name_of, spec_of, status_of
from volary.embedded.controllers.rollouts.replica_sets import HISTORY, REVISION

NEVER = "example.com/never:1"


def test_a_deployment_becomes_available() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(), "kubectl")
        await asyncio.sleep(0.5)
        assert reason(cluster.deployment(), "Available") == "MinimumReplicasUnavailable"
        await asyncio.sleep(2)
        status = status_of(cluster.deployment())
        assert {key: status[key] for key in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")} == {
            "replicas": 2,
            "updatedReplicas": 2,
            "readyReplicas": 2,
            "availableReplicas": 2,
        }
        assert "unavailableReplicas" not in status
        assert reason(cluster.deployment(), "Available") == "MinimumReplicasAvailable"
        name = name_of(cluster.replica_sets()[0])
        progress = condition(cluster.deployment(), "Progressing") or {}
        assert progress["message"] == f'ReplicaSet "{name}" has successfully progressed.'
        assert annotations_of(cluster.deployment())[REVISION] == "1"

    play(story)


def test_no_replicas_are_available_and_complete_also_right_after_a_template_change() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(0), "kubectl")
        await asyncio.sleep(0.1)
        for image in (PODINFO, NEWER):
            cluster.change(set_image(image))
            await asyncio.sleep(0.1)
            assert reason(cluster.deployment(), "Available") == "MinimumReplicasAvailable"
            assert reason(cluster.deployment(), "Progressing") == "NewReplicaSetAvailable"
            generation = cluster.deployment()["metadata"]["generation"]
            assert status_of(cluster.deployment())["observedGeneration"] == generation
        assert cluster.pods() == []

    play(story)


def test_a_rolling_update_never_leaves_its_bounds() -> None:
    async def story(cluster: Small) -> None:
        strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
        cluster.local.create("apps/deployments", deployment(8, strategy=strategy), "kubectl")
        await asyncio.sleep(5)
        seen: list[tuple[int, int]] = []

        def note(resource: str, old: object, new: object) -> None:
            sizes = [spec_of(each).get("replicas", 0) for each in cluster.replica_sets()]
            ready = sum(status_of(each).get("readyReplicas", 0) for each in cluster.replica_sets())
            seen.append((sum(sizes), ready))

        cluster.local.listen(note)
        cluster.change(set_image(NEWER))
        await asyncio.sleep(60)
        assert max(total for total, _ in seen) == 10
        assert min(ready for _, ready in seen) >= 6
        assert reason(cluster.deployment(), "Progressing") == "NewReplicaSetAvailable"
        assert [spec_of(each)["replicas"] for each in cluster.replica_sets()].count(0) == 1

    play(story)


def test_the_progress_deadline_is_told_and_a_better_template_ends_it() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(progressDeadlineSeconds=30), "kubectl")
        await asyncio.sleep(5)
        cluster.change(set_image(NEVER))
        await asyncio.sleep(25)
        assert reason(cluster.deployment(), "Progressing") == "ReplicaSetUpdated"
        await asyncio.sleep(10)
        late = condition(cluster.deployment(), "Progressing") or {}
        assert (late["status"], late["reason"]) == ("False", "ProgressDeadlineExceeded")
        assert late["message"].endswith("has timed out progressing.")
        assert reason(cluster.deployment(), "Available") == "MinimumReplicasAvailable"
        cluster.change(set_image(NEWER))
        await asyncio.sleep(10)
        assert reason(cluster.deployment(), "Progressing") == "NewReplicaSetAvailable"

    play(story)


def test_at_rest_nothing_is_written() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(), "kubectl")
        await asyncio.sleep(30)
        before, passes = len(cluster.writes), cluster.manager.passes
        await asyncio.sleep(1800)
        assert len(cluster.writes) == before
        assert cluster.manager.passes == passes

    play(story)


def test_an_undo_brings_the_old_replica_set_back_under_a_new_revision() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(), "kubectl")
        await asyncio.sleep(5)
        first = name_of(cluster.replica_sets()[0])
        cluster.change(set_image(NEWER))
        await asyncio.sleep(10)
        cluster.change(set_image(PODINFO))
        await asyncio.sleep(10)
        old = cluster.get("apps/replicasets", first)
        assert spec_of(old)["replicas"] == 2
        assert annotations_of(old)[REVISION] == "3"
        assert annotations_of(old)[HISTORY] == "1"
        assert annotations_of(cluster.deployment())[REVISION] == "3"
        assert len(cluster.replica_sets()) == 2

    play(story)


def test_history_is_kept_up_to_its_limit() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(0, revisionHistoryLimit=2), "kubectl")
        for patch in range(6):
            cluster.change(set_image(f"stefanprodan/podinfo:6.1.{patch}"))
            await asyncio.sleep(1)
        revisions = sorted(int(annotations_of(each)[REVISION]) for each in cluster.replica_sets())
        assert revisions == [4, 5, 6]

    play(story)


def test_a_paused_deployment_scales_but_does_not_roll() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(), "kubectl")
        await asyncio.sleep(5)

        def pause(obj: NewObject) -> None:
            obj["spec"] |= {"paused": True, "replicas": 3}
            set_image(NEWER)(obj)

        cluster.change(pause)
        await asyncio.sleep(5)
        assert [spec_of(each)["replicas"] for each in cluster.replica_sets()] == [3]
        assert reason(cluster.deployment(), "Progressing") == "DeploymentPaused"
        cluster.change(lambda obj: obj["spec"].update(paused=False))
        await asyncio.sleep(10)
        assert sorted(spec_of(each)["replicas"] for each in cluster.replica_sets()) == [0, 3]
        assert reason(cluster.deployment(), "Progressing") == "NewReplicaSetAvailable"

    play(story)


def test_recreate_waits_until_the_last_old_pod_is_gone() -> None:
    async def story(cluster: Small) -> None:
        cluster.processes.stop_seconds = 4
        cluster.local.create("apps/deployments", deployment(strategy={"type": "Recreate"}), "kubectl")
        await asyncio.sleep(5)
        cluster.change(set_image(NEWER))
        await asyncio.sleep(3)
        assert len(cluster.replica_sets()) == 1
        await asyncio.sleep(10)
        images = {spec_of(pod)["containers"][0]["image"] for pod in cluster.pods()}
        assert images == {NEWER}

    play(story)


def test_min_ready_seconds_delay_availability() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(minReadySeconds=20), "kubectl")
        await asyncio.sleep(15)
        assert status_of(cluster.deployment())["readyReplicas"] == 2
        assert "availableReplicas" not in status_of(cluster.deployment())
        await asyncio.sleep(10)
        assert status_of(cluster.deployment())["availableReplicas"] == 2

    play(story)


def test_scaling_in_mid_rollout_keeps_both_sets() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(4), "kubectl")
        await asyncio.sleep(5)
        cluster.change(set_image(NEVER))
        await asyncio.sleep(5)
        cluster.change(set_replicas(8))
        await asyncio.sleep(5)
        sizes = sorted(spec_of(each)["replicas"] for each in cluster.replica_sets())
        assert sum(sizes) <= 10
        assert min(sizes) > 0
        assert status_of(cluster.deployment())["availableReplicas"] >= 6

    play(story)


def test_two_templates_of_one_name_are_told_apart_by_a_count() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("apps/deployments", deployment(0), "kubectl")
        await asyncio.sleep(1)
        taken = name_of(cluster.replica_sets()[0])
        cluster.local.remove("apps/deployments", "test", "podinfo")
        await asyncio.sleep(1)
        spec = {**deployment(0)["spec"], "selector": {"matchLabels": {"app": "podinfo"}}}
        spec["template"]["spec"]["containers"][0]["image"] = NEWER
        metadata = {"name": taken, "namespace": "test", "labels": {"app": "other"}}
        other = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}
        cluster.local.create("apps/replicasets", other, "kubectl")
        cluster.local.create("apps/deployments", deployment(0), "kubectl")
        await asyncio.sleep(1)
        assert status_of(cluster.deployment())["collisionCount"] == 1
        assert len(cluster.replica_sets()) == 2

    play(story)
