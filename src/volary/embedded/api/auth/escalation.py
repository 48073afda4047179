"""Nobody gives away more than they have: checks on who writes a role or a binding.

Whoever may `escalate` roles, or `bind` a certain role, is let through; so are the masters.

Source: Kubernetes, pkg/registry/rbac/*/policybased and pkg/registry/rbac/validation/rule.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from volary.embedded.api.auth.attributes import Attributes
from volary.embedded.api.auth.identity import MASTERS, User
from volary.embedded.api.auth.rbac import BINDINGS, CLUSTER_BINDINGS, CLUSTER_ROLES, GROUP, ROLES, NoRole, rules_in
from volary.embedded.api.auth.rules import ALL, Rule, compacted, missing, quoted_list
from volary.embedded.api.catalog import ResourceType
from volary.embedded.api.core import Core
from volary.embedded.api.errors import forbidden, not_found
from volary.embedded.api.text.go_text import go_quoted

Object = dict[str, Any]

EVERYTHING = (Rule((ALL,), (ALL,), (ALL,)), Rule((ALL,), urls=(ALL,)))
AGGREGATES = "must have cluster-admin privileges to use the aggregationRule"
# What a garbage collector changes may be changed by whoever may change the object at all.
UNCOMPARED = ("finalizers", "ownerReferences", "managedFields", "resourceVersion")


def refuse_escalation(core: Core, type_: ResourceType, new: Object, old: Object | None, user: User) -> None:
    """Refuse to store a role or a binding that gives more than its writer has. Raises: Problem."""
    if type_.storage not in CHECKS or MASTERS in user.groups:
        return
    if old is None or not _only_collected(new, old):
        CHECKS[type_.storage](core, type_, new, old, user)


def _only_collected(new: Object, old: Object) -> bool:
    return _compared(new) == _compared(old)


def _compared(obj: Object) -> Object:
    meta = {key: value for key, value in obj["metadata"].items() if key not in UNCOMPARED}
    return {**obj, "metadata": meta}


def _check_role(core: Core, type_: ResourceType, new: Object, old: Object | None, user: User) -> None:
    meta = new["metadata"]
    name = meta["name"] if old is not None else ""
    asked = Attributes("escalate", GROUP, type_.plural, "", meta.get("namespace", ""), name)
    if core.rbac.decide(user, asked).allowed:
        return
    _demand_all(core, type_, new, user, rules_in(new))
    if any(_aggregates(it) for it in (new, old or {})) and _lacks(core, new, user, EVERYTHING):
        raise forbidden(type_.group, type_.plural, meta["name"], AGGREGATES)


def _aggregates(role: Object) -> bool:
    return bool((role.get("aggregationRule") or {}).get("clusterRoleSelectors"))


def _check_binding(core: Core, type_: ResourceType, new: Object, old: Object | None, user: User) -> None:
    reference, namespace = new.get("roleRef") or {}, new["metadata"].get("namespace", "")
    kinds = {"ClusterRole": "clusterroles", "Role": "roles"}
    plural = kinds.get(str(reference.get("kind")))
    name, group = str(reference.get("name") or ""), str(reference.get("apiGroup") or "")
    if plural and core.rbac.decide(user, Attributes("bind", group, plural, "", namespace, name)).allowed:
        return
    try:
        rules = core.rbac.rules_of(reference, namespace)
    except NoRole as absent:
        raise not_found(GROUP, type_.plural, absent.name) from absent
    _demand_all(core, type_, new, user, rules)


def _demand_all(core: Core, type_: ResourceType, new: Object, user: User, rules: Iterable[Rule]) -> None:
    """Demand that the user holds all of these rules. Raises: Problem."""
    lacking = _lacks(core, new, user, rules)
    if not lacking:
        return
    texts = sorted({rule.text() for rule in compacted(lacking)})
    who = f"user {go_quoted(user.name)} (groups={quoted_list(user.groups)})"
    why = f"{who} is attempting to grant RBAC permissions not currently held:\n" + "\n".join(texts)
    rights = core.rbac.rights(user, new["metadata"].get("namespace", ""))
    if error := rights.error(type_.plural):
        why += f"; resolution errors: [{error}]"
    raise forbidden(type_.group, type_.plural, new["metadata"]["name"], why)


def _lacks(core: Core, new: Object, user: User, rules: Iterable[Rule]) -> list[Rule]:
    return missing(core.rbac.rights(user, new["metadata"].get("namespace", "")).rules, rules)


CHECKS = {
    ROLES: _check_role,
    CLUSTER_ROLES: _check_role,
    BINDINGS: _check_binding,
    CLUSTER_BINDINGS: _check_binding,
}
