"""A kustomization file as types: every field that is here is honoured, every other is refused by name.

Source: kustomize, `types.Kustomization`, with the old spellings that it still reads.
"""

from __future__ import annotations

from typing import Any

import msgspec

from volary.kube.decoding import BadField, decode, prepare
from volary.sync.kustomize.errors import BuildError
from volary.sync.yaml import BadYaml, load_all


class Field(msgspec.Struct, rename="camel", kw_only=True):
    """Camel case outside."""


class Label(Field):
    pairs: dict[str, str]
    include_selectors: bool = False
    include_templates: bool = False


class Image(Field):
    name: str
    new_name: str = ""
    new_tag: str = ""
    digest: str = ""


class Target(Field):
    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    label_selector: str = ""
    annotation_selector: str = ""


class PatchOptions(Field):
    allow_name_change: bool = False
    allow_kind_change: bool = False


class Patch(Field):
    path: str = ""
    patch: str = ""
    target: Target | None = None
    options: PatchOptions | None = None


class GeneratorOptions(Field):
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    disable_name_suffix_hash: bool = False
    immutable: bool = False


class Generator(Field):
    name: str
    namespace: str = ""
    behavior: str = ""
    files: list[str] = []
    literals: list[str] = []
    envs: list[str] = []
    type: str = ""
    options: GeneratorOptions | None = None


class Replica(Field):
    name: str
    count: int


class File(Field):
    """One kustomization file."""

    api_version: str = ""
    kind: str = ""
    metadata: dict[str, Any] = {}
    resources: list[str] = []
    bases: list[str] = []
    namespace: str = ""
    name_prefix: str = ""
    name_suffix: str = ""
    labels: list[Label] = []
    common_labels: dict[str, str] = {}
    common_annotations: dict[str, str] = {}
    images: list[Image] = []
    replicas: list[Replica] = []
    patches: list[Patch] = []
    patches_strategic_merge: list[str] = []
    patches_json6902: list[Patch] = []
    config_map_generator: list[Generator] = []
    secret_generator: list[Generator] = []
    generator_options: GeneratorOptions | None = None


prepare(File)


def read_file(text: bytes, where: str) -> File:
    """Return the kustomization file. Raises: BuildError."""
    try:
        documents = [document for document in load_all(text, where) if document is not None]
    except BadYaml as error:
        raise BuildError(str(error)) from None
    if len(documents) > 1:
        raise BuildError(f"{where}: a kustomization file is one document, this has {len(documents)}")
    content = documents[0] if documents else {}
    if not isinstance(content, dict):
        raise BuildError(f"{where}: a kustomization file is a mapping")
    content = {name: value for name, value in content.items() if value is not None}
    if content.get("kind", "Kustomization") != "Kustomization":
        raise BuildError(f"{where}: kind is {content['kind']}; allowed: Kustomization")
    try:
        return decode(File, content, where, refuse_unknown=True)
    except BadField as error:
        raise BuildError(str(error)) from None
