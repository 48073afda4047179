"""Who may do what: decided from the roles and bindings that are stored.

Rights only ever add up, so a decision is a search for one rule. What a user may do in a namespace is gathered once and
kept until a role or a binding changes; a member of system:masters is never looked up.

Source: Kubernetes, plugin/pkg/auth/authorizer/rbac and pkg/registry/rbac/validation/rule.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from volary.embedded.api.auth.attributes import Attributes
from volary.embedded.api.auth.identity import MASTERS, User
from volary.embedded.api.auth.rules import Rule, rule_from
from volary.embedded.api.errors import unexpected
from volary.embedded.api.store import Change, Entry, Store
from volary.embedded.api.text.go_text import go_quoted

GROUP = "rbac.authorization.k8s.io"
ROLES, CLUSTER_ROLES = f"{GROUP}/roles", f"{GROUP}/clusterroles"
BINDINGS, CLUSTER_BINDINGS = f"{GROUP}/rolebindings", f"{GROUP}/clusterrolebindings"
MOST_REMEMBERED = 8192  # decisions and gathered rights, each; then all are forgotten and found anew

Who = tuple[str, tuple[str, ...]]  # a user's name and groups: nothing else counts
Subject = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """May they? With the reason, where there is one to give."""

    allowed: bool
    reason: str = ""


class NoRole(Exception):
    """A binding names a role that is not there."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"{kind} {name}")
        self.kind = kind
        self.name = name

    def text(self, plural: str) -> str:
        """Return the server's words; it says either the kind or, in some places, what the request is about."""
        return f"{plural or self.kind.lower()}.{GROUP} {go_quoted(self.name)} not found"


@dataclass(slots=True)
class Rights:
    """What one user holds in one namespace, or in the cluster."""

    grants: list[tuple[str, Rule]] = field(default_factory=list)  # (the binding, in words; the rule)
    absent: list[NoRole] = field(default_factory=list)  # from bindings that lead nowhere

    @property
    def rules(self) -> list[Rule]:
        return [rule for _, rule in self.grants]

    def error(self, plural: str = "") -> str:
        """Return what was not found as one text, "" for nothing."""
        texts = list(dict.fromkeys(it.text(plural) for it in self.absent))
        return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]" if texts else ""


class Rbac:
    """The authorizer of one cluster."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rights: dict[tuple[Who, str], Rights] = {}
        self._decisions: dict[tuple[Who, Attributes], Decision] = {}
        self._listens = False

    def decide(self, user: User, wanted: Attributes) -> Decision:
        """Return whether a user may do something."""
        if MASTERS in user.groups:
            return ALLOWED
        key = ((user.name, user.groups), wanted)
        found = self._decisions.get(key)
        if found is None:
            found = self._search(user, wanted)
            remember(self._decisions, key, found)
        return found

    def _search(self, user: User, wanted: Attributes) -> Decision:
        rights = self.rights(user, wanted.namespace)
        for binding, rule in rights.grants:
            if rule.allows(wanted):
                return Decision(True, f"RBAC: allowed by {binding}")
        error = rights.error()
        return Decision(False, f"RBAC: {error}" if error else "")

    def rights(self, user: User, namespace: str) -> Rights:
        """Return what a user holds in a namespace, that of the whole cluster included ("": only that)."""
        own = self._held(user, "")
        if not namespace:
            return own
        more = self._held(user, namespace)
        return Rights(own.grants + more.grants, own.absent + more.absent)

    def _held(self, user: User, namespace: str) -> Rights:
        """Return what the bindings of one namespace, or those of the cluster, give to a user; shared."""
        key = ((user.name, user.groups), namespace)
        found = self._rights.get(key)
        if found is None:
            self._listen()
            found = self._gather(user, namespace)
            remember(self._rights, key, found)
        return found

    def _gather(self, user: User, namespace: str) -> Rights:
        found = Rights()
        bindings = self._store.items(BINDINGS, namespace) if namespace else self._store.items(CLUSTER_BINDINGS)
        for binding in bindings:
            subject = next((it for it in binding.obj.get("subjects") or () if applies(it, user, namespace)), None)
            if subject is None:
                continue
            try:
                rules = self.rules_of(binding.obj["roleRef"], namespace)
            except NoRole as absent:
                found.absent.append(absent)
                continue
            text = describe(binding, subject, namespace)
            found.grants += [(text, rule) for rule in rules]
        return found

    def rules_of(self, reference: Mapping[str, Any], namespace: str) -> list[Rule]:
        """Return the rules of the role that a binding names. Raises: NoRole; Problem, if there can be none."""
        kind, name = str(reference.get("kind") or ""), str(reference.get("name") or "")
        if kind not in ("Role", "ClusterRole"):
            raise unexpected(f"unsupported role reference kind: {go_quoted(kind)}")
        resource, place = (ROLES, namespace) if kind == "Role" else (CLUSTER_ROLES, "")
        entry = self._store.get(resource, place, name)
        if entry is None:
            raise NoRole(kind, name)
        return rules_in(entry.obj)

    def _listen(self) -> None:
        if not self._listens:
            self._listens = True
            for resource in (ROLES, CLUSTER_ROLES, BINDINGS, CLUSTER_BINDINGS):
                self._store.table(resource).listeners.append(self._forget)

    def _forget(self, change: Change) -> None:
        self._rights.clear()
        self._decisions.clear()


ALLOWED = Decision(True)


def remember(table: dict[Any, Any], key: Any, value: Any) -> None:
    """Keep a value, unless there are so many that somebody must be making them up."""
    if len(table) >= MOST_REMEMBERED:
        table.clear()
    table[key] = value


def rules_in(role: Mapping[str, Any]) -> list[Rule]:
    return [rule_from(it) for it in role.get("rules") or ()]


def applies(subject: Subject, user: User, namespace: str) -> bool:
    """Is a user meant by a binding's subject? `namespace`: the binding's."""
    name = str(subject.get("name") or "")
    match subject.get("kind"):
        case "User":
            return user.name == name
        case "Group":
            return name in user.groups
        case "ServiceAccount":
            place = subject.get("namespace") or namespace
            return bool(place) and user.name == f"system:serviceaccount:{place}:{name}"
    return False


def describe(binding: Entry, subject: Subject, namespace: str) -> str:
    """Return a binding in the words of reviews."""
    name = binding.obj["metadata"]["name"]
    role, kind = binding.obj["roleRef"], subject["kind"]
    whom = str(subject["name"])
    if kind == "ServiceAccount":
        whom = f"{whom}/{subject.get('namespace') or namespace}"
    what, shown = ("RoleBinding", f"{name}/{namespace}") if namespace else ("ClusterRoleBinding", name)
    return f"{what} {go_quoted(shown)} of {role['kind']} {go_quoted(role['name'])} to {kind} {go_quoted(whom)}"
