"""Defaults of pods and pod templates.

Source: Kubernetes, pkg/apis/core/v1/defaults.go; DefaultTolerationSeconds, ServiceAccount and Priority admission.
"""

from __future__ import annotations

import re
from typing import Any

Object = dict[str, Any]


def put(obj: Object, key: str, value: Any) -> None:
    """Set a field that is missing; an empty text counts as missing, as it does in Go."""
    if obj.get(key) in (None, ""):
        obj[key] = value


def part(obj: Object, key: str) -> Object:
    """Return a struct, made if it is missing."""
    if not isinstance(obj.get(key), dict):
        obj[key] = {}
    found: Object = obj[key]
    return found


def probe(it: Object) -> None:
    for field, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        it[field] = it.get(field) or value
    if (http := it.get("httpGet")) is not None:
        _http(http)
    if (grpc := it.get("grpc")) is not None:
        put(grpc, "service", "")


def _http(it: Object) -> None:
    put(it, "path", "/")
    put(it, "scheme", "HTTP")


PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
HOST = rf"{LABEL}(?:\.{LABEL})*"
IMAGE = re.compile(
    rf"^(?:(?=[^/]*[.:A-Z]|localhost/)(?:{HOST}|\[[0-9a-fA-F:]+\])(?::\d+)?/)?" + rf"{PART}(?:/{PART})*"
    r"(?::\w[\w.-]{0,127})?(?:@[A-Za-z][\w+.-]*:[0-9a-fA-F]{32,})?$",
    re.ASCII,
)


def pull_policy(image: str) -> str:
    """Return Always for an image without a tag or with `latest`; what is no image's name has no tag either way."""
    if not IMAGE.match(image):
        return "IfNotPresent"
    last = image.rpartition("/")[2]
    if "@" in last:
        return "IfNotPresent"
    tag = last.partition(":")[2]
    return "Always" if tag in ("", "latest") else "IfNotPresent"


def container(it: Object, owner_is_pod: bool) -> None:
    put(it, "terminationMessagePath", "/dev/termination-log")
    put(it, "terminationMessagePolicy", "File")
    put(it, "imagePullPolicy", pull_policy(str(it.get("image") or "")))
    resources = part(it, "resources")
    for port in it.get("ports") or ():
        put(port, "protocol", "TCP")
    for env in it.get("env") or ():
        if (field := (env.get("valueFrom") or {}).get("fieldRef")) is not None:
            put(field, "apiVersion", "v1")
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        if it.get(kind) is not None:
            probe(it[kind])
    for hook in ("postStart", "preStop"):
        if (http := ((it.get("lifecycle") or {}).get(hook) or {}).get("httpGet")) is not None:
            _http(http)
    if owner_is_pod and resources.get("limits"):
        resources["requests"] = {**resources["limits"], **(resources.get("requests") or {})}


def volume(it: Object) -> None:
    for kind in ("configMap", "secret", "projected", "downwardAPI"):
        if it.get(kind) is not None:
            put(it[kind], "defaultMode", 420)
    _projections(it)
    if it.get("hostPath") is not None:
        put(it["hostPath"], "type", "")
    _sources(it)
    if not [key for key in it if key != "name" and it[key] is not None]:
        it["emptyDir"] = {}


def _projections(it: Object) -> None:
    for source in (it.get("projected") or {}).get("sources") or ():
        if source.get("serviceAccountToken") is not None:
            put(source["serviceAccountToken"], "expirationSeconds", 3600)
        for item in (source.get("downwardAPI") or {}).get("items") or ():
            if item.get("fieldRef") is not None:
                put(item["fieldRef"], "apiVersion", "v1")
    for item in (it.get("downwardAPI") or {}).get("items") or ():
        if item.get("fieldRef") is not None:
            put(item["fieldRef"], "apiVersion", "v1")


def _sources(it: Object) -> None:
    if (template := (it.get("ephemeral") or {}).get("volumeClaimTemplate")) is not None:
        put(part(template, "spec"), "volumeMode", "Filesystem")
    if (image := it.get("image")) is not None:
        put(image, "pullPolicy", pull_policy(str(image.get("reference") or "")))
    if (disk := it.get("azureDisk")) is not None:
        for field, value in (("cachingMode", "ReadWrite"), ("fsType", "ext4"), ("readOnly", False), ("kind", "Shared")):
            put(disk, field, value)
    for kind, values in OLD_VOLUMES.items():
        if (source := it.get(kind)) is not None:
            for field, value in values.items():
                put(source, field, value)


OLD_VOLUMES: dict[str, dict[str, str]] = {
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
    "iscsi": {"iscsiInterface": "default"},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
}


def pod_spec(spec: Object, owner_is_pod: bool = False) -> None:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        for it in spec.get(kind) or ():
            container(it, owner_is_pod and kind != "ephemeralContainers")
    put(spec, "restartPolicy", "Always")
    put(spec, "terminationGracePeriodSeconds", 30)
    put(spec, "dnsPolicy", "ClusterFirst")
    part(spec, "securityContext")
    put(spec, "schedulerName", "default-scheduler")
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]
    elif spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"]
    for it in spec.get("volumes") or ():
        volume(it)
    if spec.get("hostNetwork") and owner_is_pod:
        for it in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
            for port in it.get("ports") or ():
                if not port.get("hostPort") and port.get("containerPort"):
                    port["hostPort"] = port["containerPort"]


def template(spec: Object) -> None:
    """Default the pod template of a workload's spec."""
    it = spec.get("template")
    if isinstance(it, dict) and isinstance(it.get("spec"), dict):
        pod_spec(it["spec"])


def pod(obj: Object) -> None:
    spec = part(obj, "spec")
    pod_spec(spec, owner_is_pod=True)
    put(spec, "enableServiceLinks", True)


NOT_READY = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def admit_pod(spec: Object) -> None:
    """Add what admission adds to a new pod: account, priority, tolerations."""
    put(spec, "serviceAccountName", "default")
    put(spec, "serviceAccount", spec["serviceAccountName"])
    put(spec, "priority", 0)
    put(spec, "preemptionPolicy", "PreemptLowerPriority")
    tolerate_lost_nodes(spec)


def admit_pod_again(spec: Object, old: Object) -> None:
    """Add what admission adds to a changed pod."""
    for field in ("priority", "preemptionPolicy"):
        if spec.get(field) is None and field in old:
            spec[field] = old[field]
    tolerate_lost_nodes(spec)


def tolerate_lost_nodes(spec: Object) -> None:
    """Let a pod stay five minutes on a node that is gone, where it says nothing of that itself."""
    tolerations = spec.get("tolerations") or []
    for key in NOT_READY:
        if not any(
            it.get("key") in (key, None, "") and it.get("effect") in ("NoExecute", None, "") for it in tolerations
        ):
            added = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            tolerations = [*tolerations, added]
    spec["tolerations"] = tolerations


def quality_of_service(spec: Object) -> str:
    """Return the QoS class that requests and limits make."""
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    resources = [it.get("resources") or {} for it in containers]
    if not any(it.get("requests") or it.get("limits") for it in resources):
        return "BestEffort"
    for it in resources:
        limits, requests = it.get("limits") or {}, it.get("requests") or {}
        for name in ("cpu", "memory"):
            if name not in limits or requests.get(name, limits[name]) != limits[name]:
                return "Burstable"
    return "Guaranteed"
