from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.embedded.small_cluster import PODINFO, Small, deployment, play
from volary.embedded.api.local import NewObject, Object
from volary.embedded.controllers.objects import condition, name_of, ready, spec_of, status_of


def pod(image: str = PODINFO, name: str = "one", **container: Any) -> NewObject:
    body = {"name": "podinfod", "image": image, **container}
    metadata = {"name": name, "namespace": "test"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [body]}}


def get(cluster: Small, name: str = "one") -> Object:
    return cluster.get("/pods", name)


def gone(cluster: Small, name: str = "one") -> bool:
    return cluster.local.get("/pods", "test", name) is None


def container(cluster: Small, name: str = "one") -> Any:
    return status_of(get(cluster, name))["containerStatuses"][0]


def test_a_pod_is_bound_started_and_ready_when_it_listens() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/pods", pod(), "kubectl")
        await asyncio.sleep(0.5)
        assert spec_of(get(cluster))["nodeName"] == "node-1"
        assert not ready(get(cluster))
        await asyncio.sleep(1)
        status = status_of(get(cluster))
        assert ready(get(cluster))
        assert (status["phase"], status["podIP"]) == ("Running", "10.1.0.1")
        assert cluster.node.lookup("test", "one") == {9898: ("127.1.0.1", 9898)}
        assert cluster.processes.started[0].command.env["VOLARY_VERSION"] == "6.0.0"

    play(story)


def test_an_unknown_image_waits_with_the_list_of_known_ones() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/pods", pod("nginx:1"), "kubectl")
        await asyncio.sleep(0.5)
        assert container(cluster)["state"]["waiting"]["reason"] == "ErrImagePull"
        await asyncio.sleep(5)
        waiting = container(cluster)["state"]["waiting"]
        assert waiting["reason"] == "ImagePullBackOff"
        assert "ghcr.io/stefanprodan/podinfo" in waiting["message"]
        assert status_of(get(cluster))["phase"] == "Pending"
        assert cluster.processes.started == []
        cluster.local.delete("/pods", "test", "one")
        await asyncio.sleep(1)
        assert gone(cluster)

    play(story)


def test_a_crash_takes_readiness_at_once_and_restarts_back_off() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/pods", pod(), "kubectl")
        await asyncio.sleep(2)
        for back_off in (0, 10, 20, 40):
            starts = len(cluster.processes.started)
            assert ready(get(cluster))
            cluster.processes.started[-1].end(137)
            await asyncio.sleep(0.001)
            assert not ready(get(cluster))
            await asyncio.sleep(max(0, back_off - 0.5))
            assert (len(cluster.processes.started) == starts) == (back_off > 0)
            await asyncio.sleep(3)
            assert len(cluster.processes.started) == starts + 1
        cluster.processes.started[-1].end(137)
        await asyncio.sleep(1)
        state = container(cluster)
        assert state["state"]["waiting"]["reason"] == "CrashLoopBackOff"
        assert state["restartCount"] == 4
        assert state["lastState"]["terminated"]["exitCode"] == 137

    play(story)


def test_a_deleted_pod_serves_on_until_the_mesh_knows_then_gets_its_grace() -> None:
    async def story(cluster: Small) -> None:
        cluster.processes.stop_seconds = 100  # it does not want to go
        cluster.local.create(
            "/pods", {**pod(), "spec": {**pod()["spec"], "terminationGracePeriodSeconds": 7}}, "kubectl"
        )
        await asyncio.sleep(2)
        child = cluster.processes.started[0]
        cluster.local.delete("/pods", "test", "one")
        await asyncio.sleep(0.04)
        assert child.answers
        await asyncio.sleep(6.9)
        assert not gone(cluster)
        await asyncio.sleep(0.5)
        assert gone(cluster)
        assert await child.wait() == 137
        assert cluster.node.lookup("test", "one") == {}

    play(story)


def test_a_failing_liveness_probe_restarts_and_a_failing_readiness_probe_does_not() -> None:
    async def story(cluster: Small) -> None:
        live = {"httpGet": {"path": "/healthz", "port": 9898}, "periodSeconds": 1, "failureThreshold": 3}
        sick = pod(livenessProbe=live, env=[{"name": "PODINFO_UNHEALTHY", "value": "true"}])
        cluster.local.create("/pods", sick, "kubectl")
        shy_probe = {"httpGet": {"path": "/readyz", "port": 9898}, "periodSeconds": 1}
        shy = pod(name="shy", readinessProbe=shy_probe, env=[{"name": "PODINFO_UNREADY", "value": "true"}])
        cluster.local.create("/pods", shy, "kubectl")
        await asyncio.sleep(6)
        assert container(cluster)["restartCount"] == 1
        assert container(cluster, "shy")["restartCount"] == 0
        assert not ready(get(cluster, "shy"))
        bad = condition(get(cluster, "shy"), "Ready") or {}
        assert bad["message"] == "containers with unready status: [podinfod]"
        assert "Readiness probe failed: HTTP probe failed with statuscode: 503" in cluster.messages("Unhealthy")

    play(story)


def test_a_startup_probe_holds_the_others_back() -> None:
    async def story(cluster: Small) -> None:
        probe = {"httpGet": {"path": "/version", "port": 9898}, "initialDelaySeconds": 20}
        cluster.local.create("/pods", pod(startupProbe=probe), "kubectl")
        await asyncio.sleep(10)
        assert container(cluster)["started"] is False
        assert not ready(get(cluster))
        await asyncio.sleep(15)
        assert container(cluster)["started"] is True
        assert ready(get(cluster))

    play(story)


