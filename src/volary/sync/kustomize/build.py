"""Builds a kustomization: what its resources are, and what is done to them, in kustomize's order.

The result is meant to be what `kubectl kustomize` prints, object for object; what cannot be done the same way is
refused by name.
Source: kustomize 5, `target/kusttarget` and the built-in transformers.
"""

from __future__ import annotations

from collections.abc import Iterable

from volary.kube.objects import NewObject
from volary.sync.kustomize.errors import BuildError
from volary.sync.kustomize.fields import File, Patch, read_file
from volary.sync.kustomize.files import Files, join, resolve
from volary.sync.kustomize.generators import generate
from volary.sync.kustomize.images import set_image
from volary.sync.kustomize.labels import add_annotations, add_labels
from volary.sync.kustomize.names import add_hashes, affix_names, follow_names, refuse_twins, set_namespace
from volary.sync.kustomize.objects import Item, group_of, item_of, read_objects
from volary.sync.kustomize.patches import apply_patch

DEEPEST = 50  # kustomizations within kustomizations
SCALED = ("Deployment", "ReplicaSet", "ReplicationController", "StatefulSet")

FIRST = (
    "Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount", "PodSecurityPolicy",
    "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service",
    "LimitRange", "PriorityClass", "PersistentVolume", "PersistentVolumeClaim", "Deployment", "StatefulSet", "CronJob",
    "PodDisruptionBudget",
)  # fmt: skip
LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
RANKS = {kind: at - len(FIRST) for at, kind in enumerate(FIRST)} | {kind: 1 + at for at, kind in enumerate(LAST)}


def build(files: Files, folder: str, file: File | None = None) -> list[NewObject]:
    """Return the objects of the kustomization in `folder`, in kustomize's order; `file` in place of the one there.

    Raises: BuildError.
    """
    items = Builder(files).target(folder, file, ())
    add_hashes(items)
    follow_names(items)
    refuse_twins(items)
    return sorted((item.obj for item in items), key=printing_order)


def printing_order(obj: NewObject) -> tuple[int, str, str]:
    """Return the key by which kustomize sorts what it prints."""
    metadata = obj["metadata"]
    version = str(obj["apiVersion"]).rpartition("/")[2]
    kind = "_".join((group_of(obj) or "~G", version or "~V", obj["kind"]))
    return RANKS.get(obj["kind"], 0), kind, f"{metadata.get('namespace') or '~X'}|{metadata['name']}"


class Builder:
    """One build; a kustomization may be used by several others in it."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def target(self, folder: str, file: File | None, inside: tuple[str, ...]) -> list[Item]:
        """Return what one kustomization makes. Raises: BuildError."""
        if folder in inside:
            raise BuildError(f"{folder}: the kustomization includes itself")
        if len(inside) > DEEPEST:
            raise BuildError(f"{folder}: kustomizations are nested deeper than {DEEPEST} levels")
        if file is None:
            path = self.files.kustomization_file(folder)
            if path is None:
                raise BuildError(f"{folder or '.'}: there is no kustomization file")
            file = read_file(self.files.read(path), path)
        items = list(self.resources(folder, file, (*inside, folder)))
        for kind, generators in (("ConfigMap", file.config_map_generator), ("Secret", file.secret_generator)):
            items += [generate(kind, asked, file.generator_options, folder, self.files) for asked in generators]
        refuse_twins(items)
        return self.transform(items, folder, file)

    def resources(self, folder: str, file: File, inside: tuple[str, ...]) -> Iterable[Item]:
        for name in (*file.resources, *file.bases):
            path = resolve(folder, name, f"{folder or '.'}: resources")
            if self.files.is_file(path):
                yield from (item_of(obj) for obj in read_objects(self.files.read(path), path))
            elif self.files.is_folder(path):
                yield from self.target(path, None, inside)
            else:
                raise BuildError(f"{folder or '.'}: resources: {name}: no such file or folder in the repository")

    def transform(self, items: list[Item], folder: str, file: File) -> list[Item]:
        items = self.merge_patches(items, folder, file)
        items = self.patches(items, folder, file.patches, "patches")
        if file.namespace:
            set_namespace(items, file.namespace)
        affix_names(items, file.name_prefix, file.name_suffix)
        for item in items:
            for label in file.labels:
                add_labels(item.obj, label.pairs, label.include_selectors, label.include_templates)
            if file.common_labels:
                add_labels(item.obj, file.common_labels, selectors=True, templates=True)
            if file.common_annotations:
                add_annotations(item.obj, file.common_annotations)
        items = self.patches(items, folder, file.patches_json6902, "patchesJson6902")
        for replica in file.replicas:
            scale(items, replica.name, replica.count, folder)
        for image in file.images:
            for item in items:
                set_image(item.obj, image)
        return items

    def merge_patches(self, items: list[Item], folder: str, file: File) -> list[Item]:
        """Apply `patchesStrategicMerge`, whose entries are files or patches themselves."""
        for number, entry in enumerate(file.patches_strategic_merge):
            where = f"{join(folder, 'kustomization')}: patchesStrategicMerge[{number}]"
            if "\n" in entry:
                items = apply_patch(items, Patch(), entry, where)
            else:
                path = resolve(folder, entry, where)
                items = apply_patch(items, Patch(), self.files.read(path), path)
        return items

    def patches(self, items: list[Item], folder: str, patches: list[Patch], field: str) -> list[Item]:
        for number, patch in enumerate(patches):
            where = f"{join(folder, 'kustomization')}: {field}[{number}]"
            if bool(patch.path) == bool(patch.patch):
                raise BuildError(f"{where}: write either path or patch")
            if patch.path:
                path = resolve(folder, patch.path, where)
                items = apply_patch(items, patch, self.files.read(path), path)
            else:
                items = apply_patch(items, patch, patch.patch, where)
        return items


def scale(items: list[Item], name: str, count: int, folder: str) -> None:
    """Set the replicas of the workloads of a name. Raises: BuildError when there is none."""
    found = [item for item in items if item.kind in SCALED and name in (item.name, item.obj["metadata"]["name"])]
    if not found:
        raise BuildError(f"{folder or '.'}: replicas: there is no workload {name}")
    for item in found:
        item.obj.setdefault("spec", {})["replicas"] = count
