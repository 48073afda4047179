"""Valid objects of each built-in kind, rich enough that a change of any one field means something."""

# ruff: noqa: E501 - an object stays on few lines, however long
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
SELECTOR = {"matchLabels": {"app": "web"}}
CERTIFICATE = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1BPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="


@dataclass(frozen=True)
class Sample:
    """One kind's path, whether it lives in a namespace, and objects of it by name."""

    group_version: str  # "v1", "apps/v1"
    plural: str
    objects: tuple[Object, ...]
    namespaced: bool = True

    @property
    def root(self) -> str:
        return f"/apis/{self.group_version}" if "/" in self.group_version else f"/api/{self.group_version}"

    def collection(self, namespace: str) -> str:
        return f"{self.root}/namespaces/{namespace}/{self.plural}" if self.namespaced else f"{self.root}/{self.plural}"


def named(name: str, **members: Any) -> Object:
    return {
        "metadata": {"name": f"kinds-{name}", "labels": {"app": "web"}, "annotations": {"example.com/note": "n"}},
        **members,
    }


def probe(**members: Any) -> Object:
    return {"periodSeconds": 5, "failureThreshold": 2, "initialDelaySeconds": 1, **members}


def container(name: str = "web", **members: Any) -> Object:
    return {"name": name, "image": "web:1", "ports": [{"name": "http", "containerPort": 8080}], **members}


FULL_CONTAINER = container(
    command=["run"], args=["--flag"], workingDir="/srv", terminationMessagePath="/dev/log", terminationMessagePolicy="File",
    imagePullPolicy="Always",
    env=[{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
         {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "k", "optional": True}}},
         {"name": "D", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "k"}}},
         {"name": "E", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}}],
    envFrom=[{"prefix": "P_", "configMapRef": {"name": "config"}}, {"secretRef": {"name": "secret", "optional": True}}],
    resources={"limits": {"cpu": "500m", "memory": "64Mi"}, "requests": {"cpu": "100m", "memory": "32Mi"}},
    volumeMounts=[{"name": "data", "mountPath": "/data", "subPath": "sub"}, {"name": "config", "mountPath": "/config", "readOnly": True}],
    livenessProbe=probe(httpGet={"path": "/healthz", "port": "http", "scheme": "HTTP", "httpHeaders": [{"name": "X-A", "value": "b"}]}),
    readinessProbe=probe(tcpSocket={"port": 8080}, successThreshold=2), startupProbe=probe(exec={"command": ["true"]}),
    lifecycle={"preStop": {"exec": {"command": ["stop"]}}, "postStart": {"httpGet": {"port": 8080, "path": "/start"}}},
    securityContext={"runAsUser": 1000, "runAsGroup": 1000, "runAsNonRoot": True, "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False,
                     "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN"]}, "seccompProfile": {"type": "RuntimeDefault"}, "privileged": False},
    stdin=True, tty=True,
)  # fmt: skip
VOLUMES: list[Object] = [
    {"name": "data", "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}},
    {"name": "config", "configMap": {"name": "config", "defaultMode": 420, "items": [{"key": "k", "path": "p", "mode": 256}]}},
    {"name": "secret", "secret": {"secretName": "secret", "optional": True, "items": [{"key": "k", "path": "p"}]}},
    {"name": "host", "hostPath": {"path": "/var", "type": "Directory"}},
    {"name": "claim", "persistentVolumeClaim": {"claimName": "claim", "readOnly": True}},
    {"name": "all", "projected": {"defaultMode": 420, "sources": [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600, "audience": "me"}}, {"configMap": {"name": "c", "items": [{"key": "k", "path": "x"}]}},
        {"secret": {"name": "s"}}, {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}}]}},
    {"name": "down", "downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}, {"path": "cpu", "resourceFieldRef": {"containerName": "web", "resource": "limits.cpu"}}]}},
    {"name": "nfs", "nfs": {"server": "nfs.example.com", "path": "/share"}},
    {"name": "driver", "csi": {"driver": "csi.example.com", "volumeAttributes": {"a": "b"}}},
    {"name": "eph", "ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}},
]  # fmt: skip
AFFINITY = {
    "nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a"]}]}]},
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "preference": {"matchExpressions": [{"key": "disk", "operator": "Exists"}]}}]},
    "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{"labelSelector": SELECTOR, "topologyKey": "zone"}]},
    "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": {"labelSelector": SELECTOR, "topologyKey": "kubernetes.io/hostname"}}]},
}  # fmt: skip
FULL_POD_SPEC: Object = {
    "containers": [FULL_CONTAINER, container("side", ports=[{"containerPort": 9090, "protocol": "UDP"}])],
    "initContainers": [{"name": "init", "image": "init:1", "restartPolicy": "Always"}, {"name": "init2", "image": "init"}],
    "volumes": VOLUMES, "affinity": AFFINITY, "restartPolicy": "Always", "terminationGracePeriodSeconds": 10, "activeDeadlineSeconds": 600,
    "dnsPolicy": "None", "dnsConfig": {"nameservers": ["1.2.3.4"], "searches": ["example.com"], "options": [{"name": "ndots", "value": "2"}]},
    "nodeSelector": {"never": "here"}, "serviceAccountName": "default", "automountServiceAccountToken": False, "shareProcessNamespace": True,
    "securityContext": {"runAsUser": 1000, "fsGroup": 2000, "supplementalGroups": [1], "sysctls": [{"name": "kernel.shm_rmid_forced", "value": "0"}], "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"}},
    "imagePullSecrets": [{"name": "pull"}], "hostname": "web", "subdomain": "sub",
    "tolerations": [{"key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute", "tolerationSeconds": 60}, {"operator": "Exists"}],
    "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a.example.com"]}], "readinessGates": [{"conditionType": "example.com/ready"}],
    "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": SELECTOR, "minDomains": 2, "nodeAffinityPolicy": "Honor"}],
    "schedulingGates": [{"name": "example.com/gate"}], "enableServiceLinks": True, "os": {"name": "linux"}, "setHostnameAsFQDN": False,
    "preemptionPolicy": "PreemptLowerPriority", "schedulerName": "nobody", "hostNetwork": False,
}  # fmt: skip
SMALL_POD_SPEC: Object = {"containers": [container()], "nodeSelector": {"never": "here"}}


