"""Strategic merge of a patch into an object, as kustomize does it.

Lists of built-in kinds whose elements have a key are merged by it; all other lists are replaced, and so are all lists
of kinds that come from a CRD. In a merged list the patch's elements come first, in the patch's order.
Source: kustomize (kyaml merge2, list increase direction "prepend"); patchMergeKey of the Kubernetes API types.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from volary.kube.objects import NewObject
from volary.sync.kustomize.errors import BuildError
from volary.sync.kustomize.objects import group_of

DIRECTIVE = "$patch"
REFUSED = ("$retainKeys", "$setElementOrder", "$deleteFromPrimitiveList")
Keys = tuple[str, ...]  # () : a list of plain values, merged as a set

POD = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "imagePullSecrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
CONTAINER = {
    "env": ("name",),
    "ports": ("containerPort", "protocol"),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
}
TEMPLATE = "spec.template.spec"
POD_AT = {
    "Pod": "spec",
    "PodTemplate": "template.spec",
    "Deployment": TEMPLATE,
    "ReplicaSet": TEMPLATE,
    "StatefulSet": TEMPLATE,
    "DaemonSet": TEMPLATE,
    "ReplicationController": TEMPLATE,
    "Job": TEMPLATE,
    "CronJob": "spec.jobTemplate.spec.template.spec",
}
OTHERS: Mapping[str, Mapping[str, Keys]] = {
    "Service": {"spec.ports": ("port", "protocol")},
    "ServiceAccount": {"secrets": ("name",), "imagePullSecrets": ("name",)},
    "MutatingWebhookConfiguration": {"webhooks": ("name",)},
    "ValidatingWebhookConfiguration": {"webhooks": ("name",)},
    "PersistentVolumeClaim": {},
}
BUILT_IN_GROUPS = ("", "apps", "batch", "autoscaling", "policy", "extensions")


def merge_keys(obj: NewObject) -> Mapping[str, Keys]:
    """Return dotted path of a list -> keys of its elements, for an object's kind."""
    group = group_of(obj)
    if group not in BUILT_IN_GROUPS and not group.endswith(".k8s.io"):
        return {}
    made: dict[str, Keys] = {"metadata.finalizers": (), "metadata.ownerReferences": ("uid",)}
    made |= OTHERS.get(obj["kind"], {})
    at = POD_AT.get(obj["kind"])
    if at is not None:
        made |= {f"{at}.{name}": keys for name, keys in POD.items()}
        for holder in ("containers", "initContainers", "ephemeralContainers"):
            made |= {f"{at}.{holder}.{name}": keys for name, keys in CONTAINER.items()}
    return made


def apply_strategic_merge(obj: NewObject, patch: Mapping[str, Any], where: str) -> NewObject | None:
    """Return a changed copy of `obj`; None: the patch deletes it. Raises: BuildError."""
    if patch.get(DIRECTIVE) == "delete":
        return None
    return Merge(merge_keys(obj), where).mapping(obj, patch, "")


class Merge:
    """One merge, with the table of the kind it is about."""

    def __init__(self, keys: Mapping[str, Keys], where: str) -> None:
        self.keys = keys
        self.where = where

    def mapping(self, old: Mapping[str, Any], patch: Mapping[str, Any], path: str) -> dict[str, Any]:
        directive = patch.get(DIRECTIVE, "merge")
        if directive == "replace":
            return dict(without_directives(patch))
        if directive not in ("merge", "delete"):
            raise BuildError(f'{self.where}: $patch is "{directive}"; allowed: merge, replace and delete')
        made = copy.deepcopy(dict(old))
        for name, value in patch.items():
            if name.startswith(REFUSED):
                raise BuildError(f"{self.where}: the directive {name} is not supported")
            if name == DIRECTIVE:
                continue
            below = f"{path}.{name}" if path else name
            if value is None or (isinstance(value, dict) and value.get(DIRECTIVE) == "delete"):
                made.pop(name, None)
            else:
                made[name] = self.value(made.get(name), value, below)
        return made

    def value(self, old: Any, patch: Any, path: str) -> Any:
        if isinstance(patch, dict):
            return self.mapping(old if isinstance(old, dict) else {}, patch, path)
        if isinstance(patch, list):
            return self.elements(old if isinstance(old, list) else [], patch, path)
        return patch

    def elements(self, old: list[Any], patch: list[Any], path: str) -> list[Any]:
        keys = self.keys.get(path)
        if any(isinstance(element, dict) and element.get(DIRECTIVE) == "replace" for element in patch):
            return [without_directives(element) for element in patch if not is_directive(element)]
        if keys is None:
            return [without_directives(element) for element in patch]
        if not keys:
            return [*patch, *(element for element in old if element not in patch)]
        return self.keyed(old, patch, keys, path)

    def keyed(self, old: list[Any], patch: list[Any], keys: Keys, path: str) -> list[Any]:
        """Merge element by element. A key that neither side writes (a port's protocol) does not count."""
        elements = [element for element in (*old, *patch) if isinstance(element, dict)]
        used = [key for key in keys if any(key in element for element in elements)]
        if not used:
            return [without_directives(element) for element in patch]
        left: list[Any] = list(old)
        first: list[Any] = []
        for element in patch:
            if not isinstance(element, dict):
                raise BuildError(f"{self.where}: {path} is a list of mappings, not of {type(element).__name__}")
            at = position(left, element, used)
            if at is None:
                self.refuse_half_key(left, element, used, path)
                if element.get(DIRECTIVE) != "delete":
                    first.append(self.mapping({}, element, path))
            elif element.get(DIRECTIVE) == "delete":
                left.pop(at)
            elif len(used) > 1:
                left[at] = self.mapping(left[at], element, path)  # stays in its place where there are several keys
            else:
                first.append(self.mapping(left.pop(at), element, path))
        return first + left

    def refuse_half_key(self, old: list[Any], element: dict[str, Any], keys: list[str], path: str) -> None:
        """Refuse an element of which it cannot be told which one it means (kustomize drops it)."""
        given = [key for key in keys if key in element]
        if given == keys or position(old, element, given) is None:
            return
        shown = ", ".join(f"{key} {element[key]}" for key in given)
        missing = ", ".join(key for key in keys if key not in element)
        raise BuildError(f"{self.where}: {path}: the element with {shown} also needs {missing}, as the object has it")


def is_directive(element: Any) -> bool:
    """Does an element of a list only say what to do, and bring nothing?"""
    return isinstance(element, dict) and (element.get(DIRECTIVE) == "delete" or element == {DIRECTIVE: "replace"})


def position(elements: list[Any], wanted: Mapping[str, Any], keys: list[str]) -> int | None:
    """Return where the element with the same keys is."""
    for at, element in enumerate(elements):
        if isinstance(element, dict) and all(element.get(key) == wanted.get(key) for key in keys):
            return at
    return None


def without_directives(value: Any) -> Any:
    """Return a copy of what a patch brings, without its directives and nulls."""
    if isinstance(value, dict):
        return {
            name: without_directives(part) for name, part in value.items() if name != DIRECTIVE and part is not None
        }
    return [without_directives(part) for part in value] if isinstance(value, list) else value
