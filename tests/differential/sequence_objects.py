"""The objects of the random sequences: a few kinds, each with some right and some wrong values."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    version: str
    kind: str
    plural: str
    make: Callable[[random.Random], Object]  # all but the head and the metadata


def pod_spec(rng: random.Random) -> Object:
    container: Object = {"name": rng.choice(("main", "side")), "image": rng.choice(("nginx", "nginx:1.25"))}
    container |= rng.choice(
        (
            {},
            {"ports": [{"containerPort": 80, "name": "http"}]},
            {"env": [{"name": "A", "value": "1"}, {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "spec.x"}}}]},
            {"env": [{"name": "A", "value": "2"}]},
            {"resources": {"limits": {"cpu": "0.5"}, "requests": {"memory": "64Mi"}}},
            {"readinessProbe": {"httpGet": {"path": "/", "port": 80}}},
        )
    )
    return {"containers": [container]}


def deployment(rng: random.Random) -> Object:
    labels = {"app": rng.choice("ab")}
    template = {"metadata": {"labels": labels}, "spec": pod_spec(rng)}
    spec: Object = {"selector": {"matchLabels": dict(labels)}, "template": template}
    more: tuple[Object, ...] = (
        {},
        {"replicas": 3},
        {"replicas": -1},
        {"paused": True},
        {"strategy": {"type": "Recreate"}},
    )
    return {"spec": spec | rng.choice(more)}


def config_map(rng: random.Random) -> Object:
    found: tuple[Object, ...] = (
        {"data": {"k": "v", "z": "é"}}, {"data": {"k": "v"}, "binaryData": {"b": "AAEC"}}, {},
        {"data": {"k": "1"}, "immutable": True}, {"data": {"bad key": "x"}}, {"data": {"k": 1}},
    )  # fmt: skip
    return rng.choice(found)


def secret(rng: random.Random) -> Object:
    found: tuple[Object, ...] = (
        {"stringData": {"k": "v"}}, {"data": {"k": "dg=="}, "type": "Opaque"}, {"type": "kubernetes.io/tls"},
        {"immutable": True, "data": {"k": "dg=="}}, {"data": {"k": "dg=="}, "stringData": {"k": "w"}},
    )  # fmt: skip
    return rng.choice(found)


def service(rng: random.Random) -> Object:
    spec: Object = {"ports": rng.choice(([{"port": 80}], [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]))}
    more: tuple[Object, ...] = (
        {"selector": {"app": "a"}},
        {"clusterIP": "None"},
        {"sessionAffinity": "ClientIP"},
        {"type": "X"},
    )
    return {"spec": spec | rng.choice(more)}


def ingress(rng: random.Random) -> Object:
    backend = {"service": {"name": "s", "port": rng.choice(({"number": 80}, {"name": "http"}))}}
    path = {"path": rng.choice(("/", "/a", "a")), "pathType": "Prefix", "backend": backend}
    host = rng.choice(("a.b", "*.a.b", "A_B"))
    return {"spec": {"rules": [{"host": host, "http": {"paths": [path]}}]}}


def lease(rng: random.Random) -> Object:
    found: tuple[Object, ...] = (
        {"holderIdentity": "me", "leaseDurationSeconds": 15, "renewTime": "2026-01-01T00:00:00.000000Z"},
        {"leaseDurationSeconds": 0}, {"leaseTransitions": -1}, {"holderIdentity": "you"},
    )  # fmt: skip
    return {"spec": rng.choice(found)}


def role(rng: random.Random) -> Object:
    rule = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
    return {"rules": rng.choice(([rule], [rule, {"verbs": ["get"]}], [{**rule, "verbs": []}]))}


def account(rng: random.Random) -> Object:
    found: tuple[Object, ...] = ({}, {"automountServiceAccountToken": False}, {"imagePullSecrets": [{"name": "x"}]})
    return rng.choice(found)


KINDS = (
    Kind("apps/v1", "Deployment", "deployments", deployment),
    Kind("v1", "ConfigMap", "configmaps", config_map),
    Kind("v1", "Secret", "secrets", secret),
    Kind("v1", "Service", "services", service),
    Kind("networking.k8s.io/v1", "Ingress", "ingresses", ingress),
    Kind("coordination.k8s.io/v1", "Lease", "leases", lease),
    Kind("rbac.authorization.k8s.io/v1", "Role", "roles", role),
    Kind("v1", "ServiceAccount", "serviceaccounts", account),
)


def owners(rng: random.Random) -> list[Object]:
    """Return one owner, or the same one twice."""
    uid = "11111111-1111-4111-8111-111111111111"
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "own", "uid": uid}
    return [dict(owner) for _ in range(rng.choice((1, 2)))]


def directive(rng: random.Random, kind: Kind) -> Object:
    """Return a strategic patch with a directive in it."""
    if kind.kind != "Deployment":
        found: tuple[Object, ...] = (
            {"metadata": {"labels": {"$patch": "replace", "only": "1"}}},
            {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x.io/f"]}},
            {"metadata": {"finalizers": ["x.io/g"], "$setElementOrder/finalizers": ["x.io/g", "x.io/f"]}},
        )
        return rng.choice(found)
    pod: tuple[Object, ...] = (
        {"containers": [{"name": "main", "$patch": "delete"}]},
        {"containers": [{"$patch": "replace"}, {"name": "new", "image": "n"}]},
        {
            "containers": [{"name": "log", "image": "l"}],
            "$setElementOrder/containers": [{"name": "log"}, {"name": "main"}],
        },
        {"$retainKeys": ["containers"], "containers": [{"name": "main", "image": "x"}]},
        {"containers": [{"name": "main", "env": [{"name": "A", "$patch": "delete"}]}]},
        {"tolerations": [{"key": "q", "operator": "Exists"}]},
    )
    return {"spec": {"template": {"spec": rng.choice(pod)}}}
