"""Deployments, ReplicaSets, pods: defaults, validation, strategic merges, scale and status."""

# ruff: noqa: E501 - a step stays on its line, however long
from __future__ import annotations

import copy
from typing import Any

from tests.differential.scripts.namespaced import obj, script
from tests.differential.steps import TABLE, VERSION, delete, get, json_patch, merge, op, post, put, strategic

D = "apps/v1!deployments"
R = "apps/v1!replicasets"
P = "v1!pods"


def container(**members: Any) -> dict[str, Any]:
    return {"name": "c", "image": "nginx:1.25", **members}


def template(app: str, **members: Any) -> dict[str, Any]:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    made = container(ports=[{"containerPort": 80}], env=env, **members)
    return {"metadata": {"labels": {"app": app}}, "spec": {"containers": [made]}}


def deployment(name: str = "web", **members: Any) -> dict[str, Any]:
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": name}}, "template": template(name), **members}
    return {"metadata": {"name": name, "labels": {"app": name}}, "spec": spec}


def change(**members: Any) -> dict[str, Any]:
    """Return a patch of the container c."""
    return {"spec": {"template": {"spec": {"containers": [{"name": "c", **members}]}}}}


def scale(replicas: int, name: str = "web") -> dict[str, Any]:
    return {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": name, "namespace": "t-deployments"},
            "spec": {"replicas": replicas}}  # fmt: skip


def pod(name: str, **members: Any) -> dict[str, Any]:
    return obj(name, spec={"containers": [container()], **members})


def without(it: dict[str, Any], *path: str) -> dict[str, Any]:
    found = copy.deepcopy(it)
    inner = found
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return found


