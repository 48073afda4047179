"""Objects as they go through a build, and the documents they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from volary.kube.objects import NewObject, dig
from volary.sync.kustomize.errors import BuildError
from volary.sync.yaml import BadYaml, load_all

# What has no namespace. A kind that is not here, of a CRD for one, is taken to have one, as kustomize does.
CLUSTER_KINDS = frozenset(
    {
        "APIService", "CSIDriver", "CSINode", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding",
        "ComponentStatus", "CustomResourceDefinition", "FlowSchema", "IngressClass", "MutatingWebhookConfiguration",
        "Namespace", "Node", "PersistentVolume", "PriorityClass", "PriorityLevelConfiguration", "RuntimeClass",
        "SelfSubjectAccessReview", "SelfSubjectRulesReview", "StorageClass", "SubjectAccessReview", "TokenReview",
        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    }
)  # fmt: skip
BUILT_IN_GROUPS = frozenset({"", "apps", "autoscaling", "batch", "extensions", "policy"})


@dataclass(slots=True)
class Item:
    """One object on its way, with what it was called when it came in."""

    obj: NewObject
    name: str  # the original name and namespace, by which patches and references find it
    namespace: str
    hashed: bool = False  # gets a hash of its content behind its name in the end

    @property
    def kind(self) -> str:
        return str(self.obj["kind"])

    @property
    def group(self) -> str:
        return group_of(self.obj)

    @property
    def version(self) -> str:
        return str(self.obj["apiVersion"]).rpartition("/")[2]


def group_of(obj: NewObject) -> str:
    return str(obj["apiVersion"]).rpartition("/")[0]


def is_namespaced(obj: NewObject) -> bool:
    """Does an object of this kind live in a namespace?"""
    group = group_of(obj)
    built_in = group in BUILT_IN_GROUPS or group.endswith(".k8s.io")
    return not (built_in and obj["kind"] in CLUSTER_KINDS)


def item_of(obj: NewObject) -> Item:
    return Item(obj, str(obj["metadata"]["name"]), str(obj["metadata"].get("namespace") or ""))


def read_objects(text: bytes | str, where: str) -> list[NewObject]:
    """Return the objects in a file, lists taken apart. Raises: BuildError."""
    try:
        documents = load_all(text, where)
    except BadYaml as error:
        raise BuildError(str(error)) from None
    return [obj for document in documents if document is not None for obj in flat(document, where)]


def flat(document: Any, where: str) -> list[NewObject]:
    """Return one document's objects, checked for what every object must have. Raises: BuildError."""
    if not isinstance(document, dict):
        raise BuildError(f"{where}: a document is {type(document).__name__}, not a Kubernetes object")
    if str(document.get("kind", "")).endswith("List") and isinstance(document.get("items"), list):
        return [obj for entry in document["items"] for obj in flat(entry, where)]
    for field in ("apiVersion", "kind"):
        if not isinstance(document.get(field), str) or not document[field]:
            raise BuildError(f"{where}: an object has no {field}")
    name = dig(document, "metadata", "name")
    if not isinstance(name, str) or not name:
        raise BuildError(f"{where}: a {document['kind']} has no metadata.name")
    return [document]
