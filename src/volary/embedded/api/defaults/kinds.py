"""Defaults of built-in kinds, put into a fresh object in place.

Source: Kubernetes, pkg/apis/*/v1/defaults.go.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from volary.embedded.api.defaults import pods as pod_defaults
from volary.embedded.api.defaults.pods import Object, part, put, template


def deployment(obj: Object) -> None:
    spec = part(obj, "spec")
    put(spec, "replicas", 1)
    put(spec, "revisionHistoryLimit", 10)
    put(spec, "progressDeadlineSeconds", 600)
    strategy = part(spec, "strategy")
    put(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = part(strategy, "rollingUpdate")
        put(rolling, "maxUnavailable", "25%")
        put(rolling, "maxSurge", "25%")
    template(spec)


def replica_set(obj: Object) -> None:
    spec = part(obj, "spec")
    put(spec, "replicas", 1)
    template(spec)


def stateful_set(obj: Object) -> None:
    spec = part(obj, "spec")
    put(spec, "replicas", 1)
    put(spec, "podManagementPolicy", "OrderedReady")
    put(spec, "revisionHistoryLimit", 10)
    strategy = part(spec, "updateStrategy")
    put(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        put(part(strategy, "rollingUpdate"), "partition", 0)
    retention = part(spec, "persistentVolumeClaimRetentionPolicy")
    put(retention, "whenDeleted", "Retain")
    put(retention, "whenScaled", "Retain")
    template(spec)


TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def daemon_set(obj: Object) -> None:
    put(part(obj["metadata"], "annotations"), TEMPLATE_GENERATION, "0")
    spec = part(obj, "spec")
    put(spec, "revisionHistoryLimit", 10)
    strategy = part(spec, "updateStrategy")
    put(strategy, "type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = part(strategy, "rollingUpdate")
        put(rolling, "maxUnavailable", 1)
        put(rolling, "maxSurge", 0)
    template(spec)


def job_spec(spec: Object) -> None:
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = spec["parallelism"] = 1
    put(spec, "parallelism", 1)
    put(spec, "backoffLimit", 6 if spec.get("backoffLimitPerIndex") is None else 2**31 - 1)
    put(spec, "completionMode", "NonIndexed")
    put(spec, "suspend", False)
    put(spec, "manualSelector", False)
    put(spec, "podReplacementPolicy", "Failed" if spec.get("podFailurePolicy") is not None else "TerminatingOrFailed")
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            put(pattern, "status", "True")
    template(spec)


def job(obj: Object) -> None:
    spec = part(obj, "spec")
    job_spec(spec)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = labels  # one map, as in the server: what is added to the template's is in both


def cron_job(obj: Object) -> None:
    spec = part(obj, "spec")
    put(spec, "concurrencyPolicy", "Allow")
    put(spec, "suspend", False)
    put(spec, "successfulJobsHistoryLimit", 3)
    put(spec, "failedJobsHistoryLimit", 1)
    inner = part(part(spec, "jobTemplate"), "spec")
    template(inner)


def service(obj: Object) -> None:
    spec = part(obj, "spec")
    put(spec, "sessionAffinity", "None")
    put(spec, "type", "ClusterIP")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    if spec["sessionAffinity"] == "ClientIP":
        put(part(part(spec, "sessionAffinityConfig"), "clientIP"), "timeoutSeconds", 10800)
    for port in spec.get("ports") or ():
        put(port, "protocol", "TCP")
        if port.get("targetPort") in (None, "", 0):
            port["targetPort"] = port.get("port") or 0
    kind = spec["type"]
    if kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.get("externalIPs")):
        put(spec, "externalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        put(spec, "allocateLoadBalancerNodePorts", True)
        for it in ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ():
            if it.get("ip"):
                put(it, "ipMode", "VIP")
    if kind in ("ClusterIP", "NodePort", "LoadBalancer") and spec.get("internalTrafficPolicy") is None:
        spec["internalTrafficPolicy"] = "Cluster"


def endpoints(obj: Object) -> None:
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            put(port, "protocol", "TCP")


def endpoint_slice(obj: Object) -> None:
    for port in obj.get("ports") or ():
        put(port, "name", "")
        put(port, "protocol", "TCP")


def autoscaler(obj: Object) -> None:
    spec = part(obj, "spec")
    put(spec, "minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if isinstance(behavior, dict):
        _scaling(part(behavior, "scaleUp"), 0, (("Pods", 4), ("Percent", 100)))
        _scaling(part(behavior, "scaleDown"), None, (("Percent", 100),))


OLD_METRICS = "autoscaling.alpha.kubernetes.io/metrics"


def old_autoscaler(obj: Object) -> None:
    """Put in the defaults of v1, where further metrics are an annotation."""
    spec = part(obj, "spec")
    put(spec, "minReplicas", 1)
    if not (obj["metadata"].get("annotations") or {}).get(OLD_METRICS):
        put(spec, "targetCPUUtilizationPercentage", 80)


def _scaling(rules: Object, window: int | None, policies: tuple[tuple[str, int], ...]) -> None:
    if window is not None:
        put(rules, "stabilizationWindowSeconds", window)
    if rules.get("selectPolicy") is None:
        rules["selectPolicy"] = "Max"
    if not rules.get("policies"):
        rules["policies"] = [{"type": kind, "value": value, "periodSeconds": 15} for kind, value in policies]


def namespace(obj: Object) -> None:
    put(part(obj, "status"), "phase", "Active")
    meta = obj["metadata"]
    if meta.get("name"):
        meta["labels"] = {**(meta.get("labels") or {}), "kubernetes.io/metadata.name": meta["name"]}


def secret(obj: Object) -> None:
    put(obj, "type", "Opaque")
    texts = obj.pop("stringData", None)
    if texts:
        added = {key: base64.b64encode(value.encode()).decode() for key, value in texts.items()}
        obj["data"] = {**(obj.get("data") or {}), **added}


def binding(obj: Object) -> None:
    put(part(obj, "roleRef"), "apiGroup", "rbac.authorization.k8s.io")
    for subject in obj.get("subjects") or ():
        if subject.get("kind") in ("User", "Group"):
            put(subject, "apiGroup", "rbac.authorization.k8s.io")


def pod(obj: Object) -> None:
    pod_defaults.pod(obj)
    put(part(obj, "status"), "phase", "Pending")


def _first_of(obj: Object, one: str, several: str) -> None:
    """Let the first of several be the one, which older clients know."""
    first, all_ = obj.get(one), obj.get(several)
    if first and (not all_ or all_[0] != first):
        obj[several] = [first]
    elif all_ and not first:
        obj[one] = all_[0]


def node(obj: Object) -> None:
    _first_of(obj["spec"], "podCIDR", "podCIDRs")
    status = obj.get("status") or {}
    if status.get("capacity") and not status.get("allocatable"):
        status["allocatable"] = dict(status["capacity"])


def definition(obj: Object) -> None:
    spec = part(obj, "spec")
    put(spec, "scope", "")
    names = part(spec, "names")
    kind = str(names.get("kind") or "")
    if kind:
        put(names, "listKind", f"{kind}List")
    put(names, "singular", kind.lower())
    put(part(spec, "conversion"), "strategy", "None")


def persistent_volume_claim(obj: Object) -> None:
    put(part(obj, "spec"), "volumeMode", "Filesystem")
    put(part(obj, "status"), "phase", "Pending")


def network_policy(obj: Object) -> None:
    spec = part(obj, "spec")
    for rule in spec.get("ingress") or ():
        for port in rule.get("ports") or ():
            put(port, "protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]


DEFAULTS: dict[str, Callable[[Any], None]] = {
    "/endpoints": endpoints,
    "/namespaces": namespace,
    "/nodes": node,
    "/persistentvolumeclaims": persistent_volume_claim,
    "/pods": pod,
    "/secrets": secret,
    "/services": service,
    "apiextensions.k8s.io/customresourcedefinitions": definition,
    "apps/daemonsets": daemon_set,
    "apps/deployments": deployment,
    "apps/replicasets": replica_set,
    "apps/statefulsets": stateful_set,
    "autoscaling/horizontalpodautoscalers": autoscaler,
    "batch/cronjobs": cron_job,
    "batch/jobs": job,
    "discovery.k8s.io/endpointslices": endpoint_slice,
    "networking.k8s.io/networkpolicies": network_policy,
    "rbac.authorization.k8s.io/clusterrolebindings": binding,
    "rbac.authorization.k8s.io/rolebindings": binding,
}


def put_builtin_defaults(resource: str, obj: Object) -> None:
    """Put the defaults of a built-in kind into `obj`."""
    if obj.get("apiVersion") == "autoscaling/v1":
        old_autoscaler(obj)
    elif found := DEFAULTS.get(resource):
        found(obj)
