"""What a platform engineer applies once, before the first push: CRDs, clusters, sources, the FleetRollout."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any

import yaml

from volary.kube.client import Client
from volary.kube.objects import NewObject, Resource
from volary.kube.resources import DEFINITIONS, NAMESPACES

MANAGER = "platform-engineer"
BLANK = re.compile(r"\$\{([A-Z_]+)\}")


def documents(name: str, values: Mapping[str, str]) -> Iterator[NewObject]:
    """Yield the objects of `platform/NAME.yaml` with each ${NAME} filled in after parsing, so any value is safe."""
    text = (files("volary.demo") / "platform" / f"{name}.yaml").read_text()
    for document in yaml.safe_load_all(text):
        yield filled(document, values)


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """Return `value` with the blanks in its strings filled in. Raises: KeyError for a blank nobody knows."""
    match value:
        case str():
            return BLANK.sub(lambda blank: values[blank.group(1)], value)
        case dict():
            return {key: filled(child, values) for key, child in value.items()}
        case list():
            return [filled(child, values) for child in value]
    return value


async def prepare(client: Client, definitions: list[NewObject]) -> None:
    """Bring the definitions and the namespace of Volary itself into a cluster."""
    for definition in definitions:
        await client.apply(DEFINITIONS, definition, MANAGER, force=True)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "volary-system"}}
    await client.apply(NAMESPACES, namespace, MANAGER, force=True)


async def apply(client: Client, name: str, values: Mapping[str, str]) -> None:
    """Apply the objects of `platform/NAME.yaml` in their order."""
    for obj in documents(name, values):
        resource: Resource = await client.resource_for(obj["apiVersion"], obj["kind"])
        await client.apply(resource, obj, MANAGER, force=True)
