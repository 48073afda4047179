"""What is served now: built-in kinds, shared by all servers, and those that CRDs added to this one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from volary.embedded.api.registry import Kind, definition_names
from volary.embedded.api.releases import NEWEST, definitions_in, kinds_in, minor_of
from volary.embedded.api.schema import ANYTHING, Node

# Kinds served under two groups or versions are stored once: resource -> where.
STORED_IN = {
    "events.k8s.io/events": ("", "v1", "events"),
    "autoscaling/horizontalpodautoscalers": ("autoscaling", "v2", ""),
}


@dataclass(frozen=True, slots=True)
class ResourceType:
    """One kind in one version, with what the verbs need to know of it."""

    kind: Kind
    node: Node
    storage: str  # the resource that its objects are stored under
    stored_version: str  # the apiVersion they have there
    list_kind: str
    definition: str = ""  # name of the CustomResourceDefinition, "" for a built-in
    version: Mapping[str, Any] = field(default_factory=dict)  # its entry under the CRD's `versions`
    stored_node: Node | None = None  # the schema of the stored version, where that is another
    webhook: bool = False  # only a webhook can convert its versions

    @property
    def custom(self) -> bool:
        return bool(self.definition)

    @property
    def group(self) -> str:
        return self.kind.group

    @property
    def plural(self) -> str:
        return self.kind.plural

    @property
    def api_version(self) -> str:
        return self.kind.api_version

    @property
    def converts(self) -> bool:
        """Do its objects look different in the store?"""
        return self.stored_version != self.kind.api_version

    @property
    def has_status(self) -> bool:
        return self.kind.subresource("status") is not None

    @property
    def selectable(self) -> tuple[str, ...]:
        """Return the field selectors that the CRD adds."""
        return tuple(str(it["jsonPath"]).lstrip(".") for it in self.version.get("selectableFields") or ())

    @property
    def prefix(self) -> bytes:
        """Return how the bytes of a stored object begin; lists of built-ins leave this part out."""
        return b'{"kind":"%s","apiVersion":"%s",' % (self.kind.kind.encode(), self.kind.api_version.encode())


@cache
def builtin_types(minor: int = NEWEST) -> dict[tuple[str, str, str], ResourceType]:
    """Return (group, version, plural) -> type of all built-ins of a minor."""
    found: dict[tuple[str, str, str], ResourceType] = {}
    known = definitions_in(minor)
    for kind in kinds_in(minor):
        name = definition_names().get((kind.group, kind.version, kind.kind))
        node = Node(known[name], known, name) if name else ANYTHING
        group, version, plural = STORED_IN.get(kind.resource, (kind.group, kind.version, kind.plural))
        stored = f"{group}/{version}" if group else version
        found[kind.group, kind.version, kind.plural] = ResourceType(
            kind, node, f"{group}/{plural or kind.plural}", stored, f"{kind.kind}List"
        )
    return found


class Catalog:
    """The types of one server."""

    def __init__(self, minor: int = NEWEST) -> None:
        self.minor = minor
        self._custom: dict[tuple[str, str, str], ResourceType] = {}
        self.revision = 0  # changes whenever the answer of discovery does
        self.faces: tuple[int, Any] | None = None  # the revision, and what `faces` made of it

    @classmethod
    def of(cls, version: str) -> Catalog:
        """Return what a minor of Kubernetes ("1.33") serves, "" for the newest. Raises: UnknownRelease."""
        return cls(minor_of(version) if version else NEWEST)

    @property
    def customized(self) -> bool:
        """Is anything served that a definition brought?"""
        return bool(self._custom)

    def clone(self) -> Catalog:
        """Return a catalog of its own that begins with the same types."""
        found = Catalog(self.minor)
        found._custom, found.revision, found.faces = dict(self._custom), self.revision, self.faces
        return found

    def find(self, group: str, version: str, plural: str) -> ResourceType | None:
        return builtin_types(self.minor).get((group, version, plural)) or self._custom.get((group, version, plural))

    def stored(self, resource: str) -> ResourceType | None:
        """Return the type that GROUP/PLURAL is stored as."""
        for found in self.versions(resource):
            if not found.converts:
                return found
        return None

    def versions(self, resource: str) -> Iterator[ResourceType]:
        """Yield the types that GROUP/PLURAL is served as."""
        group, _, plural = resource.partition("/")
        yield from _builtin_by_resource(self.minor).get(resource, ())
        for key, found in self._custom.items():
            if key[0] == group and key[2] == plural:
                yield found

    def kinds(self) -> Iterator[ResourceType]:
        """Yield all types: built-ins, then custom ones."""
        yield from builtin_types(self.minor).values()
        yield from self._custom.values()

    def by_kind(self, api_version: str, kind: str) -> ResourceType | None:
        """Return the type that an owner reference names."""
        group, _, version = api_version.rpartition("/")
        for found in self.kinds():
            if found.kind.kind == kind and found.group == group and found.kind.version == version:
                return found
        return None

    def serves_builtin(self, group: str, version: str) -> bool:
        return (group, version) in _builtin_versions(self.minor)

    def install(self, definition: str, types: list[ResourceType]) -> None:
        """Serve what a CRD defines, in place of what it defined before."""
        self.withdraw(definition)
        for found in types:
            self._custom[found.group, found.kind.version, found.plural] = found

    def withdraw(self, definition: str) -> None:
        self.revision += 1
        for key in [key for key, found in self._custom.items() if found.definition == definition]:
            del self._custom[key]


@cache
def _builtin_versions(minor: int) -> frozenset[tuple[str, str]]:
    return frozenset((group, version) for group, version, _ in builtin_types(minor))


@cache
def _builtin_by_resource(minor: int) -> dict[str, tuple[ResourceType, ...]]:
    found: dict[str, tuple[ResourceType, ...]] = {}
    for it in builtin_types(minor).values():
        found[it.storage] = (*found.get(it.storage, ()), it)
    return found
