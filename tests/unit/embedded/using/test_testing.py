"""`embedded_cluster`, as the tests of other projects use it: in a thread, in a loop, and gone without a trace."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import urllib.request
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.embedded.api.test_custom_resources import definition
from tests.unit.embedded.small_cluster import deployment
from volary.embedded.testing import Fault, Kubeconfig, embedded_cluster
from volary.kube.client import Client
from volary.kube.http import HttpTransport
from volary.kube.kubeconfig import load
from volary.kube.objects import NewObject, Object, Resource
from volary.kube.resources import DEPLOYMENTS
from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually

JOBS = Resource("batch/v1", "Job", "jobs")
PODS = Resource("v1", "Pod", "pods")


def get(kubeconfig: str, path: str) -> Any:
    """Ask as any client would, with what the kubeconfig says."""
    config = yaml.safe_load(Path(kubeconfig).read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    trust = ssl.create_default_context(cadata=b64decode(cluster["certificate-authority-data"]).decode())
    request = urllib.request.Request(cluster["server"] + path, headers={"Authorization": f"Bearer {user['token']}"})
    with urllib.request.urlopen(request, context=trust, timeout=30) as answer:
        return json.loads(answer.read())


def test_a_cluster_answers_in_its_block_and_is_gone_after_it() -> None:
    threads = threading.active_count()
    with embedded_cluster() as kubeconfig:
        assert kubeconfig.path.stat().st_mode & 0o777 == 0o600
        names = [it["metadata"]["name"] for it in get(kubeconfig, "/api/v1/namespaces")["items"]]
        assert names == ["default", "kube-node-lease", "kube-public", "kube-system"]
        assert kubeconfig.server.startswith("https://127.0.0.1:")
        text = kubeconfig.path.read_text()
    assert not kubeconfig.path.parent.exists()
    assert threading.active_count() == threads
    left = kubeconfig.path.parent.with_name("left")
    assert not left.exists()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(yaml.safe_load(text)["clusters"][0]["cluster"]["server"], timeout=5)


def test_two_at_once_know_nothing_of_each_other() -> None:
    with embedded_cluster() as one, embedded_cluster(pods=False, version="1.33") as two:
        assert one.server != two.server
        assert len(get(one, "/api/v1/nodes")["items"]) == 1
        assert get(two, "/api/v1/nodes")["items"] == []
        assert (get(one, "/version")["minor"], get(two, "/version")["minor"]) == ("36", "33")


def test_the_node_is_of_the_release_that_is_served() -> None:
    with embedded_cluster(version="1.33") as cluster:
        (node,) = get(cluster, "/api/v1/nodes")["items"]
        assert node["status"]["nodeInfo"]["kubeletVersion"] == get(cluster, "/version")["gitVersion"]


def test_what_fails_in_the_block_comes_out_as_it_is() -> None:
    async def fail() -> None:
        async with embedded_cluster():
            raise LookupError("from the test")

    with pytest.raises(LookupError, match="from the test"):
        asyncio.run(fail())
    with pytest.raises(LookupError, match="from the test"), embedded_cluster() as kubeconfig:
        raise LookupError("from the test")
    assert not kubeconfig.path.exists()


def test_definitions_are_there_from_the_start(tmp_path: Path) -> None:
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", **definition()}
    (tmp_path / "widgets.yaml").write_text(yaml.safe_dump(crd))
    with embedded_cluster(crds=[tmp_path]) as kubeconfig:
        assert get(kubeconfig, "/apis/example.com/v1/namespaces/default/widgets")["items"] == []


def test_what_cannot_be_had_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.yaml"
    for text, says in (
        ("kind: ConfigMap", "bad.yaml holds something else than CustomResourceDefinitions"),
        ("kind: [", "bad.yaml is not YAML"),
        ("{kind: CustomResourceDefinition, metadata: {name: a}}", r'bad.yaml: .*"a" is invalid'),
    ):
        bad.write_text(text)
        with pytest.raises(ValueError, match=says), embedded_cluster(crds=[bad]):
            pytest.fail("it began")
    with pytest.raises(ValueError, match=r"1\.99"), embedded_cluster(version="1.99"):
        pytest.fail("it began")
    with pytest.raises(FileNotFoundError), embedded_cluster(crds=[tmp_path / "none.yaml"]):
        pytest.fail("it began")


def test_the_same_seed_gives_the_same_ids() -> None:
    def uid(seed: int) -> Any:
        with embedded_cluster(seed=seed, pods=False) as kubeconfig:
            return get(kubeconfig, "/api/v1/namespaces/default")["metadata"]["uid"]

    assert uid(1) == uid(1) != uid(2)


# -- pods, in virtual time: the same server and client, over HTTP


@asynccontextmanager
async def client_of(kubeconfig: Kubeconfig) -> AsyncIterator[Client]:
    client = Client(HttpTransport(load(VirtualClock().now, kubeconfig)), "test")
    try:
        yield client
    finally:
        await client.close()


def waiting(pod: Object) -> str:
    """Return what a pod's container waits for."""
    state: Object = pod["status"]["containerStatuses"][0]["state"]
    return str(state.get("waiting", {}).get("reason", ""))


def pods_after(seconds: float, obj: NewObject, faults: dict[str, Fault] | None = None) -> list[NewObject]:
    """Return the pods of an object some (virtual) time after it was created."""

    async def story() -> list[NewObject]:
        async with embedded_cluster(faults=faults, clock=VirtualClock()) as kubeconfig:
            obj["metadata"]["namespace"] = "default"
            async with client_of(kubeconfig) as client:
                await client.create(DEPLOYMENTS if obj["kind"] == "Deployment" else JOBS, obj)
                await asyncio.sleep(seconds)
                return (await client.list(PODS, "default")).items

    return run_virtually(story())


def test_a_pod_of_any_image_gets_ready() -> None:
    pods = pods_after(2, deployment(2, "registry.example/anything:1"))
    assert [pod["status"]["phase"] for pod in pods] == ["Running", "Running"]
    assert all(pod["status"]["containerStatuses"][0]["ready"] for pod in pods)


@pytest.mark.parametrize(
    ("fault", "seconds", "reason"),
    [(Fault.MISSING, 5, "ImagePullBackOff"), (Fault.CRASH, 5, "CrashLoopBackOff"), (Fault.DEAF, 60, "")],
)
def test_an_image_fails_as_told(fault: Fault, seconds: float, reason: str) -> None:
    (pod,) = pods_after(seconds, deployment(1, "registry.example/web:broken"), {"*:broken": fault})
    assert waiting(pod) == reason
    assert not pod["status"]["containerStatuses"][0]["ready"]


def test_back_off_goes_by_virtual_time() -> None:
    (pod,) = pods_after(1000, deployment(1, "registry.example/web:broken"), {"*:broken": Fault.CRASH})
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 8  # after 0, 10, 20, 40, 80, 160, 300 and 300 s


def test_a_job_is_done() -> None:
    container = {"name": "work", "image": "registry.example/work:1"}
    template = {"spec": {"containers": [container], "restartPolicy": "Never"}}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"}, "spec": {"template": template}}
    (pod,) = pods_after(2, job)
    assert pod["status"]["phase"] == "Succeeded"
