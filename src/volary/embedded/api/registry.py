"""The built-in kinds: what is served under which path, with which verbs, and what it is called for short.

The rows come from generated data (`scripts/kubernetes_data.py`): the stable versions that Kubernetes 1.36 serves.
Definitions of custom resources add further `Kind`s while the server runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Subresource:
    """A part of an object with a path of its own, and the kind that its bodies have."""

    name: str
    group: str
    version: str
    kind: str
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind in one version of its group."""

    group: str  # "" for the core group
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    subresources: tuple[Subresource, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """Return GROUP/PLURAL ("apps/deployments", "/pods"), the same for all versions."""
        return f"{self.group}/{self.plural}"

    def subresource(self, name: str) -> Subresource | None:
        return next((it for it in self.subresources if it.name == name), None)


def load(name: str) -> Any:
    """Return a file of the package's data."""
    return msgspec.json.decode((files("volary.embedded.api") / "data" / name).read_bytes())


@cache
def definitions() -> dict[str, dict[str, Any]]:
    """Return the OpenAPI v2 definitions of the built-in kinds by name; shared, not to be changed."""
    found: dict[str, dict[str, Any]] = load("schemas.json")
    return found


@cache
def definition_names() -> dict[tuple[str, str, str], str]:
    """Return (group, version, kind) -> name of its definition, for what is one kind only (not DeleteOptions)."""
    found: dict[tuple[str, str, str], str] = {}
    for name, definition in definitions().items():
        kinds: list[dict[str, str]] = definition.get("x-kubernetes-group-version-kind") or []
        if len(kinds) == 1:
            found[kinds[0]["group"], kinds[0]["version"], kinds[0]["kind"]] = name
    return found


def kind_from(key: str, row: dict[str, Any]) -> Kind:
    group, version, plural = key.rsplit("/", 2)
    return Kind(
        group=group,
        version=version,
        plural=plural,
        singular=row["singular"],
        kind=row["kind"],
        namespaced=row["namespaced"],
        short_names=tuple(row["shortNames"]),
        categories=tuple(row["categories"]),
        verbs=tuple(row["verbs"].split()),
        subresources=tuple(
            Subresource(name, sub[0], sub[1], sub[2], tuple(sub[3].split()))
            for name, sub in sorted(row["subresources"].items())
        ),
    )


BUILTINS: tuple[Kind, ...] = tuple(kind_from(key, row) for key, row in sorted(load("kinds.json").items()))
