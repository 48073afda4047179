"""ConfigMaps and Secrets made from files and literals. Source: kustomize, generator arguments and their formats."""

from __future__ import annotations

import base64
import posixpath
from collections.abc import Iterator

from volary.kube.objects import NewObject
from volary.sync.kustomize.errors import BuildError
from volary.sync.kustomize.fields import Generator, GeneratorOptions
from volary.sync.kustomize.files import Files, resolve
from volary.sync.kustomize.objects import Item


def generate(kind: str, asked: Generator, shared: GeneratorOptions | None, folder: str, files: Files) -> Item:
    """Return the ConfigMap or Secret that a generator asks for. Raises: BuildError."""
    where = f"{folder or '.'}: the {kind} generator {asked.name}"
    if asked.behavior not in ("", "create", "unspecified"):
        raise BuildError(f"{where}: behavior {asked.behavior} is not supported; allowed: create")
    own, common = asked.options or GeneratorOptions(), shared or GeneratorOptions()
    contents = dict(entries(asked, folder, files, where))
    metadata: NewObject = {"name": asked.name}
    if asked.namespace:
        metadata["namespace"] = asked.namespace
    for field, values in (
        ("labels", {**common.labels, **own.labels}),
        ("annotations", {**common.annotations, **own.annotations}),
    ):
        if values:
            metadata[field] = values
    obj: NewObject = {"apiVersion": "v1", "kind": kind, "metadata": metadata}
    if kind == "Secret":
        obj["type"] = asked.type or "Opaque"
        obj["data"] = {key: base64.b64encode(content).decode() for key, content in contents.items()}
    else:
        fill_config_map(obj, contents)
    if own.immutable or common.immutable:
        obj["immutable"] = True
    hashed = not (own.disable_name_suffix_hash or common.disable_name_suffix_hash)
    return Item(obj, asked.name, asked.namespace, hashed)


def fill_config_map(obj: NewObject, contents: dict[str, bytes]) -> None:
    for key, content in contents.items():
        try:
            obj.setdefault("data", {})[key] = content.decode()
        except UnicodeDecodeError:
            obj.setdefault("binaryData", {})[key] = base64.b64encode(content).decode()


def entries(asked: Generator, folder: str, files: Files, where: str) -> Iterator[tuple[str, bytes]]:
    """Yield key and content. Raises: BuildError, also for a key that is there twice."""
    seen = set()
    for key, content in [
        *from_envs(asked, folder, files, where),
        *from_files(asked, folder, files, where),
        *from_literals(asked, where),
    ]:
        if key in seen:
            raise BuildError(f"{where}: the key {key} is there twice")
        seen.add(key)
        yield key, content


def from_literals(asked: Generator, where: str) -> Iterator[tuple[str, bytes]]:
    for literal in asked.literals:
        key, mark, value = literal.partition("=")
        if not mark or not key:
            raise BuildError(f'{where}: the literal "{key}" is not KEY=VALUE')
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1]
        yield key, value.encode()


def from_files(asked: Generator, folder: str, files: Files, where: str) -> Iterator[tuple[str, bytes]]:
    for entry in asked.files:
        key, mark, path = entry.partition("=")
        if not mark:
            key, path = posixpath.basename(entry), entry
        yield key, files.read(resolve(folder, path, where))


def from_envs(asked: Generator, folder: str, files: Files, where: str) -> Iterator[tuple[str, bytes]]:
    for path in asked.envs:
        for line in files.read(resolve(folder, path, where)).decode().splitlines():
            text = line.lstrip()
            if not text or text.startswith("#"):
                continue
            key, mark, value = text.partition("=")
            if not mark:
                raise BuildError(f"{where}: {path} holds a line that is not KEY=VALUE")
            yield key, value.encode()
