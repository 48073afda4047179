from __future__ import annotations

import asyncio
from typing import Any

from tests.unit.embedded.small_cluster import Small, play
from volary.embedded.api.local import NewObject
from volary.embedded.controllers.objects import deleting, name_of, ready, spec_of, status_of

DAEMON_SETS = "apps/daemonsets"


def daemon_set(command: str = "sleep infinity", **spec: Any) -> NewObject:
    container = {"name": "agent", "image": "busybox:1.36", "command": ["sh", "-c", command]}
    template = {"metadata": {"labels": {"app": "agent"}}, "spec": {"containers": [container]}}
    body = {"selector": {"matchLabels": {"app": "agent"}}, "template": template, **spec}
    metadata = {"name": "agent", "namespace": "test"}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": body}


def new_node(cluster: Small, name: str) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}}
    cluster.local.create("/nodes", node, "kubectl")


def counts(cluster: Small) -> tuple[int, int, int]:
    status = status_of(cluster.get(DAEMON_SETS, "agent"))
    return status["desiredNumberScheduled"], status["currentNumberScheduled"], status["numberReady"]


def test_a_node_without_a_kubelet_gets_a_pod_that_stays_pending() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create(DAEMON_SETS, daemon_set(), "kubectl")
        await asyncio.sleep(5)
        assert counts(cluster) == (1, 1, 1)
        new_node(cluster, "dead")
        await asyncio.sleep(60)
        assert counts(cluster) == (2, 2, 1)
        (pending,) = [pod for pod in cluster.pods() if not ready(pod)]
        assert (spec_of(pending)["nodeName"], status_of(pending)["phase"]) == ("dead", "Pending")
        cluster.local.delete("/pods", "test", name_of(pending))
        await asyncio.sleep(60)
        assert deleting(cluster.get("/pods", name_of(pending)))
        cluster.local.remove("/pods", "test", name_of(pending))
        await asyncio.sleep(5)
        assert counts(cluster) == (2, 2, 1)

    play(story)


def test_a_taint_that_evicts_takes_the_daemon_away() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create(DAEMON_SETS, daemon_set(), "kubectl")
        await asyncio.sleep(5)
        taint = {"key": "broken", "effect": "NoExecute"}
        cluster.local.update("/nodes", {**cluster.get("/nodes", "node-1", ""), "spec": {"taints": [taint]}}, "kubectl")
        await asyncio.sleep(5)
        assert cluster.pods() == []
        assert counts(cluster) == (0, 0, 0)

    play(story)


def test_history_is_kept_up_to_its_limit() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create(DAEMON_SETS, daemon_set(revisionHistoryLimit=1), "kubectl")
        for seconds in (100, 200, 300):
            await asyncio.sleep(30)

            def change(obj: NewObject, seconds: int = seconds) -> None:
                obj["spec"]["template"]["spec"]["containers"][0]["command"] = ["sleep", str(seconds)]

            cluster.change(change, DAEMON_SETS, "agent")
        await asyncio.sleep(30)
        revisions = cluster.local.items("apps/controllerrevisions", "test")
        assert sorted(each["revision"] for each in revisions) == [3, 4]

    play(story)


def test_a_failed_daemon_pod_is_replaced_not_too_often() -> None:
    async def story(cluster: Small) -> None:
        cluster.local.create(DAEMON_SETS, daemon_set(), "kubectl")
        await asyncio.sleep(5)
        for _ in range(2):
            pod = cluster.pods()[0]
            failed = {**pod, "status": {**status_of(pod), "phase": "Failed"}}
            cluster.local.update_status("/pods", failed, "kubelet")
            await asyncio.sleep(5)
            assert name_of(cluster.pods()[0]) != name_of(pod)
        said = cluster.messages("FailedDaemonPod")
        assert len(said) == 2
        assert said[0].endswith("on node node-1, will try to kill it")

    play(story)
