"""Patches of both kinds, and which objects they are for. Source: kustomize, patch transformer and selectors."""

from __future__ import annotations

import re
from typing import Any

from volary.kube.objects import NewObject
from volary.sync.kustomize.errors import BuildError
from volary.sync.kustomize.fields import Patch, Target
from volary.sync.kustomize.json_patch import apply_json_patch
from volary.sync.kustomize.objects import Item, group_of
from volary.sync.kustomize.strategic import apply_strategic_merge
from volary.sync.yaml import BadYaml, load_all

LABEL_TERM = re.compile(
    r"\s*(?P<key>[\w./-]+)\s*"
    r"(?:(?P<op>==|=|!=)\s*(?P<value>[\w.-]*)|(?P<in>in|notin)\s*\((?P<values>[^)]*)\))?\s*"
)


def apply_patch(items: list[Item], patch: Patch, content: bytes | str, where: str) -> list[Item]:
    """Return the set with a patch applied. Raises: BuildError."""
    for document in documents(content, where):
        if isinstance(document, list):
            items = apply_operations(items, document, patch.target, where)
        elif patch.target is not None:
            items = apply_to_targets(items, document, patch, where)
        else:
            items = apply_to_namesake(items, document, where)
    return items


def documents(content: bytes | str, where: str) -> list[Any]:
    try:
        found = [document for document in load_all(content, where) if document is not None]
    except BadYaml as error:
        raise BuildError(str(error)) from None
    if not found or not all(isinstance(document, dict | list) for document in found):
        raise BuildError(
            f"{where}: a patch is a list of operations (JSON patch) or part of an object (strategic merge)"
        )
    return found


def apply_operations(items: list[Item], operations: list[Any], target: Target | None, where: str) -> list[Item]:
    if target is None:
        raise BuildError(f"{where}: a JSON patch needs a target")
    for item in items:
        if selected(item, target, where):
            item.obj = apply_json_patch(item.obj, operations, f"{where} on {item.kind} {item.name}")
    return items


def apply_to_targets(items: list[Item], document: dict[str, Any], patch: Patch, where: str) -> list[Item]:
    """Merge into whatever the target selects; what the document calls itself does not matter."""
    assert patch.target is not None
    kept = []
    for item in items:
        if selected(item, patch.target, where):
            merged = apply_strategic_merge(item.obj, document, where)
            if merged is None:
                continue
            keep_identity(merged, item.obj, patch)
            item.obj = merged
        kept.append(item)
    return kept


def keep_identity(merged: NewObject, old: NewObject, patch: Patch) -> None:
    """Take back what a patch with a target may not change."""
    options = patch.options
    if options is None or not options.allow_kind_change:
        merged["kind"], merged["apiVersion"] = old["kind"], old["apiVersion"]
    if options is None or not options.allow_name_change:
        merged["metadata"]["name"] = old["metadata"]["name"]
    if "namespace" in old["metadata"]:
        merged["metadata"]["namespace"] = old["metadata"]["namespace"]
    else:
        merged["metadata"].pop("namespace", None)


def apply_to_namesake(items: list[Item], document: dict[str, Any], where: str) -> list[Item]:
    """Merge into the one object of the patch's own kind and name."""
    kind, api_version = document.get("kind"), document.get("apiVersion")
    metadata = document.get("metadata") or {}
    name = metadata.get("name")
    if not kind or not api_version or not name:
        raise BuildError(f"{where}: a strategic merge patch without a target needs apiVersion, kind and metadata.name")
    for at, item in enumerate(items):
        named = name in (item.name, item.obj["metadata"]["name"])
        if item.kind == kind and item.group == group_of(document) and named and same_namespace(item, metadata):
            merged = apply_strategic_merge(item.obj, document, where)
            if merged is None:
                return items[:at] + items[at + 1 :]
            merged["metadata"]["name"] = item.obj["metadata"]["name"]
            item.obj = merged
            return items
    raise BuildError(f"{where}: no {kind} {name} in the set that this patch could change")


def same_namespace(item: Item, metadata: dict[str, Any]) -> bool:
    wanted = metadata.get("namespace")
    return not wanted or wanted in (item.namespace, item.obj["metadata"].get("namespace"))


def selected(item: Item, target: Target, where: str) -> bool:
    """Does the target name this object? Its texts are regular expressions, and must match the whole."""
    metadata = item.obj["metadata"]
    checks = (
        (target.group, (item.group,)),
        (target.version, (item.version,)),
        (target.kind, (item.kind,)),
        (target.name, (item.name, metadata["name"])),
        (target.namespace, (item.namespace, metadata.get("namespace") or "")),
    )
    return (
        all(matches(pattern, values, where) for pattern, values in checks if pattern)
        and selects(target.label_selector, metadata.get("labels") or {}, where)
        and selects(target.annotation_selector, metadata.get("annotations") or {}, where)
    )


def matches(pattern: str, values: tuple[str, ...], where: str) -> bool:
    try:
        return any(re.fullmatch(pattern, value) for value in values)
    except re.error:
        raise BuildError(f'{where}: "{pattern}" is not a regular expression') from None


def selects(selector: str, labels: dict[str, str], where: str) -> bool:
    """Does a label selector hold? Raises: BuildError."""
    at = 0
    while at < len(selector):
        term = LABEL_TERM.match(selector, at)
        if term is None or (term.end() < len(selector) and selector[term.end()] != ","):
            raise BuildError(f'{where}: "{selector}" is not a label selector')
        if not term_holds(term, labels):
            return False
        at = term.end() + 1
    return True


def term_holds(term: re.Match[str], labels: dict[str, str]) -> bool:
    value = labels.get(term["key"])
    if term["op"]:
        return (value == term["value"]) is (term["op"] != "!=")
    if term["in"]:
        listed = value in [entry.strip() for entry in term["values"].split(",")]
        return listed is (term["in"] == "in")
    return value is not None
