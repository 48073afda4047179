"""Server-side apply on built-ins: ownership, conflicts, lists by key, moving over from client-side apply."""

# ruff: noqa: E501 - a step stays on its line, however long
from __future__ import annotations

from typing import Any

from tests.differential.scripts.namespaced import script
from tests.differential.scripts.workloads import container
from tests.differential.steps import Step, apply, get, merge, post, put

C = "v1!configmaps"
D = "apps/v1!deployments"
S = "v1!services"


def config(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def web(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": list(containers) or [container()]}}
    full = {"selector": {"matchLabels": {"app": "web"}}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": full}


def env(**values: str) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def service(*ports: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": list(ports)}}


SCRIPTS = [
    script(
        "apply-config-maps",
        apply("create", f"{C}/a", config("a", k="1", l="2")),
        apply("nothing new", f"{C}/a", config("a", k="1", l="2")),
        apply("change", f"{C}/a", config("a", k="2", l="2")),
        apply("another agrees", f"{C}/a", config("a", k="2"), "m2"),
        apply("another disagrees", f"{C}/a", config("a", k="3", l="3"), "m2"),
        apply("another insists", f"{C}/a", config("a", k="3"), "m2", force=True),
        apply("giving up", f"{C}/a", config("a", l="2")),
        apply("the last owner lets go", f"{C}/a", config("a"), "m2"),
        merge("a plain change", f"{C}/a?fieldManager=hand", {"data": {"l": "9", "h": "1"}}),
        apply("conflict with a plain change", f"{C}/a", config("a", l="2")),
        apply("labels", f"{C}/a", {**config("a"), "metadata": {"name": "a", "labels": {"x": "y"}}}),
        apply("no labels again", f"{C}/a", {**config("a"), "metadata": {"name": "a"}}),
        apply("dry run", f"{C}/a", config("a", dry="1"), extra="&dryRun=All"),
        apply("no manager", f"{C}/a", config("a"), ""),
        apply("other name", f"{C}/a", config("b")),
        apply("other kind", f"{C}/a", {**config("a"), "kind": "Secret"}),
        apply("no kind", f"{C}/a", {"metadata": {"name": "a"}}),
        apply("unknown field", f"{C}/a", {**config("a"), "foo": 1}),
        apply("wrong type", f"{C}/a", {**config("a"), "data": {"k": 5}}),
        apply("managed fields given", f"{C}/a", {**config("a"), "metadata": {"name": "a", "managedFields": [
            {"manager": "x", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}}]}}),
        apply("stale version", f"{C}/a", {**config("a", q="1"), "metadata": {"name": "a", "resourceVersion": "1"}}),
        apply("not YAML", f"{C}/a", "{a: ["),
        apply("YAML", f"{C}/y", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: y\ndata:\n  a: 'b'\n"),
        get("in the end", f"{C}/a"),
        Step("apply to nothing with a version", "PATCH", f"{C}/n?fieldManager=m1",
             {**config("n"), "metadata": {"name": "n", "resourceVersion": "1"}}, {"content-type": "application/apply-patch+yaml"}),
        merge("no managed fields", f"{C}/a", {"metadata": {"managedFields": [{}]}}),
        apply("begins anew", f"{C}/a", config("a", k="1")),
    ),
    script(
        "apply-deployments",
        apply("create", f"{D}/web", web(container(env=env(A="1", B="2"), ports=[{"containerPort": 80}]), replicas=2)),
        apply("another adds a container", f"{D}/web", web(container(name="side", image="envoy:1")), "m2"),
        apply("another adds a variable", f"{D}/web", web({"name": "c", "image": "nginx:1.25", "env": env(C="3")}), "m3"),
        apply("conflict deep inside", f"{D}/web", web(container(image="nginx:2", env=env(A="9"))), "m3"),
        apply("owner drops a variable", f"{D}/web", web(container(env=env(A="1"), ports=[{"containerPort": 80}]), replicas=2)),
        apply("other port", f"{D}/web", web(container(env=env(A="1"), ports=[{"containerPort": 81}]), replicas=2)),
        merge("scaled", f"{D}/web/scale?fieldManager=hpa", {"spec": {"replicas": 5}}),
        apply("conflict with the scaler", f"{D}/web", web(container(env=env(A="1")), replicas=2)),
        apply("replicas given up", f"{D}/web", web(container(env=env(A="1")))),
        apply("container twice", f"{D}/web", web(container(), container())),
        apply("container without a name", f"{D}/web", web({"image": "x"})),
        apply("status on the main path", f"{D}/web", {**web(), "status": {"replicas": 1}}, "m4"),
        apply("status", f"{D}/web/status", {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
                                            "status": {"replicas": 1, "conditions": [{"type": "A", "status": "True"}]}}, "ctl"),
        apply("status, another", f"{D}/web/status", {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
                                                     "status": {"replicas": 2}}, "ctl2"),
        apply("scale", f"{D}/web/scale", {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"},
                                          "spec": {"replicas": 7}}, "hpa2", force=True),
        apply("invalid", f"{D}/new", {**web(replicas=-1), "metadata": {"name": "new"}}),
        put("a put takes what it changes", f"{D}/web?fieldManager=putter", web(container(image="nginx:9"), replicas=1)),
        get("in the end", f"{D}/web"),
    ),
    script(
        "apply-services",
        apply("create", f"{S}/s", service({"name": "http", "port": 80})),
        apply("another port", f"{S}/s", service({"name": "more", "port": 81}), "m2"),
        apply("udp beside tcp", f"{S}/s", service({"name": "dns", "port": 80, "protocol": "UDP"}), "m3"),
        apply("renamed port", f"{S}/s", service({"name": "web", "port": 80})),
        apply("conflict", f"{S}/s", service({"name": "other", "port": 81})),
        get("in the end", f"{S}/s"),
    ),
    script(
        "migrate",
        post("client-side apply", f"{C}?fieldManager=kubectl-client-side-apply", {
            **config("a", k="1"), "metadata": {"name": "a", "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration":
                    '{"apiVersion":"v1","data":{"k":"1"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"a"}}\n'}}}),
        apply("server-side apply", f"{C}/a", config("a", k="2"), "kubectl"),
        apply("by force", f"{C}/a", config("a", k="2"), "kubectl", force=True),
        get("in the end", f"{C}/a"),
    ),
]  # fmt: skip
