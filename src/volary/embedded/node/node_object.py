"""What the node says of itself: the Node object and its Lease. Pure."""

from __future__ import annotations

import platform
import sys
from datetime import datetime

from volary.embedded.api.local import NewObject
from volary.embedded.controllers.objects import format_micro_time, format_time

NODES = "/nodes"
CAPACITY = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "100Gi", "pods": "500"}
HEALTHY = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "pods run as processes of this computer"),
)
ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}


def architecture() -> str:
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def new_node(name: str) -> NewObject:
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": sys.platform,
        "kubernetes.io/arch": architecture(),
    }
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}}


def node_status(host_ip: str, version: str, now: datetime) -> NewObject:
    stamp = format_time(now)
    conditions = [
        {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": message,
            "lastHeartbeatTime": stamp,
            "lastTransitionTime": stamp,
        }
        for kind, status, reason, message in HEALTHY
    ]
    info = {
        "architecture": architecture(),
        "bootID": "",
        "containerRuntimeVersion": "embedded://1",
        "kernelVersion": platform.release(),
        "kubeProxyVersion": "",
        "kubeletVersion": version,
        "machineID": "",
        "operatingSystem": sys.platform,
        "osImage": "processes of this computer",
        "systemUUID": "",
    }
    return {
        "capacity": dict(CAPACITY),
        "allocatable": dict(CAPACITY),
        "conditions": conditions,
        "addresses": [{"type": "InternalIP", "address": host_ip}],
        "nodeInfo": info,
    }


def new_lease(name: str, now: datetime) -> NewObject:
    metadata = {"name": name, "namespace": "kube-node-lease"}
    spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": format_micro_time(now)}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}