def template(spec: Object) -> Object:
    return {
        "metadata": {"labels": {"app": "web"}},
        "spec": {key: it for key, it in spec.items() if key != "activeDeadlineSeconds"},
    }


def job_template(spec: Object, policy: str = "Never") -> Object:
    return {"metadata": {"labels": {"app": "web"}}, "spec": {**spec, "restartPolicy": policy}}


PORTS = [
    {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"},
    {"name": "more", "port": 81, "targetPort": 8081},
]
METRICS = [
    {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}},
    {"type": "ContainerResource", "containerResource": {"name": "memory", "container": "web", "target": {"type": "AverageValue", "averageValue": "10Mi"}}},
    {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "10"}}},
    {"type": "Object", "object": {"metric": {"name": "rps", "selector": SELECTOR}, "describedObject": {"apiVersion": "v1", "kind": "Service", "name": "web"}, "target": {"type": "Value", "value": "10"}}},
    {"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "AverageValue", "averageValue": "5"}}},
]  # fmt: skip
BEHAVIOR = {
    "scaleUp": {"stabilizationWindowSeconds": 10, "selectPolicy": "Min", "policies": [{"type": "Pods", "value": 2, "periodSeconds": 30}]},
    "scaleDown": {"stabilizationWindowSeconds": 60, "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]},
}  # fmt: skip
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
RULE = {
    "apiGroups": ["", "apps"],
    "resources": ["pods", "deployments"],
    "verbs": ["get", "list"],
    "resourceNames": ["web"],
}
RBAC = "rbac.authorization.k8s.io"
SUBJECTS = [
    {"kind": "ServiceAccount", "name": "default", "namespace": "default"},
    {"kind": "User", "name": "jane", "apiGroup": RBAC},
    {"kind": "Group", "name": "devs"},
]
ABOUT = {"kind": "Pod", "name": "web", "apiVersion": "v1", "namespace": "kinds-fuzz", "uid": "u", "fieldPath": "spec"}

SAMPLES: dict[str, Sample] = {
    "namespaces": Sample("v1", "namespaces", (named("ns"), named("ns2", spec={"finalizers": ["kubernetes", "example.com/f"]})), False),
    "pods": Sample("v1", "pods", (named("full", spec=FULL_POD_SPEC), named("small", spec=SMALL_POD_SPEC))),
    "services": Sample("v1", "services", (
        named("web", spec={"selector": {"app": "web"}, "ports": PORTS, "sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 100}}}),
        named("node", spec={"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80, "nodePort": 30123}], "externalTrafficPolicy": "Local", "externalIPs": ["10.1.2.3"]}),
        named("balanced", spec={"type": "LoadBalancer", "selector": {"app": "web"}, "ports": PORTS, "loadBalancerIP": "1.2.3.4", "loadBalancerSourceRanges": ["10.0.0.0/8"], "loadBalancerClass": "example.com/lb", "allocateLoadBalancerNodePorts": False}),
        named("headless", spec={"clusterIP": "None", "selector": {"app": "web"}, "publishNotReadyAddresses": True, "ipFamilyPolicy": "SingleStack", "ipFamilies": ["IPv4"]}),
        named("out", spec={"type": "ExternalName", "externalName": "example.com"}))),
    "endpoints": Sample("v1", "endpoints", (named("web", subsets=[{"addresses": [{"ip": "10.1.2.3", "hostname": "a", "nodeName": "n", "targetRef": {"kind": "Pod", "name": "web"}}],
        "notReadyAddresses": [{"ip": "10.1.2.4"}], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "b", "port": 81, "appProtocol": "http"}]}]),)),
    "endpointslices": Sample("discovery.k8s.io/v1", "endpointslices", (
        named("web", addressType="IPv4", endpoints=[{"addresses": ["10.1.2.3"], "conditions": {"ready": True, "serving": True, "terminating": False}, "hostname": "a", "nodeName": "n", "zone": "z",
              "hints": {"forZones": [{"name": "z"}]}, "targetRef": {"kind": "Pod", "name": "web"}}], ports=[{"name": "http", "port": 80, "protocol": "TCP", "appProtocol": "http"}, {"name": "b", "port": 81}]),
        named("fqdn", addressType="FQDN", endpoints=[{"addresses": ["a.example.com"]}]),
        named("six", addressType="IPv6", endpoints=[{"addresses": ["2001:db8::1"]}], ports=[{"port": 80}]))),
    "configmaps": Sample("v1", "configmaps", (named("config", data={"a": "1", "b.c": "2"}, binaryData={"x": "AQID"}), named("fixed", data={"a": "1"}, immutable=True))),
    "secrets": Sample("v1", "secrets", (named("secret", data={"a": "AQ=="}, stringData={"b": "2"}), named("fixed", data={"a": "AQ=="}, immutable=True),
        named("tls", type="kubernetes.io/tls", data={"tls.crt": "", "tls.key": ""}), named("auth", type="kubernetes.io/basic-auth", data={"username": "YQ==", "password": "YQ=="}),
        named("ssh", type="kubernetes.io/ssh-auth", data={"ssh-privatekey": "YQ=="}), named("docker", type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": "e30="}))),
    "serviceaccounts": Sample("v1", "serviceaccounts", (named("account", secrets=[{"name": "s"}], imagePullSecrets=[{"name": "p"}], automountServiceAccountToken=False),)),
    "events": Sample("v1", "events", (
        named("old", involvedObject=ABOUT, reason="Seen", message="hello", type="Normal", source={"component": "me", "host": "h"}, firstTimestamp="2026-01-01T00:00:00Z", lastTimestamp="2026-01-01T00:00:00Z", count=3),
        named("new", involvedObject=ABOUT, reason="Seen", message="hello", type="Warning", eventTime="2026-01-01T00:00:00.000000Z", action="Act", reportingComponent="example.com/me", reportingInstance="me-1",
              series={"count": 2, "lastObservedTime": "2026-01-01T00:00:00.000000Z"}, related={"kind": "Pod", "name": "b"}))),
    "nodes": Sample("v1", "nodes", (named("node", spec={"podCIDR": "10.9.0.0/24", "podCIDRs": ["10.9.0.0/24"], "providerID": "x://1", "unschedulable": True, "taints": [{"key": "a", "value": "b", "effect": "NoSchedule"}]},
        status={"capacity": {"cpu": "4", "memory": "8Gi", "pods": "110"}}),), False),
    "deployments": Sample("apps/v1", "deployments", (
        named("web", spec={"replicas": 0, "selector": SELECTOR, "template": template(FULL_POD_SPEC), "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "25%"}}, "minReadySeconds": 5, "revisionHistoryLimit": 3, "progressDeadlineSeconds": 100, "paused": True}),
        named("small", spec={"replicas": 0, "selector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}, "template": template(SMALL_POD_SPEC), "strategy": {"type": "Recreate"}}))),
    "replicasets": Sample("apps/v1", "replicasets", (named("web", spec={"replicas": 0, "minReadySeconds": 1, "selector": SELECTOR, "template": template(SMALL_POD_SPEC)}),)),
    "daemonsets": Sample("apps/v1", "daemonsets", (named("web", spec={"selector": SELECTOR, "template": template(SMALL_POD_SPEC), "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}, "minReadySeconds": 1, "revisionHistoryLimit": 2}),)),
    "jobs": Sample("batch/v1", "jobs", (
        named("job", spec={"suspend": True, "parallelism": 2, "completions": 3, "backoffLimit": 2, "activeDeadlineSeconds": 100, "ttlSecondsAfterFinished": 10, "completionMode": "NonIndexed", "template": job_template(SMALL_POD_SPEC)}),
        named("indexed", spec={"suspend": True, "parallelism": 2, "completions": 3, "completionMode": "Indexed", "backoffLimitPerIndex": 1, "maxFailedIndexes": 1, "template": job_template(SMALL_POD_SPEC),
              "podReplacementPolicy": "Failed", "successPolicy": {"rules": [{"succeededIndexes": "0-1", "succeededCount": 1}]}, "podFailurePolicy": {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1, 2], "containerName": "web"}}, {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]}}),
        named("manual", spec={"suspend": True, "manualSelector": True, "selector": SELECTOR, "template": job_template(SMALL_POD_SPEC, "OnFailure")}))),
    "horizontalpodautoscalers": Sample("autoscaling/v2", "horizontalpodautoscalers", (
        named("web", spec={"scaleTargetRef": TARGET, "minReplicas": 2, "maxReplicas": 4, "metrics": METRICS, "behavior": BEHAVIOR}), named("small", spec={"scaleTargetRef": TARGET, "maxReplicas": 4}))),
    "autoscalers-v1": Sample("autoscaling/v1", "horizontalpodautoscalers", (named("one", spec={"scaleTargetRef": TARGET, "minReplicas": 2, "maxReplicas": 4, "targetCPUUtilizationPercentage": 60}),)),
    "ingresses": Sample("networking.k8s.io/v1", "ingresses", (
        named("web", spec={"ingressClassName": "nginx", "defaultBackend": BACKEND, "tls": [{"hosts": ["a.example.com"], "secretName": "tls"}],
              "rules": [{"host": "a.example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}, {"path": "/x", "pathType": "Exact", "backend": {"service": {"name": "web", "port": {"name": "http"}}}}]}},
                        {"host": "*.example.com", "http": {"paths": [{"pathType": "ImplementationSpecific", "backend": {"resource": {"apiGroup": "example.com", "kind": "Bucket", "name": "b"}}}]}}]}),)),
    "leases": Sample("coordination.k8s.io/v1", "leases", (named("lease", spec={"holderIdentity": "me", "leaseDurationSeconds": 15, "leaseTransitions": 1, "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z"}),
        named("coordinated", spec={"holderIdentity": "me", "leaseDurationSeconds": 15, "strategy": "OldestEmulationVersion", "preferredHolder": "you"}))),
    "roles": Sample(f"{RBAC}/v1", "roles", (named("role", rules=[RULE, {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]),)),
    "clusterroles": Sample(f"{RBAC}/v1", "clusterroles", (named("role", rules=[RULE, {"nonResourceURLs": ["/metrics", "/x/*"], "verbs": ["get"]}]), named("sum", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"kinds-none": "x"}}]})), False),
    "rolebindings": Sample(f"{RBAC}/v1", "rolebindings", (named("binding", roleRef={"apiGroup": RBAC, "kind": "Role", "name": "r"}, subjects=SUBJECTS),)),
    "clusterrolebindings": Sample(f"{RBAC}/v1", "clusterrolebindings", (named("binding", roleRef={"apiGroup": RBAC, "kind": "ClusterRole", "name": "r"}, subjects=SUBJECTS),), False),
}  # fmt: skip
