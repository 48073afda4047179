"""Whole objects inside a custom resource (x-kubernetes-embedded-resource): their kind, and metadata as Go has it.

Source: apiextensions-apiserver, apiserver/schema/objectmeta.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from volary.embedded.api.defaults.omission import omit
from volary.embedded.api.errors import FieldError, invalid, required, show
from volary.embedded.api.registry import definitions
from volary.embedded.api.schema import Node
from volary.embedded.api.validation.conform import WrongType, conform, json_kind
from volary.embedded.api.validation.names import SERVICE_LABEL, SERVICE_TEXT, metadata_errors

META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
PATH_NAMES = (".", "..")


@lru_cache(maxsize=1)
def metadata_node() -> Node:
    return Node(definitions()[META], definitions(), META)


@lru_cache(maxsize=1024)
def has_embedded(node: Node) -> bool:
    """Is there an embedded object anywhere in this schema?"""
    return _embeds(node.raw)


def _embeds(raw: Any) -> bool:
    if isinstance(raw, dict):
        return bool(raw.get("x-kubernetes-embedded-resource")) or any(_embeds(it) for it in raw.values())
    return isinstance(raw, list) and any(_embeds(it) for it in raw)


def coerce(obj: Any, node: Node) -> list[str]:
    """Make metadata of embedded objects as Go writes it; return the unknown fields of it. Raises: WrongType."""
    unknown: list[str] = []
    if has_embedded(node):
        for place, value in _places(obj, node, ""):
            meta = value.get("metadata")
            for name in ("apiVersion", "kind"):
                if name in value and not isinstance(value[name], str):
                    raise WrongType(f"{place}.{name}: Invalid value: {show(value[name])}: must be a string")
            if isinstance(meta, dict):
                unknown += _conformed(meta, f"{place}.metadata")
                omit(meta, metadata_node())
                if not meta.get("creationTimestamp"):
                    meta.pop("creationTimestamp", None)
            elif meta is not None:
                why = f"json: cannot unmarshal {json_kind(meta)} into Go value of type v1.ObjectMeta"
                raise WrongType(f"{place}.metadata: Invalid value: {show(meta)}: {why}")
    return unknown


def _conformed(meta: dict[str, Any], place: str) -> list[str]:
    """Return the unknown fields of metadata, taken out. Raises: WrongType."""
    shown = show(meta)
    try:
        return [f"{place}.{it}" for it in conform(meta, metadata_node())]
    except WrongType as error:
        raise WrongType(f"{place}: Invalid value: {shown}: {error}") from error


def errors(obj: Any, node: Node, resource: bool = False) -> list[FieldError]:
    """Return what is wrong with embedded objects themselves; `resource`: `obj` counts as one."""
    found = list(_errors("", obj)) if resource and not node.embedded and isinstance(obj, dict) else []
    if has_embedded(node):
        found += [error for place, value in _places(obj, node, "") for error in _errors(place, value)]
    return [FieldError(it.reason, it.field.removeprefix("."), it.detail, it.value) for it in found]


def _errors(place: str, value: dict[str, Any]) -> Iterator[FieldError]:
    for name in ("apiVersion", "kind"):
        if name not in value:
            yield required(f"{place}.{name}")
    version, kind = value.get("apiVersion", "v1"), value.get("kind", "Kind")
    if not isinstance(version, str):
        yield invalid(f"{place}.apiVersion", version, "must be a string")
    elif not version:
        yield invalid(f"{place}.apiVersion", version, "must not be empty")
    elif version.count("/") > 1:
        yield invalid(f"{place}.apiVersion", version, f"unexpected GroupVersion string: {version}")
    if not isinstance(kind, str):
        yield invalid(f"{place}.kind", kind, "must be a string")
    elif not kind:
        yield invalid(f"{place}.kind", kind, "must not be empty")
    elif not SERVICE_LABEL.match(kind.lower()):
        yield invalid(f"{place}.kind", kind, f"may have mixed case, but should otherwise match: {SERVICE_TEXT}")
    meta = value.get("metadata")
    if isinstance(meta, dict):
        yield from _metadata(f"{place}.metadata", meta)


def _metadata(place: str, meta: dict[str, Any]) -> Iterator[FieldError]:
    for name in ("name", "generateName"):
        text = str(meta.get(name) or "")
        if name == "name" and text in PATH_NAMES:
            yield invalid(f"{place}.{name}", text, f"may not be '{text}'")
        for bad in ("/", "%"):
            if bad in text:
                yield invalid(f"{place}.{name}", text, f"may not contain '{bad}'")
    for error in metadata_errors(meta, built_in=False):
        yield FieldError(error.reason, place + error.field.removeprefix("metadata"), error.detail, error.value)


def _places(value: Any, node: Node, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the path and value of each embedded object."""
    if isinstance(value, dict):
        if node.embedded:
            yield path, value
        for name, item in value.items():
            child = node.field(name)
            if child is not None and not (name == "metadata" and (node.embedded or not path)):
                yield from _places(item, child, f"{path}.{name}" if path else name)
            elif child is None and node.has_values:
                yield from _places(item, node.elem, f"{path}[{name}]")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _places(item, node.elem, f"{path}[{index}]")
