"""What a cluster needs before `volary run` can work in it: CRDs, the least RBAC for each feature, a Deployment.

Pure: builds objects, prints nothing. CRDs of Flux's, Flagger's and Istio's kinds are made from our own types and are
meant for clusters that lack them; where they exist, theirs stay (`definitions_missing_in`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from volary import __version__, sync
from volary.canary import wire as canary_wire
from volary.fleet import wire as fleet_wire
from volary.kube.objects import NewObject, name_of
from volary.providers.routers import istio

FEATURES = ("canary", "sync", "fleet")
NAMESPACE = "volary-system"
NAME = "volary"
ANNOTATED = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/version": __version__}

MADE_BY_US = {"app.kubernetes.io/managed-by": NAME}

READ = ("get", "list", "watch")
WRITE = ("create", "update", "patch")
ALL = (*READ, *WRITE, "delete")

Rule = tuple[str, Sequence[str], Sequence[str]]  # (API group, resources, verbs)

RULES: dict[str, Sequence[Rule]] = {
    "canary": (
        ("flagger.app", ("canaries", "metrictemplates", "alertproviders"), READ),
        ("flagger.app", ("canaries/status",), ("update", "patch")),
        ("apps", ("deployments",), (*READ, *WRITE)),
        ("autoscaling", ("horizontalpodautoscalers",), (*READ, *WRITE)),
        ("", ("services", "configmaps", "secrets"), (*READ, *WRITE)),
        ("", ("services/proxy",), ("get", "create")),
        ("networking.istio.io", ("virtualservices", "destinationrules"), (*READ, *WRITE)),
        ("", ("events",), ("get", "create", "patch")),
    ),
    # A GitOps agent applies whatever Git says, so its rights are those of the person who writes to Git.
    "sync": (("*", ("*",), ("*",)),),
    "fleet": (
        ("volary.dev", ("clusters", "fleetrollouts", "fleetrolloutruns"), ALL),
        ("volary.dev", ("clusters/status", "fleetrollouts/status", "fleetrolloutruns/status"), ("update", "patch")),
        ("volary.dev", ("fleetrollouts/finalizers",), ("update",)),
        ("source.toolkit.fluxcd.io", ("gitrepositories",), READ),
        ("", ("secrets", "namespaces"), READ),
        ("", ("events",), ("get", "create", "patch")),
    ),
}


def definitions(features: Collection[str] = FEATURES) -> list[NewObject]:
    """Return the CRDs that the features read or write."""
    found: list[NewObject] = []
    if "canary" in features:
        found += [*canary_wire.definitions(), *istio.definitions()]
    if "sync" in features or "fleet" in features:
        found += sync.definitions()
    if "fleet" in features:
        found += fleet_wire.definitions()
    return [marked(definition) for definition in found]


def marked(definition: NewObject) -> NewObject:
    """Return the definition with the label that tells ours from another project's."""
    return {**definition, "metadata": {**definition["metadata"], "labels": dict(MADE_BY_US)}}


def definitions_missing_in(installed: Collection[str], features: Collection[str] = FEATURES) -> list[NewObject]:
    """Return the CRDs to install beside those with the names `installed`: never in place of another project's.

    Our own (volary.dev) are always there, so that an upgrade brings their new fields.
    """
    ours = "volary.dev"
    return [d for d in definitions(features) if d["spec"]["group"] == ours or name_of(d) not in installed]


def manifests(features: Sequence[str], image: str, installed: Collection[str] = ()) -> list[NewObject]:
    """Return everything for `kubectl apply -f -`, in the order in which it must be applied."""
    return [
        namespace(),
        *definitions_missing_in(installed, features),
        service_account(),
        *roles(features),
        deployment(features, image),
    ]


def namespace() -> NewObject:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": dict(ANNOTATED)}}


def service_account() -> NewObject:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": NAMESPACE}}


def roles(features: Iterable[str]) -> list[NewObject]:
    """Return a ClusterRole and its binding for each feature, and the Role for leases in our own namespace."""
    found: list[NewObject] = []
    for feature in features:
        name = f"{NAME}-{feature}"
        rules = [
            {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
            for group, resources, verbs in RULES[feature]
        ]
        found.append(rbac("ClusterRole", name, rules=rules))
        found.append(rbac("ClusterRoleBinding", name, roleRef=reference("ClusterRole", name), subjects=[subject()]))
    leases = [{"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": [*READ, *WRITE]}]
    name = f"{NAME}-leader-election"
    found.append(rbac("Role", name, rules=leases))
    found.append(rbac("RoleBinding", name, roleRef=reference("Role", name), subjects=[subject()]))
    return found


def rbac(kind: str, name: str, **fields: object) -> NewObject:
    metadata = {"name": name, "labels": dict(ANNOTATED)}
    if not kind.startswith("Cluster"):
        metadata["namespace"] = NAMESPACE
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, **fields}


def reference(kind: str, name: str) -> NewObject:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}


def subject() -> NewObject:
    return {"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}


def deployment(features: Sequence[str], image: str) -> NewObject:
    """Return the Deployment of the controllers: two replicas, of which a Lease lets one work."""
    container = {
        "name": NAME,
        "image": image,
        "args": ["run", "--features", ",".join(features), "--log-format", "json"],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "work", "mountPath": "/tmp"}],  # noqa: S108 - a path inside the container
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": dict(ANNOTATED)},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
            "template": {
                "metadata": {"labels": dict(ANNOTATED)},
                "spec": {
                    "serviceAccountName": NAME,
                    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                    "containers": [container],
                    "volumes": [{"name": "work", "emptyDir": {}}],
                },
            },
        },
    }
