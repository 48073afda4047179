"""The stock kubectl works on the embedded API, unmodified: what people type, and what they expect to read."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.differential.cluster import running_cluster

OLDEST = (1, 28)
SECONDS = 30


KUBECTL = os.environ.get("KUBECTL", "kubectl")  # the path of another one


@cache
def known_version() -> tuple[int, int] | None:
    if not shutil.which(KUBECTL):
        return None
    command = [KUBECTL, "version", "--client", "-o", "json"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)["clientVersion"]
    return int(found["major"]), int(re.sub(r"\D.*", "", found["minor"]))


pytestmark = pytest.mark.skipif(
    (known_version() or (0, 0)) < OLDEST, reason="There is no kubectl 1.28 or newer on this machine."
)


class Kubectl:
    """kubectl in one namespace."""

    def __init__(self, environment: dict[str, str], namespace: str) -> None:
        self.environment = environment
        self.namespace = namespace

    def run(self, line: str, stdin: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
        command = [KUBECTL, "-n", self.namespace, *line.split()]
        environment = {**self.environment, **extra}
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=SECONDS, env=environment, check=False
        )

    def __call__(self, line: str, stdin: str = "", **extra: str) -> str:
        """Return what a command that must succeed prints."""
        done = self.run(line, stdin, **extra)
        assert done.returncode == 0, f"kubectl {line}: {done.stderr}"
        return done.stdout

    def json(self, line: str) -> Any:
        return json.loads(self(f"{line} -o json"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("kubectl")
    kubeconfig = folder / "kubeconfig"
    with running_cluster(kubeconfig):
        yield {"PATH": os.environ["PATH"], "HOME": str(folder), "KUBECONFIG": str(kubeconfig)}


@pytest.fixture
def kubectl(environment: dict[str, str], request: pytest.FixtureRequest) -> Kubectl:
    """Return kubectl in a fresh namespace."""
    name = re.sub(r"[^a-z]+", "-", request.node.name)[:40].strip("-")
    made = Kubectl(environment, name)
    made(f"create namespace {name}")
    return made


def deployment(image: str = "nginx:1.25", replicas: int = 2, **metadata: Any) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", **metadata},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {"containers": [{"name": "web", "image": image, "ports": [{"containerPort": 80}]}]},
                },
            },
        }
    )


def test_the_server_says_what_it_is(kubectl: Kubectl) -> None:
    assert "Server Version: v1.36.3+embedded" in kubectl("version")
    assert "https://127.0.0.1" in kubectl("cluster-info")


def test_it_says_what_it_serves(kubectl: Kubectl) -> None:
    resources = kubectl("api-resources")
    assert re.search(r"^deployments +deploy +apps/v1 +true +Deployment$", resources, re.M)
    assert "autoscaling/v2" in kubectl("api-versions")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("create configmap one --from-literal=k=v", "configmap/one created"),
        ("create secret generic one --from-literal=k=v", "secret/one created"),
        ("create deployment one --image=nginx", "deployment.apps/one created"),
        ("create job one --image=nginx", "job.batch/one created"),
        ("create cronjob one --image=nginx --schedule=0_0_*_*_*", "cronjob.batch/one created"),
        ("create serviceaccount one", "serviceaccount/one created"),
        ("create service clusterip one --tcp=80:8080", "service/one created"),
        ("create role one --verb=get --resource=pods", "role.rbac.authorization.k8s.io/one created"),
        ("create rolebinding one --role=one --user=me", "rolebinding.rbac.authorization.k8s.io/one created"),
        ("create quota one --hard=pods=3", "resourcequota/one created"),
        ("create ingress one --rule=a.example.com/=svc:80", "ingress.networking.k8s.io/one created"),
        ("create poddisruptionbudget one --selector=a=b --min-available=1", "poddisruptionbudget.policy/one created"),
        ("run one --image=nginx", "pod/one created"),
    ],
)
def test_create(environment: dict[str, str], line: str, expected: str) -> None:
    kubectl = Kubectl(environment, "default")
    words = [word.replace("0_0_*_*_*", "0 0 * * *") for word in line.split()]
    done = subprocess.run([KUBECTL, *words], capture_output=True, text=True, timeout=SECONDS, env=kubectl.environment)
    assert expected in done.stdout, done.stderr


def test_get_in_all_its_forms(kubectl: Kubectl) -> None:
    kubectl("apply -f -", deployment())
    kubectl("rollout status deployment/web")
    assert re.search(r"^web +2/2 +2 +2 +\d+s$", kubectl("get deployments"), re.M)
    assert "nginx:1.25   app=web" in kubectl("get deploy -o wide")
    assert yaml.safe_load(kubectl("get deploy web -o yaml"))["spec"]["replicas"] == 2
    assert kubectl("get pods -o jsonpath={.items[*].status.phase}") == "Running Running"
    assert kubectl("get pods --sort-by=.metadata.name -o name").splitlines() == sorted(
        kubectl("get pods -o name").splitlines()
    )
    assert "pod-template-hash" in kubectl("get pods --show-labels -l app=web")
    assert kubectl("get deploy web -o custom-columns=A:.spec.replicas").split() == ["A", "2"]
    assert kubectl("get pods --field-selector=status.phase=Running -o name").count("pod/") == 2
    assert "No resources found" in kubectl.run("get services").stderr
    assert "replicaset.apps/web-" in kubectl("get all")
    assert "NAMESPACE" in kubectl("get pods -A")


def test_get_follows_what_happens(kubectl: Kubectl) -> None:
    command = [KUBECTL, "-n", kubectl.namespace, "get", "configmaps", "-w", "--field-selector=metadata.name=seen"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=kubectl.environment) as watching:
        assert watching.stdout
        kubectl("create configmap other")
        kubectl("create configmap seen --from-literal=a=b")
        lines = [watching.stdout.readline().split()[:2] for _ in range(2)]
        watching.terminate()
    assert lines == [["NAME", "DATA"], ["seen", "1"]]


def test_describe_tells_a_deployment_s_story(kubectl: Kubectl) -> None:
    kubectl("apply -f -", deployment())
    kubectl("rollout status deployment/web")
    text = kubectl("describe deployment web")
    assert "2 desired | 2 updated | 2 total | 2 available | 0 unavailable" in text
    assert "Scaled up replica set" in text
    assert "Node:             node-1" in kubectl("describe pods")
    kubectl("expose deployment web --port=80")
    assert "TargetPort:" in kubectl("describe service web")
    assert "Unschedulable:" in kubectl("describe node node-1")
    assert "Status:       Active" in kubectl(f"describe namespace {kubectl.namespace}")


def test_apply_creates_changes_and_leaves_alone(kubectl: Kubectl) -> None:
    assert kubectl("apply -f -", deployment()) == "deployment.apps/web created\n"
    assert kubectl("apply -f -", deployment()) == "deployment.apps/web unchanged\n"
    assert kubectl("apply -f -", deployment(image="nginx:1.26")) == "deployment.apps/web configured\n"
    kubectl("scale deployment web --replicas=5")
    kubectl("apply -f -", deployment(image="nginx:1.26", labels={"a": "b"}))
    found = kubectl.json("get deployment web")
    assert (found["spec"]["replicas"], found["metadata"]["labels"]) == (2, {"a": "b"})
    kubectl("apply -f -", deployment(image="nginx:1.26"))
    assert "labels" not in kubectl.json("get deployment web")["metadata"]


def test_apply_says_which_field_is_wrong(kubectl: Kubectl) -> None:
    wrong = deployment().replace("image:", "imge:")
    assert 'unknown field "spec.template.spec.containers[0].imge"' in kubectl.run("apply -f -", wrong).stderr


def test_server_side_apply_conflicts_and_can_be_forced(kubectl: Kubectl) -> None:
    assert "serverside-applied" in kubectl("apply --server-side -f -", deployment())
    kubectl("apply --server-side --field-manager=other --force-conflicts -f -", deployment(replicas=4))
    refused = kubectl.run("apply --server-side -f -", deployment(replicas=3))
    assert refused.returncode == 1
    assert 'conflict with "other": .spec.replicas' in refused.stderr
    kubectl("apply --server-side --force-conflicts -f -", deployment(replicas=3))
    managers = {
        it["manager"] for it in kubectl.json("get deploy web --show-managed-fields")["metadata"]["managedFields"]
    }
    assert {"kubectl", "other"} <= managers


def test_client_side_apply_moves_over_to_the_server_side(kubectl: Kubectl) -> None:
    kubectl("apply -f -", deployment())
    kubectl("apply --server-side -f -", deployment(replicas=3))
    assert kubectl.json("get deployment web")["spec"]["replicas"] == 3


def test_diff_shows_what_apply_would_do(kubectl: Kubectl) -> None:
    kubectl("apply -f -", deployment())
    assert kubectl.run("diff -f -", deployment()).returncode == 0
    changed = kubectl.run("diff -f -", deployment(image="nginx:1.26"))
    assert changed.returncode == 1
    assert "+      - image: nginx:1.26" in changed.stdout.replace("+        image", "+      - image")


def test_delete_waits_until_it_is_gone(kubectl: Kubectl) -> None:
    kubectl("apply -f -", deployment())
    assert kubectl("delete deployment web").startswith('deployment.apps "web" deleted')
    assert kubectl("get deployment web --ignore-not-found") == ""
    kubectl("wait --for=delete pod -l app=web --timeout=10s")
    kubectl("create configmap a")
    kubectl("create configmap b")
    kubectl("delete configmap --all")
    kubectl("create deployment fg --image=nginx")
    kubectl("delete deployment fg --cascade=foreground")
    kubectl("create deployment orphaned --image=nginx")
    kubectl("delete deployment orphaned --cascade=orphan")
    assert "orphaned" in kubectl("get replicasets")


def test_a_namespace_is_deleted_with_all_that_is_in_it(environment: dict[str, str]) -> None:
    kubectl = Kubectl(environment, "doomed")
    kubectl("create namespace doomed")
    kubectl("apply -f -", deployment())
    kubectl("delete namespace doomed")
    assert "NotFound" in kubectl.run("get namespace doomed").stderr


def test_scale(kubectl: Kubectl) -> None:
    kubectl("apply -f -", deployment())
    assert kubectl("scale deployment web --replicas=3") == "deployment.apps/web scaled\n"
    kubectl("scale deployment web --current-replicas=3 --replicas=1")
    assert kubectl.run("scale deployment web --current-replicas=3 --replicas=1").returncode == 1
    kubectl("rollout status deployment/web")
    assert kubectl("get pods -o name").count("pod/") == 1


def test_edit_by_script(kubectl: Kubectl, tmp_path: Path) -> None:
    kubectl("apply -f -", deployment())
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/replicas: 2/replicas: 4/' \"$1\"\n")
    editor.chmod(0o700)
    assert "deployment.apps/web edited" in kubectl("edit deployment web", KUBE_EDITOR=str(editor))
    assert kubectl.json("get deployment web")["spec"]["replicas"] == 4


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        ("strategic", '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"nginx:2"}]}}}}'),
        ("merge", '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"nginx:2"}]}}}}'),
        ("json", '[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"nginx:2"}]'),
    ],
)
def test_patch(kubectl: Kubectl, kind: str, patch: str) -> None:
    kubectl("apply -f -", deployment())
    assert kubectl(f"patch deployment web --type={kind} -p {patch}") == "deployment.apps/web patched\n"
    container = kubectl.json("get deployment web")["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == "nginx:2"
    assert ("ports" in container) == (kind != "merge")


def test_wait(kubectl: Kubectl) -> None:
    kubectl("apply -f -", deployment())
    assert "condition met" in kubectl("wait --for=condition=Available deployment/web --timeout=10s")
    assert "condition met" in kubectl("wait --for=jsonpath={.status.readyReplicas}=2 deployment/web --timeout=10s")
    assert kubectl.run("wait --for=condition=Nope deployment/web --timeout=1s").returncode == 1


def test_rollouts_go_forth_and_back(kubectl: Kubectl) -> None:
    kubectl("apply -f -", deployment())
    kubectl("rollout status deployment/web")
    kubectl("set image deployment/web web=nginx:1.26")
    assert "successfully rolled out" in kubectl("rollout status deployment/web --timeout=10s")
    assert kubectl("rollout history deployment/web").split()[-4:] == ["1", "<none>", "2", "<none>"]
    assert "nginx:1.26" in kubectl("rollout history deployment/web --revision=2")
    assert "rolled back" in kubectl("rollout undo deployment/web")
    kubectl("rollout status deployment/web --timeout=10s")
    assert kubectl("get pods -o jsonpath={..image}").split()[0] == "nginx:1.25"
    before = set(kubectl("get pods -o name").split())
    assert "restarted" in kubectl("rollout restart deployment/web")
    kubectl("rollout status deployment/web --timeout=10s")
    assert not before & set(kubectl("get pods -o name --field-selector=status.phase=Running").split())
    assert "paused" in kubectl("rollout pause deployment/web")
    assert "resumed" in kubectl("rollout resume deployment/web")


def test_a_rollout_that_does_not_finish_says_so(kubectl: Kubectl) -> None:
    kubectl("apply -f -", deployment())
    kubectl("rollout status deployment/web")
    kubectl("set image deployment/web web=broken:1")
    waiting = kubectl.run("rollout status deployment/web --timeout=1s")
    assert waiting.returncode == 1
    assert "1 out of 2 new replicas have been updated" in waiting.stdout


def test_explain(kubectl: Kubectl) -> None:
    assert "maxSurge\t<IntOrString>" in kubectl("explain deployment.spec.strategy.rollingUpdate")
    assert "FIELDS:" in kubectl("explain pods --recursive")
    assert "VERSION:    v2" in kubectl("explain hpa --api-version=autoscaling/v2")
    assert kubectl.run("explain pods.spec.nope").returncode == 1


def test_labels_and_annotations(kubectl: Kubectl) -> None:
    kubectl("create configmap a")
    assert kubectl("label configmap a x=1") == "configmap/a labeled\n"
    assert kubectl.run("label configmap a x=2").returncode == 1
    kubectl("label configmap a x=2 --overwrite")
    kubectl("annotate configmap a note=hello")
    metadata = kubectl.json("get configmap a")["metadata"]
    assert (metadata["labels"], metadata["annotations"]) == ({"x": "2"}, {"note": "hello"})
    assert kubectl("label configmap a x-") == "configmap/a unlabeled\n"


def test_who_am_i_and_what_may_i_do(kubectl: Kubectl) -> None:
    assert re.search(r"^Username +admin$", kubectl("auth whoami"), re.M)
    assert kubectl("auth can-i create deployments") == "yes\n"
    assert "Resources" in kubectl("auth can-i --list")


def test_logs_and_events(kubectl: Kubectl) -> None:
    kubectl("apply -f -", deployment())
    kubectl("rollout status deployment/web")
    assert kubectl("logs deployment/web") == "hello from web\n"
    pod = kubectl("get pods -o jsonpath={.items[0].metadata.name}")
    assert kubectl(f"logs {pod} -c web --tail=5") == "hello from web\n"
    assert "container nope is not valid" in kubectl.run(f"logs {pod} -c nope").stderr
    assert "ScalingReplicaSet" in kubectl("events")
    assert "SuccessfulCreate" in kubectl("get events --sort-by=.lastTimestamp")


def test_what_cannot_work_says_so_in_one_sentence(kubectl: Kubectl) -> None:
    kubectl("run one --image=nginx")
    kubectl("wait --for=condition=Ready pod/one --timeout=10s")
    for line, part in (
        ("exec one -- ls", "exec"),
        ("attach one", "attach"),
        ("port-forward one 8080:80", "portforward"),
        ("debug one --image=busybox", "ephemeralcontainers"),
    ):
        refused = kubectl.run(line)
        assert refused.returncode == 1
        assert f"the embedded API server does not implement pods/{part}" in refused.stderr


def test_a_quota_has_columns_of_its_own(kubectl: Kubectl) -> None:
    kubectl("create quota few --hard=pods=3")
    assert kubectl("get quota").split()[:4] == ["NAME", "REQUEST", "LIMIT", "AGE"]


def test_expose_autoscale_and_set(kubectl: Kubectl) -> None:
    kubectl("apply -f -", deployment())
    assert kubectl("expose deployment web --port=80") == "service/web exposed\n"
    assert re.search(r"^web +ClusterIP +10\.\S+ +<none> +80/TCP ", kubectl("get service web"), re.M)
    assert "autoscaled" in kubectl("autoscale deployment web --min=2 --max=4 --cpu-percent=80")
    assert re.search(r"^web +Deployment/web +cpu: \S+/80% +2 +4 ", kubectl("get hpa"), re.M)
    kubectl("set env deployment/web A=1")
    kubectl("set resources deployment/web --limits=cpu=100m")
    container = kubectl.json("get deployment web")["spec"]["template"]["spec"]["containers"][0]
    assert container["env"] == [{"name": "A", "value": "1"}]
    assert container["resources"] == {"limits": {"cpu": "100m"}}


def test_nodes_can_be_cordoned_and_drained(kubectl: Kubectl) -> None:
    kubectl("apply -f -", deployment())
    kubectl("rollout status deployment/web")
    kubectl("cordon node-1")
    assert "SchedulingDisabled" in kubectl("get nodes")
    kubectl("uncordon node-1")
    pod = kubectl("get pods -o jsonpath={.items[0].metadata.name}")
    kubectl(f"delete pod {pod} --grace-period=0 --force")


def test_replace(kubectl: Kubectl) -> None:
    kubectl("create -f -", deployment())
    assert kubectl("replace -f -", deployment(replicas=3)) == "deployment.apps/web replaced\n"
    assert "AlreadyExists" in kubectl.run("create -f -", deployment()).stderr
    assert kubectl("create -f - --dry-run=server", deployment().replace("name: web", "name: dry", 1)).endswith(
        "created (server dry run)\n"
    )


CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: things, singular: thing, kind: Thing, listKind: ThingList, shortNames: [th]}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, required: [size], properties: {size: {type: integer, description: How large.}}}
"""
THING = "apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: a}\nspec: {size: 3}\n"


def test_custom_resources_come_and_go(kubectl: Kubectl) -> None:
    kubectl("apply -f -", CRD)
    kubectl("wait --for=condition=Established crd/things.example.com --timeout=10s")
    assert kubectl("apply -f -", THING) == "thing.example.com/a created\n"
    assert re.search(r"^a +3$", kubectl("get th"), re.M)
    assert "How large." in kubectl("explain thing.spec.size")
    assert "spec.size: Required value" in kubectl.run("apply -f -", THING.replace("size: 3", "other: 1")).stderr + (
        kubectl.run(
            "apply --validate=false -f -", THING.replace("{size: 3}", "{}").replace("name: a", "name: b")
        ).stderr
    )
    assert kubectl("apply -f -", THING.replace("3", "4")) == "thing.example.com/a configured\n"
    kubectl("delete crd things.example.com")
    assert kubectl.run("get things").returncode == 1


def test_a_kind_without_columns_and_without_objects_is_an_empty_list(kubectl: Kubectl) -> None:
    assert "No resources found" in kubectl.run("get limitranges").stderr
