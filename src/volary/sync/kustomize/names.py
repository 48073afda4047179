"""Names and namespaces for a whole set, and the references that have to follow.

Source: kustomize, namespace, prefix, suffix and name reference transformers; hash of generated names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from volary.kube.objects import NewObject
from volary.sync.kustomize.errors import BuildError
from volary.sync.kustomize.objects import Item, is_namespaced
from volary.sync.kustomize.paths import holders

KEEPS_NAME = ("CustomResourceDefinition", "APIService", "Namespace")
HASH_LENGTH = 10
HASH_LETTERS = str.maketrans("013ae", "ghkmt")  # so that a hash spells no word
POD_PLACES = (
    "spec",
    "template.spec",
    "spec.template.spec",
    "spec.jobTemplate.spec.template.spec",
)
BINDINGS = ("RoleBinding", "ClusterRoleBinding")


def below_pods(*paths: str) -> tuple[str, ...]:
    return tuple(f"{place}.{path}" for place in POD_PLACES for path in paths)


def below_containers(*paths: str) -> tuple[str, ...]:
    return below_pods(*(f"{holder}[].{path}" for holder in ("containers", "initContainers") for path in paths))


# Kind that is referred to -> where others name it.
REFERENCES: Mapping[str, tuple[str, ...]] = {
    "ConfigMap": (
        *below_pods("volumes[].configMap.name", "volumes[].projected.sources[].configMap.name"),
        *below_containers("env[].valueFrom.configMapKeyRef.name", "envFrom[].configMapRef.name"),
    ),
    "Secret": (
        *below_pods(
            "volumes[].secret.secretName", "volumes[].projected.sources[].secret.name", "imagePullSecrets[].name"
        ),
        *below_containers("env[].valueFrom.secretKeyRef.name", "envFrom[].secretRef.name"),
        "imagePullSecrets[].name",
        "secrets[].name",
        "spec.tls[].secretName",
    ),
    "ServiceAccount": below_pods("serviceAccountName", "serviceAccount"),
    "Service": (
        "spec.serviceName",
        "spec.defaultBackend.service.name",
        "spec.rules[].http.paths[].backend.service.name",
    ),
    "PersistentVolumeClaim": below_pods("volumes[].persistentVolumeClaim.claimName"),
    "PriorityClass": below_pods("priorityClassName"),
}
BY_KIND = ("spec.scaleTargetRef", "roleRef")  # references that say the kind themselves
REFERRING = frozenset(
    {
        "Pod", "PodTemplate", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "ReplicationController", "Job",
        "CronJob", "ServiceAccount", "Ingress", "HorizontalPodAutoscaler", *BINDINGS,
    }
)  # fmt: skip


def set_namespace(items: Iterable[Item], namespace: str) -> None:
    """Move everything that lives in a namespace into this one; a Namespace object is renamed to it."""
    for item in items:
        obj = item.obj
        if obj["kind"] == "Namespace":
            obj["metadata"]["name"] = namespace
        elif is_namespaced(obj):
            obj["metadata"]["namespace"] = namespace
        if obj["kind"] in BINDINGS:
            for subject in obj.get("subjects") or ():
                if subject.get("kind") == "ServiceAccount" and subject.get("name") == "default":
                    subject["namespace"] = namespace


def affix_names(items: Iterable[Item], prefix: str, suffix: str) -> None:
    """Put a prefix and a suffix to all names."""
    for item in items:
        if item.kind not in KEEPS_NAME:
            item.obj["metadata"]["name"] = f"{prefix}{item.obj['metadata']['name']}{suffix}"


def content_hash(obj: NewObject) -> str:
    """Return the letters that kustomize puts behind the name of a generated ConfigMap or Secret."""
    content: dict[str, Any] = {"data": obj.get("data") or "", "kind": obj["kind"], "name": ""}
    if obj["kind"] == "Secret":
        content["type"] = obj.get("type") or ""
    if obj.get("binaryData"):
        content["binaryData"] = obj["binaryData"]
    text = msgspec.json.encode(content, order="deterministic").decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")  # as Go writes them
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH].translate(HASH_LETTERS)


def add_hashes(items: Iterable[Item]) -> None:
    for item in items:
        if item.hashed:
            item.obj["metadata"]["name"] += f"-{content_hash(item.obj)}"


def follow_names(items: list[Item]) -> None:
    """Let references follow the objects that were renamed."""
    renamed: dict[tuple[str, str], list[Item]] = {}
    moved: dict[tuple[str, str], Item] = {}
    for item in items:
        if item.obj["metadata"]["name"] != item.name:
            renamed.setdefault((item.kind, item.name), []).append(item)
        if item.kind == "ServiceAccount":
            moved[item.namespace, item.name] = item
    for item in items:
        if item.kind not in REFERRING:
            continue
        for parent, last, kind in references(item):
            found = pick(renamed.get((kind, str(parent.get(last))), []), item)
            if found is not None:
                parent[last] = found.obj["metadata"]["name"]
        if item.kind in BINDINGS:
            follow_subjects(item, moved)


def references(item: Item) -> Iterable[tuple[dict[str, Any], str, str]]:
    """Yield (mapping, name of its field, kind) for each name by which an object refers to another."""
    for kind, paths in REFERENCES.items():
        for path in paths:
            for parent, last in holders(item.obj, path):
                if isinstance(parent.get(last), str):
                    yield parent, last, kind
    for path in BY_KIND:
        for parent, _ in holders(item.obj, f"{path}.name"):
            yield parent, "name", str(parent.get("kind"))


def pick(candidates: list[Item], referrer: Item) -> Item | None:
    """Return the candidate in the referrer's namespace, or the only one there is."""
    namespace = referrer.obj["metadata"].get("namespace")
    for item in candidates:
        if item.obj["metadata"].get("namespace") == namespace or not is_namespaced(item.obj):
            return item
    return candidates[0] if len(candidates) == 1 and not is_namespaced(referrer.obj) else None


def follow_subjects(binding: Item, accounts: Mapping[tuple[str, str], Item]) -> None:
    """Let the subjects of a binding follow ServiceAccounts of the set that were moved or renamed."""
    for subject in binding.obj.get("subjects") or ():
        if subject.get("kind") != "ServiceAccount":
            continue
        account = accounts.get((subject.get("namespace") or "", subject.get("name")))
        if account is not None:
            subject["name"] = account.obj["metadata"]["name"]
            if account.obj["metadata"].get("namespace"):
                subject["namespace"] = account.obj["metadata"]["namespace"]


def refuse_twins(items: Iterable[Item]) -> None:
    """Refuse two objects of one kind, namespace and name. Raises: BuildError."""
    seen = set()
    for item in items:
        metadata = item.obj["metadata"]
        key = (item.group, item.kind, metadata.get("namespace") or "", metadata["name"])
        if key in seen:
            place = f"{key[2]}/{key[3]}" if key[2] else key[3]
            raise BuildError(f"{item.kind} {place} is there twice; remove one, or give it another name")
        seen.add(key)
