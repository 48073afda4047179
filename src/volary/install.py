"""What a cluster needs before `volary run` can work in it: CRDs, the least RBAC for each feature, a Deployment.

Pure: builds objects, prints nothing. CRDs of Flux's, Flagger's and Istio's kinds are made from our own types and are
meant for clusters that lack them; where they exist, theirs stay (`definitions_missing_in`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from volary import __version__
from volary.canary import wire as canary_wire
from volary.fleet import wire as fleet_wire
from volary.kube.objects import NewObject, name_of
from volary.providers.routers import istio
from volary.sync.definitions import definitions as sync_definitions

FEATURES = ("canary", "sync", "fleet")
NAMESPACE = "volary-system"
NAME = "volary"
ANNOTATED = {"app.kubernetes.io/name": NAME, "app.kubernetes.io/version": __version__}

MADE_BY_US = {"app.kubernetes.io/managed-by": NAME}

SEE = ("list", "watch")  # what an informer asks for
RECORD = ("", ("events",), ("get", "list", "create", "patch"))

Rule = tuple[str, Sequence[str], Sequence[str]]  # (API group, resources, verbs)

# A test plays the whole story and compares what was asked of the API servers with this, to the verb.
# `…/finalizers` are for API servers that check who may block the deletion of an owner.
RULES: dict[str, Sequence[Rule]] = {
    "canary": (
        ("flagger.app", ("canaries",), SEE),
        ("flagger.app", ("canaries/status", "canaries/finalizers"), ("update",)),
        ("apps", ("deployments",), (*SEE, "create", "update", "patch")),
        ("autoscaling", ("horizontalpodautoscalers",), (*SEE, "create", "update")),
        ("", ("services", "configmaps", "secrets"), (*SEE, "create", "update")),
        ("networking.istio.io", ("virtualservices", "destinationrules"), (*SEE, "create", "update")),
        RECORD,
    ),
    # A GitOps agent applies whatever Git says, so its rights are those of the person who writes to Git.
    "sync": (("*", ("*",), ("*",)),),
    "fleet": (
        ("volary.dev", ("clusters",), SEE),
        ("volary.dev", ("fleetrollouts",), (*SEE, "patch")),
        ("volary.dev", ("fleetrolloutruns",), (*SEE, "create", "patch", "delete")),
        ("volary.dev", ("clusters/status", "fleetrollouts/status", "fleetrolloutruns/status"), ("update",)),
        ("volary.dev", ("fleetrollouts/finalizers",), ("update",)),
        ("source.toolkit.fluxcd.io", ("gitrepositories",), SEE),
        ("", ("namespaces",), ("get",)),  # the uid of kube-system is that of the cluster
        RECORD,
    ),
    # What the hub needs in each member; beside it, the rules of the features that it does there.
    "member": (
        ("source.toolkit.fluxcd.io", ("gitrepositories",), ("get", *SEE, "patch")),
        ("kustomize.toolkit.fluxcd.io", ("kustomizations",), ("get", *SEE)),
        ("flagger.app", ("canaries",), ("get", *SEE)),
        ("apps", ("deployments",), ("get", *SEE)),
        ("", ("configmaps", "secrets"), ("get",)),  # those that a canary tracks, and their copies
        ("", ("namespaces",), ("get", *SEE)),
        ("", ("events",), SEE),
    ),
    # Hooks and metrics of a cluster that we are not in, through its API server.
    "proxy": (("", ("services/proxy",), ("get", "create")),),
}

# In our own namespace only, by role: the Lease, the look whether the cluster is prepared, the members' kubeconfigs.
OWN_RULES: dict[str, Sequence[Rule]] = {
    "leader-election": (
        ("coordination.k8s.io", ("leases",), ("get", "create", "update")),
        ("", ("namespaces",), ("get",)),
    ),
    "kubeconfigs": (("", ("secrets",), SEE),),
}


def definitions(features: Collection[str] = FEATURES) -> list[NewObject]:
    """Return the CRDs that the features read or write."""
    found: list[NewObject] = []
    if "canary" in features:
        found += [*canary_wire.definitions(), *istio.definitions()]
    if "sync" in features or "fleet" in features:
        found += sync_definitions()
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


def member_manifests(features: Sequence[str], installed: Collection[str] = ()) -> list[NewObject]:
    """Return what a member needs whose work is done from the hub: an account for the hub, with no more than it uses.

    `features` are those of its Cluster object.
    """
    return [
        namespace(),
        *definitions_missing_in(installed, features),
        service_account(),
        token(),
        *cluster_roles(member_roles(features)),
    ]


def member_roles(features: Sequence[str]) -> tuple[str, ...]:
    return ("member", *features, *(("proxy",) if "canary" in features else ()))


def namespace() -> NewObject:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": dict(ANNOTATED)}}


def service_account() -> NewObject:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": NAMESPACE}}


def token() -> NewObject:
    """Return the Secret into which Kubernetes writes a token of our account, for the hub's kubeconfig."""
    meta = {"name": NAME, "namespace": NAMESPACE, "annotations": {"kubernetes.io/service-account.name": NAME}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": "kubernetes.io/service-account-token"}


def roles(features: Iterable[str]) -> list[NewObject]:
    """Return the roles of a `volary run` with these features in the cluster that it runs in, each with its binding."""
    features = tuple(features)
    own = [name for name in OWN_RULES if name != "kubeconfigs" or "fleet" in features]
    return [*cluster_roles(features), *(obj for name in own for obj in own_role(name))]


def cluster_roles(names: Iterable[str]) -> list[NewObject]:
    """Return a ClusterRole and its binding for each name in `RULES`."""
    found: list[NewObject] = []
    for rule in names:
        name = f"{NAME}-{rule}"
        found.append(rbac("ClusterRole", name, rules=rules_json(RULES[rule])))
        found.append(rbac("ClusterRoleBinding", name, roleRef=reference("ClusterRole", name), subjects=[subject()]))
    return found


def own_role(rule: str) -> list[NewObject]:
    """Return a Role in our own namespace and its binding, for a name in `OWN_RULES`."""
    name = f"{NAME}-{rule}"
    binding = rbac("RoleBinding", name, roleRef=reference("Role", name), subjects=[subject()])
    return [rbac("Role", name, rules=rules_json(OWN_RULES[rule])), binding]


def rules_json(rules: Iterable[Rule]) -> list[NewObject]:
    return [
        {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)} for group, resources, verbs in rules
    ]


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
