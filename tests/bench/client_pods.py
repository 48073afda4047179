"""Pods as a real cluster has them, 5.7 kB of JSON each, with the managedFields of two managers."""

from __future__ import annotations

from typing import Any

CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
SETTINGS = 5
TIME = "2026-11-24T10:00:00Z"


def pod(number: int) -> dict[str, Any]:
    team, app, template = f"team-{number % 40}", f"app-{number % 400}", f"{number % 400 * 7919:010x}"
    name = f"{app}-{template}-{number:05}"
    replica_set = uid(number % 400, 1)
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{app}-{template}", "uid": replica_set,
             "controller": True, "blockOwnerDeletion": True}  # fmt: skip
    return {
        "metadata": {
            "name": name, "generateName": f"{app}-{template}-", "namespace": team, "uid": uid(number, 2),
            "resourceVersion": str(100_000 + number), "generation": 1, "creationTimestamp": TIME,
            "labels": {"app": app, "pod-template-hash": template, "team": team},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "9797"},
            "ownerReferences": [owner], "managedFields": [managed_by_controller(replica_set), managed_by_kubelet()],
        },
        "spec": spec(number, app),
        "status": status(number, app),
    }  # fmt: skip


def uid(number: int, kind: int) -> str:
    return f"{number:08x}-{kind:04x}-4bbb-8ccc-{number * 31:012x}"


def spec(number: int, app: str) -> dict[str, Any]:
    account = "/var/run/secrets/kubernetes.io/serviceaccount"
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]
    away = [
        {"key": f"node.kubernetes.io/{why}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for why in ("not-ready", "unreachable")
    ]
    container = {
        "name": "app", "image": image(number, app), "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "env": [{"name": f"SETTING_{it}", "value": f"value-{it}-{number}"} for it in range(SETTINGS)],
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
        "volumeMounts": [{"name": "kube-api-access-x7k2p", "readOnly": True, "mountPath": account}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}, "timeoutSeconds": 1,
                           "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3},
        "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
    }  # fmt: skip
    return {
        "volumes": [{"name": "kube-api-access-x7k2p", "projected": {"sources": sources, "defaultMode": 420}}],
        "containers": [container], "restartPolicy": "Always", "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst", "serviceAccountName": "default", "serviceAccount": "default",
        "nodeName": f"node-{number % 50}", "securityContext": {}, "schedulerName": "default-scheduler",
        "tolerations": away, "priority": 0, "enableServiceLinks": True, "preemptionPolicy": "PreemptLowerPriority",
    }  # fmt: skip


def image(number: int, app: str) -> str:
    return f"registry.example.com/{app}:1.{number % 30}.0"


def status(number: int, app: str) -> dict[str, Any]:
    host, own = f"10.0.0.{number % 50}", f"10.1.{number // 250 % 250}.{number % 250}"
    container = {
        "name": "app", "state": {"running": {"startedAt": TIME}}, "lastState": {}, "ready": True, "restartCount": 0,
        "image": image(number, app), "imageID": f"registry.example.com/{app}@sha256:{number:064x}",
        "containerID": f"containerd://{number * 3:064x}", "started": True,
    }  # fmt: skip
    return {
        "observedGeneration": 1, "phase": "Running", "hostIP": host, "hostIPs": [{"ip": host}], "podIP": own,
        "podIPs": [{"ip": own}], "startTime": TIME, "containerStatuses": [container], "qosClass": "Burstable",
        "conditions": [
            {"type": kind, "status": "True", "lastProbeTime": None,
             "lastTransitionTime": f"2026-11-24T10:{number % 60:02}:{number % 59:02}Z"}
            for kind in CONDITIONS
        ],
    }  # fmt: skip


def owned(*names: str) -> dict[str, Any]:
    return {f"f:{name}": {} for name in names}


def managed_by_controller(owner: str) -> dict[str, Any]:
    container = {
        ".": {}, **owned("image", "imagePullPolicy", "name", "terminationMessagePath", "terminationMessagePolicy"),
        "f:env": {f'k:{{"name":"SETTING_{it}"}}': {".": {}, **owned("name", "value")} for it in range(SETTINGS)},
        "f:ports": {'k:{"containerPort":8080,"protocol":"TCP"}': {".": {}, **owned("containerPort", "protocol")}},
        "f:readinessProbe": {"f:httpGet": owned("path", "port", "scheme"), **owned("periodSeconds", "timeoutSeconds")},
        "f:resources": {"f:limits": owned("cpu", "memory"), "f:requests": owned("cpu", "memory")},
    }  # fmt: skip
    fields = {
        "f:metadata": {**owned("generateName"), "f:labels": owned("app", "pod-template-hash", "team"),
                       "f:ownerReferences": {f'k:{{"uid":"{owner}"}}': {}}},
        "f:spec": {"f:containers": {'k:{"name":"app"}': container},
                   **owned("dnsPolicy", "enableServiceLinks", "restartPolicy", "schedulerName", "securityContext")},
    }  # fmt: skip
    return managed("kube-controller-manager", fields)


def managed_by_kubelet() -> dict[str, Any]:
    parts = owned("lastProbeTime", "lastTransitionTime", "status", "type")
    conditions = {f'k:{{"type":"{kind}"}}': {".": {}, **parts} for kind in CONDITIONS}
    others = owned("containerStatuses", "hostIP", "hostIPs", "phase", "podIP", "podIPs", "startTime")
    return {**managed("kubelet", {"f:status": {"f:conditions": conditions, **others}}), "subresource": "status"}


def managed(manager: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"manager": manager, "operation": "Update", "apiVersion": "v1", "time": TIME, "fieldsType": "FieldsV1",
            "fieldsV1": fields}  # fmt: skip
