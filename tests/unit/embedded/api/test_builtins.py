"""Built-in kinds: what the server fills in, what it refuses, and how objects go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.embedded.api.server import Asked, config_map, deployment
from volary.embedded.api.text.quantities import canonical, quantity_value

Object = dict[str, Any]


@pytest.fixture
def server() -> Asked:
    return Asked()


def pod(**spec: Any) -> Object:
    return {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i:1"}], **spec}}


def service(**spec: Any) -> Object:
    return {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80, "targetPort": 9898}], **spec}}


def test_a_deployment_gets_its_defaults(server: Asked) -> None:
    body = deployment("web")
    del body["spec"]["replicas"]
    spec = server.post("deployments", body)["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}
    assert spec["progressDeadlineSeconds"] == 600
    container = spec["template"]["spec"]["containers"][0]
    assert container["imagePullPolicy"] == "IfNotPresent"
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 30


def test_a_pod_gets_what_admission_adds(server: Asked) -> None:
    made = server.post("pods", pod())
    assert made["spec"]["serviceAccountName"] == "default"
    assert [it["key"].rpartition("/")[2] for it in made["spec"]["tolerations"]] == ["not-ready", "unreachable"]
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_services_get_addresses_that_nobody_else_has(server: Asked) -> None:
    one = server.post("services", service())
    other = server.post("services", service() | {"metadata": {"name": "t"}})
    headless = server.post("services", service(clusterIP="None") | {"metadata": {"name": "h"}})
    assert one["spec"]["clusterIPs"] == [one["spec"]["clusterIP"]]
    assert len({it["spec"]["clusterIP"] for it in (one, other, headless)}) == 3
    assert one["spec"]["ports"] == [{"port": 80, "targetPort": 9898, "protocol": "TCP"}]
    taken = service(clusterIP=one["spec"]["clusterIP"]) | {"metadata": {"name": "u"}}
    assert "already allocated" in server.post("services", taken, 422)["message"]
    refused = server.patch("services/s", {"spec": {"clusterIP": "10.96.9.9"}}, status=422)
    assert "may not change once set" in refused["message"]
    assert server.patch("services/s", {"spec": {"type": "NodePort"}})["spec"]["ports"][0]["nodePort"] == 30000


def test_a_secret_keeps_its_text_encoded(server: Asked) -> None:
    made = server.post("secrets", {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    assert (made["data"], made["type"]) == ({"a": "Yg=="}, "Opaque")
    assert "stringData" not in made


REFUSED: list[tuple[str, Object, int, str]] = [
    ("configmaps", config_map("Bad_Name"), 422, "a lowercase RFC 1123 subdomain must consist of"),
    ("configmaps", {"metadata": {}}, 422, "metadata.name: Required value: name or generateName is required"),
    ("configmaps", {"metadata": {"name": "x", "labels": {"a": "b c"}}}, 422, "a valid label must be"),
    (
        "configmaps",
        {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "x"}},
        400,
        "cannot be handled as a ConfigMap",
    ),
    ("deployments", deployment("web", -1), 422, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
    (
        "deployments",
        deployment("web", "x"),
        400,
        "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ),
    ("pods", pod(containers=[]), 422, "spec.containers: Required value"),
    ("pods", pod(containers=[{"name": "c"}]), 422, "spec.containers[0].image: Required value"),
    ("pods", pod(restartPolicy="Now"), 422, 'spec.restartPolicy: Unsupported value: "Now"'),
    (
        "pods",
        pod(containers=[{"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/"}]}]),
        422,
        'Not found: "v"',
    ),
    ("services", service(ports=[]), 422, "spec.ports: Required value"),
    ("services", service(ports=[{"port": 1}, {"port": 2}]), 422, "spec.ports[0].name: Required value"),
    ("secrets", {"metadata": {"name": "s"}, "data": {"a": "%"}}, 400, "illegal base64 data at input byte 0"),
]


@pytest.mark.parametrize(("path", "body", "status", "text"), REFUSED)
def test_what_is_wrong_is_told(server: Asked, path: str, body: Object, status: int, text: str) -> None:
    assert text in server.post(path, body, status)["message"]


def test_a_selector_never_changes(server: Asked) -> None:
    server.post("deployments", deployment("web"))
    other = {"spec": {"selector": {"matchLabels": {"app": "other"}}}}
    assert "field is immutable" in server.patch("deployments/web", other, status=422)["message"]


def test_a_pod_is_bound_once_and_waits_for_its_grace(server: Asked) -> None:
    server.post("pods", pod())
    server.ask("POST", "pods/p/binding", {"metadata": {"name": "p"}, "target": {"name": "n1"}}, status=201)
    assert server.get("pods/p")["spec"]["nodeName"] == "n1"
    refused = server.patch("pods/p", {"spec": {"nodeName": "n2"}}, status=422)
    assert "pod updates may not change fields other than" in refused["message"]
    going = server.delete("pods/p")
    assert going["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:30Z"
    assert server.delete("pods/p?gracePeriodSeconds=5")["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:05Z"
    server.delete("pods/p?gracePeriodSeconds=0")
    server.get("pods/p", 404)


def test_finalizers_hold_an_object(server: Asked) -> None:
    server.post("configmaps", config_map("a", finalizers=["x.io/y"]))
    assert server.delete("configmaps/a")["metadata"]["deletionTimestamp"]
    refused = server.patch("configmaps/a", {"metadata": {"finalizers": ["x.io/y", "x.io/z"]}}, status=422)
    assert "no new finalizers can be added" in refused["message"]
    seen = server.watch("configmaps?watch=true")
    server.patch("configmaps/a", {"metadata": {"finalizers": []}})
    assert seen.take()[-1] == ("DELETED", "a")
    server.get("configmaps/a", 404)


PROPAGATION = [("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"])]


@pytest.mark.parametrize(("policy", "finalizers"), PROPAGATION)
def test_propagation_is_a_finalizer(server: Asked, policy: str, finalizers: list[str]) -> None:
    server.post("deployments", deployment("web"))
    going = server.delete("deployments/web", {"kind": "DeleteOptions", "propagationPolicy": policy})
    assert going["metadata"]["finalizers"] == finalizers
    assert going["metadata"]["generation"] == 2


def test_preconditions_name_the_object_to_delete(server: Asked) -> None:
    made = server.post("configmaps", config_map("a"))
    refused = server.delete("configmaps/a", {"preconditions": {"uid": "other"}}, 409)
    assert "does not match the UID in record" in refused["message"]
    server.delete("configmaps/a", {"preconditions": {"uid": made["metadata"]["uid"]}})


def test_a_collection_goes_by_selector(server: Asked) -> None:
    for name, labels in (("a", {"x": "1"}), ("b", {"x": "2"})):
        server.post("configmaps", config_map(name, labels=labels))
    gone = server.delete("configmaps?labelSelector=x=1")
    assert [it["metadata"]["name"] for it in gone["items"]] == ["a"]
    assert [it["metadata"]["name"] for it in server.get("configmaps")["items"]] == ["b"]


def test_a_namespace_is_emptied_before_it_goes(server: Asked) -> None:
    server.post("/api/v1/namespaces", {"metadata": {"name": "shop"}})
    going = server.delete("/api/v1/namespaces/shop")
    assert going["status"]["phase"] == "Terminating"
    refused = server.post("/api/v1/namespaces/shop/configmaps", config_map("a"), 403)
    assert refused["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    server.put("/api/v1/namespaces/shop/finalize", going | {"spec": {"finalizers": []}})
    server.get("/api/v1/namespaces/shop", 404)
    assert server.delete("/api/v1/namespaces/default", status=403)["message"].endswith(
        "this namespace may not be deleted"
    )


def test_an_autoscaler_in_its_older_version(server: Asked) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    body = {
        "metadata": {"name": "h"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 4, "targetCPUUtilizationPercentage": 60},
    }
    base = "/apis/autoscaling/{}/namespaces/default/horizontalpodautoscalers"
    server.post(base.format("v1"), body)
    metrics = server.get(base.format("v2") + "/h")["spec"]["metrics"]
    assert metrics[0]["resource"]["target"] == {"type": "Utilization", "averageUtilization": 60}
    assert server.get(base.format("v1") + "/h")["spec"]["targetCPUUtilizationPercentage"] == 60


def test_who_asks_may_do_all(server: Asked) -> None:
    base = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    spec = {"resourceAttributes": {"verb": "get", "resource": "pods"}}
    assert server.post(base, {"spec": spec})["status"] == {"allowed": True}
    who = server.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert who["status"]["userInfo"]["username"] == "admin"


QUANTITIES = [
    ("1000m", "1"),
    ("0.5", "500m"),
    ("1024Mi", "1Gi"),
    ("0.5Gi", "512Mi"),
    ("1e3", "1e3"),
    ("100k", "100k"),
    (2, "2"),
]


@pytest.mark.parametrize(("given_text", "expected"), QUANTITIES)
def test_quantities_have_one_spelling(given_text: Any, expected: str) -> None:
    assert canonical(given_text) == expected


@given(st.integers(0, 10**6), st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi"]))
def test_a_quantity_keeps_its_value_and_its_spelling(number: int, suffix: str) -> None:
    once = canonical(f"{number}{suffix}")
    assert quantity_value(once) == quantity_value(f"{number}{suffix}")
    assert canonical(once) == once