def test_a_missing_config_map_holds_the_container_until_it_is_there() -> None:
    async def story(cluster: Small) -> None:
        env = [{"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "late", "key": "color"}}}]
        cluster.local.create("/pods", pod(env=env), "kubectl")
        await asyncio.sleep(3)
        assert container(cluster)["state"]["waiting"] == {
            "reason": "CreateContainerConfigError",
            "message": 'configmap "late" not found',
        }
        metadata = {"name": "late", "namespace": "test"}
        late = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"color": "red"}}
        cluster.local.create("/configmaps", late, "kubectl")
        await asyncio.sleep(3)
        assert ready(get(cluster))
        assert cluster.processes.started[0].command.env["COLOR"] == "red"

    play(story)


def test_a_pod_that_may_not_restart_ends_for_good() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/pods", {**pod(), "spec": {**pod()["spec"], "restartPolicy": "Never"}}, "kubectl")
        await asyncio.sleep(2)
        cluster.processes.started[0].end(3)
        await asyncio.sleep(60)
        assert status_of(get(cluster))["phase"] == "Failed"
        assert len(cluster.processes.started) == 1
        assert container(cluster)["state"]["terminated"]["exitCode"] == 3
        assert container(cluster)["lastState"] == {}  # it has one life, not two

    play(story)


def test_no_author_of_a_pod_can_set_what_the_node_sets() -> None:
    async def story(cluster: Small) -> None:
        env = [{"name": "VOLARY_POD", "value": "other"}, {"name": "VOLARY_LISTEN", "value": "22=0"}]
        cluster.local.create("/pods", pod(env=env), "kubectl")
        await asyncio.sleep(2)
        given = cluster.processes.started[0].command.env
        assert given["VOLARY_POD"] == "one"
        assert "VOLARY_LISTEN" not in given

    play(story)


def test_a_pre_stop_sleep_is_slept_and_other_commands_are_not_run() -> None:
    async def story(cluster: Small) -> None:
        sleeping = pod(lifecycle={"preStop": {"exec": {"command": ["sh", "-c", "sleep 5"]}}})
        other = pod(name="other", lifecycle={"preStop": {"exec": {"command": ["rm", "-rf", "/"]}}})
        cluster.local.create("/pods", sleeping, "kubectl")
        cluster.local.create("/pods", other, "kubectl")
        await asyncio.sleep(2)
        for name in ("one", "other"):
            cluster.local.delete("/pods", "test", name)
        await asyncio.sleep(3)
        assert gone(cluster, "other")
        assert not gone(cluster)
        assert cluster.processes.started[0].answers
        assert any("rm -rf /" in text for text in cluster.messages("FailedPreStopHook"))
        await asyncio.sleep(3)
        assert gone(cluster)

    play(story)


def test_a_cordoned_node_takes_no_pod_until_it_is_free_again() -> None:
    async def story(cluster: Small) -> None:
        def cordon(value: bool) -> None:
            node = cluster.get("/nodes", "node-1", "")
            cluster.local.update("/nodes", {**node, "spec": {"unschedulable": value}}, "kubectl")

        cordon(True)
        cluster.local.create("apps/deployments", deployment(1), "kubectl")
        await asyncio.sleep(5)
        assert "unschedulable" in (condition(cluster.pods()[0], "PodScheduled") or {})["message"]
        cordon(False)
        await asyncio.sleep(5)
        assert ready(cluster.pods()[0])

    play(story)


def test_a_pod_forced_away_is_killed_and_its_successor_of_the_same_name_starts() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create("/pods", pod(), "kubectl")
        await asyncio.sleep(2)
        cluster.local.remove("/pods", "test", "one")
        cluster.local.create("/pods", pod(), "kubectl")
        await asyncio.sleep(3)
        assert await cluster.processes.started[0].wait() == 137
        assert ready(get(cluster))
        assert name_of(get(cluster)) == "one"

    play(story)


def test_a_pod_that_a_finalizer_holds_shows_that_nothing_runs() -> None:
    async def story(cluster: Small) -> None:
        held = pod()
        held["metadata"]["finalizers"] = ["example.com/mine"]
        cluster.local.create("/pods", held, "kubectl")
        await asyncio.sleep(2)
        cluster.local.delete("/pods", "test", "one")
        await asyncio.sleep(5)
        assert not ready(get(cluster))
        assert status_of(get(cluster))["phase"] == "Succeeded"
        writes = len(cluster.writes)
        await asyncio.sleep(60)
        assert len(cluster.writes) == writes
        cluster.change(lambda obj: obj["metadata"].pop("finalizers"), "/pods", "one")
        await asyncio.sleep(1)
        assert gone(cluster)

    play(story)


def test_a_bug_on_the_way_leaves_no_pod_that_looks_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(cluster: Small) -> None:
        probe = {"httpGet": {"path": "/readyz", "port": 9898}, "periodSeconds": 1}
        cluster.local.create("/pods", pod(readinessProbe=probe), "kubectl")
        await asyncio.sleep(2)

        async def broken(*arguments: object) -> int:
            raise ZeroDivisionError

        with monkeypatch.context() as patched:
            patched.setattr(cluster.processes, "get", broken)
            await asyncio.sleep(2)
            assert not ready(get(cluster))
        await asyncio.sleep(20)
        assert ready(get(cluster))

    play(story)
