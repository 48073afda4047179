"""The rules of roles and bindings.

Source: Kubernetes, pkg/apis/rbac/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, invalid, required, unsupported
from volary.embedded.api.validation.common import selector_errors
from volary.embedded.api.validation.names import name_error

Object = Mapping[str, Any]

GROUP = "rbac.authorization.k8s.io"


def role(obj: Object, old: Object | None) -> list[FieldError]:
    """Return what is wrong with a Role or a ClusterRole."""
    namespaced = obj.get("kind") == "Role"
    errors: list[FieldError] = []
    for index, rule in enumerate(obj.get("rules") or ()):
        errors += _rule(rule, f"rules[{index}]", namespaced)
    return errors + ([] if namespaced else _aggregation(obj.get("aggregationRule")))


def _rule(rule: Object, path: str, namespaced: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    if not rule.get("verbs"):
        errors.append(required(f"{path}.verbs", "verbs must contain at least one value"))
    if urls := rule.get("nonResourceURLs"):
        where = f"{path}.nonResourceURLs"
        if namespaced:
            errors.append(invalid(where, urls, "namespaced rules cannot apply to non-resource URLs"))
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            both = "rules cannot apply to both regular resources and non-resource URLs"
            errors.append(invalid(where, urls, both))
        return errors
    if not rule.get("apiGroups"):
        errors.append(required(f"{path}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        errors.append(required(f"{path}.resources", "resource rules must supply at least one resource"))
    return errors


def _aggregation(rule: Object | None) -> list[FieldError]:
    path = "aggregationRule.clusterRoleSelectors"
    if rule is None:
        return []
    selectors = rule.get("clusterRoleSelectors") or ()
    if not selectors:
        return [required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")]
    errors: list[FieldError] = []
    for index, selector in enumerate(selectors):
        found = selector_errors(selector, f"{path}[{index}]")
        errors += found
        if found:
            errors.append(invalid(f"{path}[{index}]", None, "invalid label selector."))
    return errors


def binding(obj: Object, old: Object | None) -> list[FieldError]:
    """Return what is wrong with a RoleBinding or a ClusterRoleBinding."""
    namespaced = obj.get("kind") == "RoleBinding"
    reference = obj.get("roleRef") or {}
    kinds = ("Role", "ClusterRole") if namespaced else ("ClusterRole",)
    errors: list[FieldError] = []
    if reference.get("apiGroup") != GROUP:
        errors.append(unsupported("roleRef.apiGroup", reference.get("apiGroup") or "", (GROUP,)))
    if reference.get("kind") not in kinds:
        errors.append(unsupported("roleRef.kind", reference.get("kind") or "", kinds))
    name = reference.get("name")
    if not name:
        errors.append(required("roleRef.name"))
    elif wrong := name_error(f"{GROUP}/roles", name):
        errors.append(invalid("roleRef.name", name, wrong.detail))
    for index, subject in enumerate(obj.get("subjects") or ()):
        errors += _subject(subject, f"subjects[{index}]", namespaced)
    if old is not None and old.get("roleRef") != reference:
        shown = {"APIGroup": "apiGroup", "Kind": "kind", "Name": "name"}  # as the server's own type prints
        value = {key: reference.get(it) or "" for key, it in shown.items()}
        errors.append(invalid("roleRef", value, "cannot change roleRef"))
    return errors


def _subject(subject: Object, path: str, namespaced: bool) -> list[FieldError]:
    name, kind, group = subject.get("name"), subject.get("kind") or "", subject.get("apiGroup") or ""
    errors = [] if name else [required(f"{path}.name")]
    match kind:
        case "ServiceAccount":
            if name and (wrong := name_error("/serviceaccounts", name)):
                errors.append(invalid(f"{path}.name", name, wrong.detail))
            if group:
                errors.append(unsupported(f"{path}.apiGroup", group, ("",)))
            if not namespaced and not subject.get("namespace"):
                errors.append(required(f"{path}.namespace"))
        case "User" | "Group":
            if group != GROUP:
                errors.append(unsupported(f"{path}.apiGroup", group, (GROUP,)))
        case _:
            errors.append(unsupported(f"{path}.kind", kind, ("ServiceAccount", "User", "Group")))
    return errors
