"""The other kinds that the embedded server serves fully: services, secrets, leases, autoscalers and so on."""

# ruff: noqa: E501 - a step stays on its line, however long
from __future__ import annotations

from typing import Any

from tests.differential.scripts.namespaced import obj, script
from tests.differential.scripts.workloads import container, template
from tests.differential.steps import TABLE, delete, get, merge, post, put, strategic

S = "v1!services"
E = "v1!events"
H = "autoscaling/v2!horizontalpodautoscalers"
H1 = "autoscaling/v1!horizontalpodautoscalers"
J = "batch/v1!jobs"
ROLES = "rbac.authorization.k8s.io/v1!roles"
BINDINGS = "rbac.authorization.k8s.io/v1!rolebindings"
REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def service(name: str, **members: Any) -> dict[str, Any]:
    return obj(name, spec={"selector": {"app": "web"}, "ports": [{"port": 80}], **members})


def event(name: str, **members: Any) -> dict[str, Any]:
    about = {"kind": "Pod", "namespace": "t-events", "name": "p", "apiVersion": "v1"}
    return {"metadata": {"name": name}, "involvedObject": about, "reason": "Seen", "message": "hello", "type": "Normal",
            "source": {"component": "me"}, "firstTimestamp": "2026-01-01T00:00:00Z",
            "lastTimestamp": "2026-01-01T00:00:00Z", "count": 1, **members}  # fmt: skip