SCRIPTS = [
    script(
        "deployments",
        post("create", D, deployment(), VERSION),
        get("get", f"{D}/web"),
        get("table", D, TABLE),
        get("scale", f"{D}/web/scale"),
        put("put scale", f"{D}/web/scale", scale(5)),
        merge("patch scale", f"{D}/web/scale?fieldManager=scaler", {"spec": {"replicas": 4}}),
        merge("negative scale", f"{D}/web/scale", {"spec": {"replicas": -1}}),
        get("scale of nothing", f"{D}/nope/scale"),
        get("after scaling", f"{D}/web"),
        strategic("image", f"{D}/web", change(image="nginx:1.26")),
        strategic("add a variable", f"{D}/web", change(env=[{"name": "C", "value": "3"}])),
        strategic("change a variable", f"{D}/web", change(env=[{"name": "A", "value": "9"}])),
        strategic("delete a variable", f"{D}/web", change(env=[{"name": "B", "$patch": "delete"}])),
        strategic("in this order", f"{D}/web", change(**{"$setElementOrder/env": [{"name": "C"}, {"name": "A"}],
                                                         "env": [{"name": "C", "value": "4"}]})),
        strategic("add a container", f"{D}/web", {"spec": {"template": {"spec": {"containers": [
            {"name": "side", "image": "envoy:1"}]}}}}),
        strategic("replace the containers", f"{D}/web", {"spec": {"template": {"spec": {"containers": [
            {"$patch": "replace"}, {"name": "c", "image": "nginx:1.27"}]}}}}),
        strategic("retain keys", f"{D}/web", {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}),
        strategic("back to rolling", f"{D}/web", {"spec": {"strategy": {
            "type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "10%"}}}}),
        strategic("restart", f"{D}/web", {"spec": {"template": {"metadata": {"annotations": {
            "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}}}}),
        merge("merge replaces the list", f"{D}/web", {"spec": {"template": {"spec": {"containers": [container()]}}}}),
        json_patch("json patch", f"{D}/web", op("replace", "/spec/template/spec/containers/0/image", "nginx:1.28")),
        merge("pause", f"{D}/web", {"spec": {"paused": True}}),
        merge("and go on", f"{D}/web", {"spec": {"paused": False}}),
        merge("labels do not count as a generation", f"{D}/web", {"metadata": {"labels": {"z": "1"}}}),
        merge("status by its own path", f"{D}/web/status?fieldManager=ctl", {"status": {
            "replicas": 3, "readyReplicas": 2, "updatedReplicas": 3, "observedGeneration": 1, "conditions": [
                {"type": "Available", "status": "True", "reason": "Minimum", "message": "ok",
                 "lastUpdateTime": "2026-01-01T00:00:00Z", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}),
        get("table with status", f"{D}/web", TABLE),
        merge("status not by the main path", f"{D}/web", {"status": {"replicas": 77}}),
        merge("spec not by the status path", f"{D}/web/status", {"spec": {"replicas": 77}, "status": {"replicas": 1}}),
        merge("negative status", f"{D}/web/status", {"status": {"replicas": -1}}),
        get("status", f"{D}/web/status"),
        merge("no template", f"{D}/web", {"spec": {"template": None}}),
        merge("other selector", f"{D}/web", {"spec": {"selector": {"matchLabels": {"app": "x"}}}}),
        put("stale put", f"{D}/web", {**deployment(), "metadata": {"name": "web", "resourceVersion": "$rv"}}),
        put("put", f"{D}/web", deployment(replicas=1)),
        delete("delete in the foreground", f"{D}/web", {"propagationPolicy": "Foreground"}),
    ),
    script(
        "bad-deployments",
        post("no selector", D, without(deployment(), "spec", "selector")),
        post("no template", D, without(deployment(), "spec", "template")),
        post("no spec", D, {"metadata": {"name": "web"}}),
        post("selector does not match", D, deployment(selector={"matchLabels": {"app": "other"}})),
        post("empty selector", D, deployment(selector={})),
        post("no containers", D, deployment(template={"metadata": {"labels": {"app": "web"}}, "spec": {"containers": []}})),
        post("negative replicas", D, deployment(replicas=-1)),
        post("bad strategy", D, deployment(strategy={"type": "Nope"})),
        post("both zero", D, deployment(strategy={"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}})),
        post("recreate with rolling", D, deployment(strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}})),
        post("deadline before ready", D, deployment(progressDeadlineSeconds=1, minReadySeconds=5)),
        post("never restarts", D, deployment(template={"metadata": {"labels": {"app": "web"}}, "spec": {
            "restartPolicy": "Never", "containers": [container()]}})),
        post("no image", D, deployment(template={"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c"}]}})),
        post("two of a name", D, deployment(template={"metadata": {"labels": {"app": "web"}}, "spec": {
            "containers": [container(), container()]}})),
        post("bad port", D, deployment(template=template("web", livenessProbe={"tcpSocket": {"port": 0}}))),
        post("replicas are text", D, deployment(replicas="3")),
        post("replicas are huge", D, deployment(replicas=3000000000)),
        post("unknown field, strict", f"{D}?fieldValidation=Strict", deployment(replica=3, template=template("web", imge="x"))),
        post("unknown fields, warned of", D, deployment("warned", replica=3, template=template("warned", imge="x"))),
        post("a variable twice, warned of", D, deployment("twice", template={"metadata": {"labels": {"app": "twice"}}, "spec": {
            "containers": [container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])]}})),
    ),
    script(
        "replica-sets",
        post("create", R, obj("rs", spec={"selector": {"matchLabels": {"app": "rs"}}, "template": template("rs")})),
        get("table", R, TABLE),
        get("scale", f"{R}/rs/scale"),
        merge("scale up", f"{R}/rs/scale", {"spec": {"replicas": 2}}),
        merge("template may change", f"{R}/rs", {"spec": {"template": {"metadata": {"labels": {"b": "c"}}}}}),
        merge("selector may not", f"{R}/rs", {"spec": {"selector": {"matchLabels": {"app": "other"}}}}),
        delete("delete", f"{R}/rs", {"propagationPolicy": "Background"}),
    ),
    script(
        "pods",
        post("create", P, pod("p")),
        get("get", f"{P}/p"),
        get("table", P, TABLE),
        strategic("image may change", f"{P}/p", {"spec": {"containers": [{"name": "c", "image": "nginx:1.26"}]}}),
        merge("node may not", f"{P}/p", {"spec": {"nodeName": "n1"}}),
        strategic("command may not", f"{P}/p", {"spec": {"containers": [{"name": "c", "command": ["x"]}]}}),
        merge("labels may", f"{P}/p", {"metadata": {"labels": {"a": "b"}}}),
        post("bind to nothing", f"{P}/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": ""}}),
        post("bind by another name", f"{P}/p/binding", {"target": {"kind": "Node", "name": "n1"}}),
        post("bind", f"{P}/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}),
        post("bind again", f"{P}/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}),
        get("bound", f"{P}/p"),
        get("by node", f"{P}?fieldSelector=spec.nodeName%3Dn1"),
        get("by phase", f"{P}?fieldSelector=status.phase%3DPending"),
        get("by a field that pods do not have", f"{P}?fieldSelector=spec.foo%3DPending"),
        strategic("status", f"{P}/p/status?fieldManager=kubelet", {"status": {
            "phase": "Running", "podIP": "10.1.2.3", "podIPs": [{"ip": "10.1.2.3"}], "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
            "containerStatuses": [{"name": "c", "ready": True, "started": True, "restartCount": 2, "image": "nginx:1.26",
                                   "imageID": "x", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
                                   "lastState": {}}]}}),
        get("running, in a table", f"{P}/p", TABLE),
        delete("delete waits for its grace", f"{P}/p"),
        get("terminating, in a table", f"{P}/p", TABLE),
        delete("delete with less grace", f"{P}/p?gracePeriodSeconds=5"),
        delete("delete at once", f"{P}/p", {"gracePeriodSeconds": 0}),
        get("gone", f"{P}/p"),
        post("create another", P, pod("q")),
        delete("never bound: gone at once", f"{P}/q"),
        post("evicted", P, pod("e")),
        post("eviction", f"{P}/e/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "e"}}),
        get("gone as well", f"{P}/e"),
        get("no log without a node", f"{P}/nope/log"),
        post("no containers", P, obj("x", spec={"containers": []})),
        post("no spec", P, obj("x")),
        post("bad name of a container", P, obj("x", spec={"containers": [container(name="Bad")]})),
        post("two containers of a name", P, obj("x", spec={"containers": [container(), container()]})),
        post("no image", P, obj("x", spec={"containers": [{"name": "c"}]})),
        post("mount of nothing", P, obj("x", spec={"containers": [container(volumeMounts=[{"name": "v", "mountPath": "/x"}])]})),
        post("volume twice", P, pod("x", volumes=[{"name": "v", "emptyDir": {}}, {"name": "v", "emptyDir": {}}])),
        post("two sources", P, pod("x", volumes=[{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}])),
        post("bad restart policy", P, pod("x", restartPolicy="Sometimes")),
        post("bad pull policy", P, obj("x", spec={"containers": [container(imagePullPolicy="Nope")]})),
        post("bad quantity", P, obj("x", spec={"containers": [container(resources={"limits": {"cpu": "abc"}})]})),
        post("request above limit", P, obj("x", spec={"containers": [container(
            resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}})]})),
        post("port out of range", P, obj("x", spec={"containers": [container(ports=[{"containerPort": 70000}])]})),
        post("probe without a handler", P, obj("x", spec={"containers": [container(livenessProbe={"periodSeconds": 1})]})),
        post("probes of all kinds", P, obj("probes", spec={"containers": [container(
            ports=[{"name": "http", "containerPort": 80}],
            livenessProbe={"httpGet": {"port": "http", "path": "/live"}},
            readinessProbe={"exec": {"command": ["true"]}},
            startupProbe={"tcpSocket": {"port": 80}})]})),
        post("volumes and variables", P, pod("volumes", volumes=[
            {"name": "a", "configMap": {"name": "c"}}, {"name": "b", "secret": {"secretName": "s"}},
            {"name": "d", "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
            {"name": "e", "hostPath": {"path": "/x"}}, {"name": "f", "persistentVolumeClaim": {"claimName": "c"}}])),
        post("quantities are put in order", P, obj("quantities", spec={"containers": [container(
            resources={"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": 0.5, "memory": "0.5Gi"}})]})),
        post("init containers", P, pod("inits", initContainers=[{"name": "i", "image": "x:1"}],
                                       securityContext={"runAsUser": 1000}, terminationGracePeriodSeconds=5)),
    ),
]  # fmt: skip
