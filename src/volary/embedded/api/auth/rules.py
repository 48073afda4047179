"""One rule of a role: what it allows, and what it covers of another.

Source: Kubernetes, pkg/apis/rbac/v1/evaluation_helpers.go; component-helpers, auth/rbac/validation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from volary.embedded.api.auth.attributes import Attributes
from volary.embedded.api.text.go_text import go_quoted

ALL = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """A PolicyRule. No names: any name."""

    verbs: tuple[str, ...]
    groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()

    def allows(self, wanted: Attributes) -> bool:
        if ALL not in self.verbs and wanted.verb not in self.verbs:
            return False
        if wanted.path:
            return any(url_covers(url, wanted.path) for url in self.urls)
        if ALL not in self.groups and wanted.group not in self.groups:
            return False
        return self._has_resource(wanted) and (not self.names or wanted.name in self.names)

    def _has_resource(self, wanted: Attributes) -> bool:
        if ALL in self.resources or wanted.combined in self.resources:
            return True
        return bool(wanted.subresource) and f"*/{wanted.subresource}" in self.resources

    def covers(self, part: Rule) -> bool:
        """Does this rule allow all that `part`, a single right, allows?"""
        return (
            (ALL in self.verbs or set(part.verbs) <= set(self.verbs))
            and (ALL in self.groups or set(part.groups) <= set(self.groups))
            and all(self._covers_resource(it) for it in part.resources)
            and (not self.names or (bool(part.names) and set(part.names) <= set(self.names)))
            and all(any(url_covers(own, it) for own in self.urls) for it in part.urls)
        )

    def _covers_resource(self, resource: str) -> bool:
        if ALL in self.resources or resource in self.resources:
            return True
        _, slash, subresource = resource.partition("/")
        return bool(slash) and f"*/{subresource}" in self.resources

    def parts(self) -> Iterator[Rule]:
        """Yield the single rights that this rule is made of."""
        for group in self.groups:
            for resource in self.resources:
                for verb in self.verbs:
                    if not self.names:
                        yield Rule((verb,), (group,), (resource,))
                    for name in self.names:
                        yield Rule((verb,), (group,), (resource,), (name,))
        for url in self.urls:
            for verb in self.verbs:
                yield Rule((verb,), urls=(url,))

    def text(self) -> str:
        """Return the rule as refusals show it."""
        shown = (
            ("APIGroups", self.groups),
            ("Resources", self.resources),
            ("NonResourceURLs", self.urls),
            ("ResourceNames", self.names),
            ("Verbs", self.verbs),
        )
        return "{" + ", ".join(f"{name}:{quoted_list(values)}" for name, values in shown if values) + "}"


def rule_from(obj: Mapping[str, Any]) -> Rule:
    """Return the rule that an object's entry says."""
    keys = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
    return Rule(*(tuple(obj.get(key) or ()) for key in keys))


def url_covers(own: str, wanted: str) -> bool:
    return own in (ALL, wanted) or (own.endswith(ALL) and wanted.startswith(own.rstrip(ALL)))


def missing(held: Sequence[Rule], wanted: Iterable[Rule]) -> list[Rule]:
    """Return the single rights of `wanted` that `held` does not cover."""
    return [part for rule in wanted for part in rule.parts() if not any(own.covers(part) for own in held)]


def compacted(parts: Iterable[Rule]) -> list[Rule]:
    """Return single rights with those put together that differ by their verb only."""
    found: dict[Rule, Rule] = {}
    for part in parts:
        if part.urls:
            found[part] = part
            continue
        key = replace(part, verbs=())
        before = found.get(key)
        found[key] = part if before is None else replace(before, verbs=before.verbs + part.verbs)
    return list(found.values())


def quoted_list(texts: Iterable[str]) -> str:
    """Return texts as Go prints a slice of them with %q."""
    return "[" + " ".join(go_quoted(it) for it in texts) + "]"
