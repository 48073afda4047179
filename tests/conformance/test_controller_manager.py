"""The real kube-controller-manager, unmodified, does the work of our controllers on an embedded cluster."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import pytest

from tests.conformance.conftest import testbed
from tests.conformance.controller_manager import (
    LEASES,
    NAMESPACES,
    NEWER,
    PODINFO,
    SHELL,
    Stage,
    authority_of,
    job,
    set_image,
    staged,
    template,
    workload,
)
from volary.embedded.controllers.objects import controller_of, labels_of, name_of, status_of

pytestmark = pytest.mark.conformance

DEPLOYMENTS, REPLICA_SETS, DAEMON_SETS = "apps/deployments", "apps/replicasets", "apps/daemonsets"
JOBS, PODS, SLICES = "batch/jobs", "/pods", "discovery.k8s.io/endpointslices"
# As in the documentation: those that do not run, here or on a real API server started like this.
NEEDS_A_CLOUD = {"cloud-node-lifecycle-controller", "node-route-controller", "service-lb-controller"}
NEEDS_A_FEATURE_GATE = {
    "kube-apiserver-serving-clustertrustbundle-publisher-controller",
    "podcertificaterequest-cleaner-controller",
    "podgroup-protection-controller",
    "resourcepoolstatusrequest-controller",
    "storage-version-migrator-controller",
    "storageversion-garbage-collector-controller",
}
NEEDS_SETTINGS = {"certificatesigningrequest-signing-controller", "node-ipam-controller"}
OFF_BY_DEFAULT = {"bootstrap-signer-controller", "selinux-warning-controller", "token-cleaner-controller"}
Play = Callable[[Callable[[Stage], Coroutine[Any, Any, None]]], None]


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Play]:
    """Play stories, one after the other, on one cluster with one controller manager."""
    if not shutil.which("go"):
        pytest.skip("The real controller manager is built with Go, which is not on this machine.")
    folder, binary = tmp_path_factory.mktemp("embedded"), testbed().build()
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        stage = runner.run(stack.enter_async_context(staged(folder, binary)))
        yield lambda story: runner.run(story(stage))
        runner.run(stack.aclose())
        assert stage.manager.returncode in (0, -15), stage.log.read_text()[-3000:]
        assert not list((folder / "cluster" / "processes").iterdir()), "a pod outlived its cluster"


def test_it_takes_its_lease_and_furnishes_namespaces(play: Play) -> None:
    async def story(stage: Stage) -> None:
        def leads() -> bool:
            lease = stage.local.get(LEASES, "kube-system", "kube-controller-manager") or {}
            return bool((lease.get("spec") or {}).get("holderIdentity"))

        await stage.until(leads, "the Lease is taken")
        await stage.until(lambda: stage.get("/serviceaccounts", "default"), "the default ServiceAccount is there")
        await stage.until(lambda: stage.get("/configmaps", "kube-root-ca.crt"), "and the authority")
        root = stage.get("/configmaps", "kube-root-ca.crt")["data"]["ca.crt"]
        assert root == authority_of(stage.cluster).decode()

    play(story)


def test_it_runs_all_controllers_but_those_that_need_something_else(play: Play) -> None:
    async def story(stage: Stage) -> None:
        text = stage.log.read_text()
        left_out = re.findall(r'Warning: (?:controller is disabled|skipping controller)" controller="([^"]*)"', text)
        assert set(left_out) == NEEDS_A_CLOUD | NEEDS_A_FEATURE_GATE | NEEDS_SETTINGS | OFF_BY_DEFAULT

    play(story)


def test_it_rolls_a_deployment_out_and_back(play: Play) -> None:
    async def story(stage: Stage) -> None:
        stage.create(DEPLOYMENTS, "Deployment", "web", workload("web", PODINFO, replicas=2))
        await stage.until(lambda: stage.settled("web", 2), "two pods are available")
        for revision, image in (("2", NEWER), ("3", PODINFO)):
            stage.change(DEPLOYMENTS, "web", set_image(image))
            await stage.until(partial(stage.rolled_out, "web", image), f"all pods run {image}")
            await stage.until(lambda: stage.settled("web", 2), "the Deployment says so")
            notes = stage.get(DEPLOYMENTS, "web")["metadata"]["annotations"]
            assert notes["deployment.kubernetes.io/revision"] == revision
        assert len(stage.names(REPLICA_SETS, "web")) == 2
        assert "ScalingReplicaSet" in stage.reasons("web")

    play(story)


def test_it_puts_pods_behind_a_service(play: Play) -> None:
    async def story(stage: Stage) -> None:
        stage.create(DEPLOYMENTS, "Deployment", "shop", workload("shop", PODINFO, replicas=2))
        ports = [{"name": "http", "port": 80, "targetPort": 9898}]
        stage.create("/services", "Service", "shop", {"selector": {"app": "shop"}, "ports": ports}, "v1")

        def endpoints() -> list[str]:
            slices = [it for it in stage.local.items(SLICES, "test") if _service(it) == "shop"]
            ready = [it for each in slices for it in each["endpoints"] or () if it["conditions"]["ready"]]
            return sorted(it["targetRef"]["name"] for it in ready)

        await stage.until(lambda: endpoints() == stage.names(PODS, "shop") != [], "both pods are endpoints")
        await stage.until(lambda: stage.get("/endpoints", "shop").get("subsets"), "Endpoints are there too")
        gone = stage.names(PODS, "shop")[0]
        stage.local.delete(PODS, "test", gone)
        await stage.until(lambda: gone not in endpoints() and len(endpoints()) == 2, "another pod took its place")

    play(story)


def _service(endpoint_slice: object) -> str:
    assert isinstance(endpoint_slice, dict)
    return str(labels_of(endpoint_slice).get("kubernetes.io/service-name"))


def test_it_brings_jobs_to_their_end(play: Play) -> None:
    async def story(stage: Stage) -> None:
        good = job("good", "echo $JOB_COMPLETION_INDEX; sleep 0.1", completions=3, completionMode="Indexed")
        bad = job("bad", "exit 3", backoffLimit=0)
        stage.create(JOBS, "Job", "good", good, "batch/v1")
        stage.create(JOBS, "Job", "bad", bad, "batch/v1")
        await stage.until(lambda: stage.holds(JOBS, "good", "Complete"), "the good Job is complete")
        await stage.until(lambda: stage.holds(JOBS, "bad", "Failed"), "the bad Job has failed")
        status = status_of(stage.get(JOBS, "good"))
        assert (status["succeeded"], status["completedIndexes"]) == (3, "0-2")
        assert "succeeded" not in status_of(stage.get(JOBS, "bad"))
        assert status_of(stage.get(JOBS, "bad"))["failed"] == 1
        assert not any(each["metadata"].get("finalizers") for each in stage.local.items(PODS, "test"))
        await stage.until(lambda: {"Completed", "SuccessfulCreate"} <= stage.reasons("good"), "Events tell of it")
        await stage.until(lambda: "BackoffLimitExceeded" in stage.reasons("bad"), "and of the other's end")

    play(story)


def test_it_runs_one_pod_of_a_daemon_set_and_updates_it(play: Play) -> None:
    async def story(stage: Stage) -> None:
        spec = workload("agent", SHELL)
        spec["template"] = template("agent", SHELL, "sleep", "infinity")
        stage.create(DAEMON_SETS, "DaemonSet", "agent", spec)
        await stage.until(lambda: status_of(stage.get(DAEMON_SETS, "agent")).get("numberReady") == 1, "it is ready")
        stage.change(DAEMON_SETS, "agent", set_image("busybox:1.37"))
        await stage.until(lambda: stage.rolled_out("agent", "busybox:1.37"), "its pod is of the new image")
        await stage.until(lambda: len(stage.names(PODS, "agent")) == 1, "there is one pod")
        assert len(stage.names("apps/controllerrevisions", "agent")) == 2

    play(story)


@pytest.mark.parametrize("policy", ["Foreground", "Background", "Orphan"])
def test_it_collects_what_owners_leave(play: Play, policy: str) -> None:
    name = policy.lower()

    async def story(stage: Stage) -> None:
        stage.create(DEPLOYMENTS, "Deployment", name, workload(name, PODINFO, replicas=1))
        await stage.until(lambda: stage.settled(name, 1), "the pod is available")
        stage.local.delete(DEPLOYMENTS, "test", name, policy=policy)
        await stage.until(lambda: not stage.get(DEPLOYMENTS, name), "the Deployment is gone")
        if policy == "Orphan":
            (left,) = stage.names(REPLICA_SETS, name)
            assert controller_of(stage.get(REPLICA_SETS, left)) is None
            assert len(stage.names(PODS, name)) == 1
        else:
            await stage.until(lambda: not stage.names(REPLICA_SETS, name), "its ReplicaSet is gone")
            await stage.until(lambda: not stage.names(PODS, name), "its pods are gone")

    play(story)


def test_it_runs_what_our_controllers_do_not(play: Play) -> None:
    async def story(stage: Stage) -> None:
        spec = workload("db", PODINFO, replicas=2, serviceName="db")
        stage.create("apps/statefulsets", "StatefulSet", "db", spec)
        await stage.until(lambda: status_of(stage.get("apps/statefulsets", "db")).get("readyReplicas") == 2, "both run")
        assert stage.names(PODS, "db") == ["db-0", "db-1"]

    play(story)


def test_it_empties_a_namespace(play: Play) -> None:
    async def story(stage: Stage) -> None:
        stage.create(DEPLOYMENTS, "Deployment", "last", workload("last", PODINFO, replicas=1))
        await stage.until(lambda: stage.settled("last", 1), "the pod is available")
        stage.local.delete(NAMESPACES, "", "test")
        await stage.until(lambda: stage.local.get(NAMESPACES, "", "test") is None, "the namespace is gone")
        left = [name_of(each) for each in stage.local.items(PODS, "test")]
        assert not left

    play(story)
