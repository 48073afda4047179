"""Kubernetes objects as plain JSON, and the few questions everybody asks them.

Objects that came from a store or an informer are shared: never change one, build a new one.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

Object = Mapping[str, Any]  # read only
NewObject = dict[str, Any]  # made here, not shared yet


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind as an API server serves it."""

    api_version: str  # "apps/v1", "v1"
    kind: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """Return the API group, "" for the core group."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the URL path; without `name` that of the collection, without `namespace` across all namespaces."""
        root = f"/apis/{self.api_version}" if "/" in self.api_version else f"/api/{self.api_version}"
        parts = [root]
        if namespace and self.namespaced:
            parts += ["namespaces", namespace]
        parts += [self.plural, *([name] if name else []), *([subresource] if subresource else [])]
        return "/".join(parts)


def metadata(obj: Object) -> Mapping[str, Any]:
    """Return the metadata, empty if there is none."""
    return obj.get("metadata") or {}


def name_of(obj: Object) -> str:
    return str(metadata(obj).get("name") or "")


def namespace_of(obj: Object) -> str:
    return str(metadata(obj).get("namespace") or "")


def uid_of(obj: Object) -> str:
    return str(metadata(obj).get("uid") or "")


def version_of(obj: Object) -> str:
    """Return the resourceVersion, "" if there is none."""
    return str(metadata(obj).get("resourceVersion") or "")


def generation_of(obj: Object) -> int:
    return int(metadata(obj).get("generation") or 0)


def labels_of(obj: Object) -> Mapping[str, str]:
    return metadata(obj).get("labels") or {}


def annotations_of(obj: Object) -> Mapping[str, str]:
    return metadata(obj).get("annotations") or {}


def key_of(obj: Object) -> str:
    """Return NAMESPACE/NAME, or NAME for an object of the cluster."""
    namespace = namespace_of(obj)
    return f"{namespace}/{name_of(obj)}" if namespace else name_of(obj)


def split_key(key: str) -> tuple[str, str]:
    """Return (namespace, name) of a key made by `key_of`; the namespace is "" for an object of the cluster."""
    namespace, _, name = key.rpartition("/")
    return namespace, name


def deleting(obj: Object) -> bool:
    return bool(metadata(obj).get("deletionTimestamp"))


def dig(obj: Any, *path: str | int) -> Any:
    """Return what lies at `path`, or None as soon as a step is missing or of another shape."""
    for step in path:
        if isinstance(obj, Mapping) and isinstance(step, str):
            obj = obj.get(step)
        elif isinstance(obj, list) and isinstance(step, int) and -len(obj) <= step < len(obj):
            obj = obj[step]
        else:
            return None
    return obj


def condition(obj: Object, kind: str) -> Mapping[str, Any] | None:
    """Return the status condition of type `kind`, or None."""
    for entry in dig(obj, "status", "conditions") or ():
        if isinstance(entry, Mapping) and entry.get("type") == kind:
            return entry
    return None


def controller_ref(owner: Object) -> NewObject:
    """Return an owner reference that makes `owner` the managing controller."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def controlled_by(obj: Object, uid: str) -> bool:
    """Is the object with this uid the managing controller of `obj`?"""
    refs: Iterable[Mapping[str, Any]] = metadata(obj).get("ownerReferences") or ()
    return any(ref.get("controller") and ref.get("uid") == uid for ref in refs)


def mutable(obj: Object) -> NewObject:
    """Return a deep copy that may be changed."""
    return copy.deepcopy(dict(obj))


def parse_time(text: str) -> datetime:
    """Return an RFC 3339 time as an aware datetime in UTC. Raises: ValueError."""
    return datetime.fromisoformat(text).astimezone(UTC)


def format_time(moment: datetime, fraction: bool = False) -> str:
    """Return a time as Kubernetes writes it: whole seconds (Time), or microseconds where asked (MicroTime)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ" if fraction else "%Y-%m-%dT%H:%M:%SZ")