def scaler(**members: Any) -> dict[str, Any]:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    return obj("web", spec={"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 4, **members})


def cpu(percent: int) -> list[dict[str, Any]]:
    goal = {"type": "Utilization", "averageUtilization": percent}
    return [{"type": "Resource", "resource": {"name": "cpu", "target": goal}}]


SCRIPTS = [
    script(
        "services",
        post("create", S, service("web")),
        get("get", f"{S}/web"),
        get("table", S, TABLE),
        strategic("another port", f"{S}/web", {"spec": {"ports": [{"port": 80, "name": "http"}, {"port": 81, "name": "more"}]}}),
        merge("target port by name", f"{S}/web", {"spec": {"ports": [{"port": 80, "targetPort": "http"}]}}),
        merge("address stays", f"{S}/web", {"spec": {"clusterIP": "10.96.9.9"}}),
        put("put without an address", f"{S}/web", service("web")),
        post("headless", S, service("headless", clusterIP="None")),
        post("external name", S, obj("out", spec={"type": "ExternalName", "externalName": "example.com"})),
        post("no ports", S, obj("x", spec={"selector": {"a": "b"}})),
        post("two ports need names", S, service("x", ports=[{"port": 80}, {"port": 81}])),
        post("port twice", S, service("x", ports=[{"port": 80, "name": "a"}, {"port": 80, "name": "b"}])),
        post("port out of range", S, service("x", ports=[{"port": 99999}])),
        post("bad type", S, service("x", type="Nope")),
        post("bad name", S, service("1x")),
        post("bad address", S, service("x", clusterIP="nope")),
        post("no selector", S, obj("bare", spec={"ports": [{"port": 80, "protocol": "UDP", "appProtocol": "http"}]})),
        get("proxy of nothing", f"{S}/nope/proxy/x"),
        get("proxy of a port that is not there", f"{S}/web:99/proxy/x"),
        delete("delete answers with the object", f"{S}/web"),
    ),
    script(
        "secrets",
        post("create", "v1!secrets", obj("s", data={"k": "dg=="}, stringData={"t": "text"})),
        get("get", "v1!secrets/s"),
        get("table", "v1!secrets", TABLE),
        merge("more text", "v1!secrets/s", {"stringData": {"k": "w"}}),
        merge("type stays", "v1!secrets/s", {"type": "other"}),
        post("not base64", "v1!secrets", obj("x", data={"k": "%%"})),
        post("tls without keys", "v1!secrets", obj("x", type="kubernetes.io/tls")),
        post("another account", "v1!serviceaccounts", obj("sa")),
        get("table of accounts", "v1!serviceaccounts", TABLE),
    ),
    script(
        "events",
        post("create", E, event("e1")),
        get("table", E, TABLE),
        merge("again", f"{E}/e1", {"count": 2, "lastTimestamp": "2026-01-01T00:01:00Z"}),
        post("bad type is fine", E, event("e2", type="Strange")),
        post("other namespace", E, event("e3", involvedObject={"kind": "Pod", "namespace": "elsewhere", "name": "p"})),
        get("about a pod", f"{E}?fieldSelector=involvedObject.name%3Dp,involvedObject.kind%3DPod"),
        get("by reason", f"{E}?fieldSelector=reason%3DSeen"),
        get("the newer kind", "events.k8s.io/v1!events/e1"),
        post("the newer kind, created", "events.k8s.io/v1!events", {
            "metadata": {"name": "n1"}, "eventTime": "2026-01-01T00:00:00.000001Z", "action": "Do", "reason": "Seen",
            "reportingController": "example.com/me", "reportingInstance": "me-1", "type": "Normal", "note": "hello",
            "regarding": {"kind": "Pod", "namespace": "t-events", "name": "p"}}),
        get("as the older kind", f"{E}/n1"),
        post("the newer kind, without a reason", "events.k8s.io/v1!events", {
            "metadata": {"name": "n2"}, "eventTime": "2026-01-01T00:00:00.000001Z", "reportingController": "me"}),
    ),
    script(
        "autoscalers",
        post("create", H, scaler(metrics=cpu(80))),
        get("table", H, TABLE),
        get("as version 1", f"{H1}/web"),
        merge("more", f"{H}/web", {"spec": {"maxReplicas": 9}}),
        merge("status", f"{H}/web/status", {"status": {"currentReplicas": 2, "desiredReplicas": 3}}),
        post("less than min", H, {**scaler(maxReplicas=1), "metadata": {"name": "x"}}),
        post("no max", H, obj("x", spec={"scaleTargetRef": {"kind": "Deployment", "name": "web"}})),
        post("no target", H, obj("x", spec={"maxReplicas": 3})),
        post("version 1", H1, {**obj("old"), "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "old"}, "maxReplicas": 3,
                                                      "targetCPUUtilizationPercentage": 50}}),
        get("as version 2", f"{H}/old"),
    ),
    script(
        "jobs",
        post("create", J, obj("j", spec={"template": {"spec": {"restartPolicy": "Never", "containers": [container()]}}})),
        get("table", J, TABLE),
        post("always restarts", J, obj("x", spec={"template": {"spec": {"containers": [container()]}}})),
        merge("suspend", f"{J}/j", {"spec": {"suspend": True}}),
        delete("delete", f"{J}/j", {"propagationPolicy": "Background"}),
        post("cron job", "batch/v1!cronjobs", obj("c", spec={"schedule": "*/5 * * * *", "jobTemplate": {"spec": {
            "template": {"spec": {"restartPolicy": "Never", "containers": [container()]}}}}})),
        post("bad schedule", "batch/v1!cronjobs", obj("x", spec={"schedule": "nope", "jobTemplate": {"spec": {
            "template": {"spec": {"restartPolicy": "Never", "containers": [container()]}}}}})),
    ),
    script(
        "sets",
        post("stateful set", "apps/v1!statefulsets", obj("db", spec={"serviceName": "db",
             "selector": {"matchLabels": {"app": "db"}}, "template": template("db")})),
        get("table", "apps/v1!statefulsets", TABLE),
        post("daemon set", "apps/v1!daemonsets", obj("ds", spec={
            "selector": {"matchLabels": {"app": "ds"}}, "template": template("ds")})),
        get("table of daemon sets", "apps/v1!daemonsets", TABLE),
        post("budget", "policy/v1!poddisruptionbudgets", obj("b", spec={
            "minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}})),
        get("table of budgets", "policy/v1!poddisruptionbudgets", TABLE),
    ),
    script(
        "leases",
        post("create", "coordination.k8s.io/v1!leases", obj("l", spec={
            "holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"})),
        get("table", "coordination.k8s.io/v1!leases", TABLE),
        merge("renew", "coordination.k8s.io/v1!leases/l", {"spec": {"renewTime": "2026-01-01T00:00:10.123456Z"}}),
        post("bad duration", "coordination.k8s.io/v1!leases", obj("x", spec={"leaseDurationSeconds": 0})),
        post("bad time", "coordination.k8s.io/v1!leases", obj("x", spec={"renewTime": "yesterday"})),
    ),
    script(
        "slices",
        post("create", "discovery.k8s.io/v1!endpointslices", {
            "metadata": {"name": "s", "labels": {"kubernetes.io/service-name": "web"}}, "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.1.2.3"], "conditions": {"ready": True}}],
            "ports": [{"name": "http", "port": 80}]}),
        get("table", "discovery.k8s.io/v1!endpointslices", TABLE),
        post("loopback address", "discovery.k8s.io/v1!endpointslices", {
            "metadata": {"name": "x"}, "addressType": "IPv4", "endpoints": [{"addresses": ["127.0.0.1"]}], "ports": []}),
        post("no type", "discovery.k8s.io/v1!endpointslices", {"metadata": {"name": "x"}, "endpoints": []}),
    ),
    script(
        "rbac",
        post("role", ROLES, obj("r", rules=[{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}])),
        post("binding", BINDINGS, obj("b", roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
                                      subjects=[{"kind": "ServiceAccount", "name": "default", "namespace": "t-rbac"}])),
        get("table", BINDINGS, TABLE),
        post("rule without verbs", ROLES, obj("x", rules=[{"apiGroups": [""], "resources": ["pods"]}])),
        merge("reference stays", f"{BINDINGS}/b", {"roleRef": {"name": "other"}}),
        post("may I", REVIEW, {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "t-rbac"}}}),
        post("may I what", REVIEW, {"spec": {}}),
        post("who am I", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}),
    ),
]  # fmt: skip
