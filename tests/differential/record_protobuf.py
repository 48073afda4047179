"""Record the same objects as protobuf and as JSON from a real API server.

    python -m tests.differential.record_protobuf KUBECONFIG

The decoder must make the second from the first (`tests/unit/embedded/faces/test_protobuf.py`).
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from tests.differential.real import RealServer

OUTPUT = Path(__file__).parent / "transcripts" / "protobuf.jsonl"
PROTOBUF = {"accept": "application/vnd.kubernetes.protobuf"}
NAMESPACE = "/api/v1/namespaces/pb"
HANDLERS: list[dict[str, Any]] = [
    {"httpGet": {"path": "/ready", "port": "http", "httpHeaders": [{"name": "X-A", "value": "1"}]}},
    {"tcpSocket": {"port": 8080, "host": "h"}},
    {"grpc": {"port": 9090, "service": "s"}},
    {"exec": {"command": ["cat", "/tmp/healthy"]}},
]
VOLUMES: list[dict[str, Any]] = [
    {"emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
    {"hostPath": {"path": "/x", "type": "Directory"}},
    {"configMap": {"name": "c", "items": [{"key": "k", "path": "p", "mode": 420}], "optional": False}},
    {"secret": {"secretName": "s", "defaultMode": 256}},
    {"persistentVolumeClaim": {"claimName": "c", "readOnly": True}},
    {"downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    {
        "projected": {
            "sources": [
                {"serviceAccountToken": {"path": "t", "expirationSeconds": 3607}},
                {"configMap": {"name": "r", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
                {"secret": {"name": "s"}},
                {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
            ]
        }
    },
    {"nfs": {"server": "n", "path": "/e", "readOnly": True}},
    {"iscsi": {"targetPortal": "1.2.3.4", "iqn": "iqn.2001-04.com.example:storage.kube.sys1.xyz", "lun": 0}},
    {"csi": {"driver": "d.example.com", "volumeAttributes": {"a": "b"}, "nodePublishSecretRef": {"name": "s"}}},
    {"fc": {"targetWWNs": ["500a0982991b8dc5"], "lun": 2}},
    {"ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"],
                   "resources": {"requests": {"storage": "1Gi"}}}}}},
    {"image": {"reference": "r.example.com/i:1", "pullPolicy": "IfNotPresent"}},
]  # fmt: skip


def pod() -> dict[str, Any]:
    """Return a pod with each kind of probe, hook, volume and source of an environment variable."""
    containers: list[dict[str, Any]] = [
        {
            "name": f"c{number}",
            "image": "i:1",
            "livenessProbe": {**handler, "periodSeconds": 3, "terminationGracePeriodSeconds": 7},
            "readinessProbe": {**handler, "initialDelaySeconds": 2},
            "startupProbe": {**handler, "failureThreshold": 9},
            "ports": [{"name": "http", "containerPort": 8080}],
            "volumeMounts": [{"name": f"v{at}", "mountPath": f"/m{at}"} for at in range(len(VOLUMES))],
        }
        for number, handler in enumerate(HANDLERS)
    ]
    containers[0] |= {
        "lifecycle": {"preStop": {"sleep": {"seconds": 0}}, "postStart": {"exec": {"command": ["true"]}}},
        "env": [
            {"name": "PLAIN", "value": "1"},
            {"name": "FIELD", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
            {"name": "MAP", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": False}}},
            {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        ],
        "envFrom": [{"configMapRef": {"name": "c"}}, {"prefix": "P_", "secretRef": {"name": "s", "optional": True}}],
        "resources": {"limits": {"cpu": "500m", "memory": "64Mi"}, "requests": {"cpu": "0"}},
        "securityContext": {"runAsUser": 0, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "every", "labels": {"a": ""}, "annotations": {"n": "ünïcode"}},
        "spec": {
            "containers": containers,
            "initContainers": [{"name": "i", "image": "i:1", "restartPolicy": "Always"}],
            "volumes": [{"name": f"v{at}", **volume} for at, volume in enumerate(VOLUMES)],
            "terminationGracePeriodSeconds": 0,
            "schedulingGates": [{"name": "example.com/never"}],
            "tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": -1}],
            "topologySpreadConstraints": [
                {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway",
                 "labelSelector": {"matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "y"]}]}}
            ],
        },
    }  # fmt: skip


def deployment() -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 0,
            "paused": True,
            "selector": {"matchLabels": {"app": "web"}},
            "strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": 0}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "i:1", "readinessProbe": HANDLERS[0]}]},
            },
        },
    }


def others() -> list[tuple[str, dict[str, Any]]]:
    """Return (collection, object) for kinds with a type that writes its JSON by itself."""
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 9}}
    scaler = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 4,
        "metrics": [{"type": "Resource", "resource": metric}],
    }
    volume = {"capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}}
    lease = {"holderIdentity": "me", "renewTime": "2026-01-02T03:04:05.678901Z", "leaseTransitions": 0}
    return [
        (f"{NAMESPACE}/pods", pod()),
        ("/apis/apps/v1/namespaces/pb/deployments", deployment()),
        ("/api/v1/persistentvolumes", named("pb-volume", spec=volume)),
        ("/apis/autoscaling/v2/namespaces/pb/horizontalpodautoscalers", named("web", spec=scaler)),
        ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition()),
        (f"{NAMESPACE}/secrets", named("s", data={"k": "AP8="})),
        (f"{NAMESPACE}/services", named("s", spec={"ports": [{"port": 80, "targetPort": "http"}]})),
        ("/apis/coordination.k8s.io/v1/namespaces/pb/leases", named("l", spec=lease)),
    ]


def named(name: str, **members: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **members}


def definition() -> dict[str, Any]:
    schema = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
        "properties": {
            "a": {"type": "array", "items": {"type": "string"}, "default": ["x"], "x-kubernetes-list-type": "set"},
            "b": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0.5}},
            "c": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
        },
    }
    spec = {
        "group": "pb.example.com",
        "scope": "Namespaced",
        "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
    }
    return named("things.pb.example.com", spec=spec)


def main() -> None:
    server = RealServer(Path(sys.argv[1]))
    server.json("POST", "/api/v1/namespaces", {"metadata": {"name": "pb"}})
    lines = []
    for collection, obj in others():
        server.json("POST", collection, obj)
        path = f"{collection}/{obj['metadata']['name']}"
        for _ in range(50):  # a controller may write between the two reads
            _, _, encoded = server.ask("GET", path, PROTOBUF, None)
            decoded = server.json("GET", path)
            if server.ask("GET", path, PROTOBUF, None)[2] == encoded:
                break
        lines.append(json.dumps({"protobuf": base64.b64encode(encoded).decode(), "json": decoded}, sort_keys=True))
    OUTPUT.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{OUTPUT}: {len(lines)} objects")


if __name__ == "__main__":
    main()
