"""From a tree to the objects that a Kustomization asks for. Pure: a tree and a spec in, objects out.

An overlay of the Kustomization's own fields goes on top of the folder's kustomization (or of a generated one); then
every object is brought into the form that the API server keeps, and marked as ours.
Source: Flux, kustomize-controller, generator and `ssa/normalize`.
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from volary.kube.objects import NewObject, Object, metadata
from volary.sources import Tree
from volary.sync.kustomize import BuildError, File, Files, Looks, build, generated_file, read_file
from volary.sync.kustomize.fields import Image, Patch
from volary.sync.order import id_of, in_apply_order
from volary.sync.policy import OWNER_NAME, OWNER_NAMESPACE, scaled_by_others
from volary.sync.spec import Inventory, Kustomization, ObjectId


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a revision asks for, in the order of writing."""

    objects: tuple[Object, ...]
    digest: str  # of all objects; equal digests mean equal wishes
    scaled: frozenset[ObjectId]  # workloads whose replicas something in the set sets
    looks: Looks

    def wishes(self) -> dict[ObjectId, str]:
        """Return what stands for each object's wish."""
        return {
            id_of(obj): hashlib.sha256(msgspec.json.encode(obj, order="deterministic")).hexdigest()
            for obj in self.objects
        }

    @property
    def inventory(self) -> Inventory:
        return {id_of(obj): str(obj["apiVersion"]).rpartition("/")[2] for obj in self.objects}


def render(tree: Tree, spec: Kustomization, name: str, namespace: str) -> Rendering:
    """Return the objects that `spec` asks for in this tree. Raises: BuildError, in one sentence with file and line."""
    files = Files(tree)
    folder = folder_of(spec.path, files)
    objects = build(files, folder, overlay(files, folder, spec))
    for obj in objects:
        normalize(obj)
        mark(obj, spec, name, namespace)
    ordered = tuple(in_apply_order(objects))
    digest = hashlib.sha256(msgspec.json.encode(ordered, order="deterministic")).hexdigest()
    return Rendering(ordered, f"sha256:{digest}", scaled_by_others(ordered), files.looks)


def folder_of(path: str, files: Files) -> str:
    """Return the folder in the tree. Raises: BuildError."""
    folder = posixpath.normpath(posixpath.join("/", path)).strip("/")
    written = posixpath.normpath(path.lstrip("/") or ".")
    if written == ".." or written.startswith("../"):
        raise BuildError(f"spec.path {path} leads out of the repository")
    if not files.is_folder(folder):
        raise BuildError(f"spec.path {path} is not a folder of this revision")
    return folder


def overlay(files: Files, folder: str, spec: Kustomization) -> File:
    """Return the folder's kustomization with the spec's own fields on top."""
    path = files.kustomization_file(folder)
    file = generated_file(files, folder) if path is None else read_file(files.read(path), path)
    if spec.target_namespace:
        file.namespace = spec.target_namespace
    file.name_prefix = spec.name_prefix or file.name_prefix
    file.name_suffix = spec.name_suffix or file.name_suffix
    file.patches = [*file.patches, *(msgspec.convert(patch, Patch) for patch in spec.patches)]
    for wanted in (msgspec.convert(image, Image) for image in spec.images):
        file.images = merged_images(file.images, wanted)
    return file


def merged_images(images: list[Image], wanted: Image) -> list[Image]:
    """Return the images with `wanted` in them: an entry of the same name takes its parts; tag and digest go as one."""
    same = next((image for image in images if image.name == wanted.name), None)
    if same is None:
        return [*images, wanted]
    pinned = wanted if wanted.new_tag or wanted.digest else same
    made = Image(
        name=same.name, new_name=wanted.new_name or same.new_name, new_tag=pinned.new_tag, digest=pinned.digest
    )
    return [made if image is same else image for image in images]


def normalize(obj: NewObject) -> None:
    """Bring an object that is ours into the form that the API server keeps."""
    if obj["kind"] != "CustomResourceDefinition":
        obj.pop("status", None)
    if metadata(obj).get("creationTimestamp") is None:
        obj["metadata"].pop("creationTimestamp", None)
    if obj["kind"] == "Secret" and obj["apiVersion"] == "v1" and isinstance(obj.get("stringData"), dict):
        encoded = {key: base64.b64encode(str(text).encode()).decode() for key, text in obj.pop("stringData").items()}
        obj["data"] = {**(obj.get("data") or {}), **encoded}
    default_protocol(obj)


def default_protocol(at: Any) -> None:
    """Write TCP where a port says no protocol: it is part of the key by which server-side apply knows ports."""
    if isinstance(at, list):
        for element in at:
            default_protocol(element)
    elif isinstance(at, dict):
        for name, value in at.items():
            if name == "ports" and isinstance(value, list):
                for port in value:
                    if isinstance(port, dict) and ("containerPort" in port or "targetPort" in port):
                        port.setdefault("protocol", "TCP")
            default_protocol(value)


def mark(obj: NewObject, spec: Kustomization, name: str, namespace: str) -> None:
    """Put on the common metadata, and the labels by which everybody sees whose object it is."""
    meta = obj["metadata"]
    owner: Mapping[str, str] = {OWNER_NAME: name, OWNER_NAMESPACE: namespace}
    meta["labels"] = {**(meta.get("labels") or {}), **spec.common_labels, **owner}
    annotations = {**(meta.get("annotations") or {}), **spec.common_annotations}
    if annotations:
        meta["annotations"] = annotations
