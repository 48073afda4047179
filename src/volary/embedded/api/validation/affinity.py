"""Rules of where a pod may run: affinity, tolerations, topology.

Source: Kubernetes, pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from volary.embedded.api.errors import FieldError, duplicate, forbidden_field, invalid, required, unsupported
from volary.embedded.api.text import forms
from volary.embedded.api.validation.common import NOT_POSITIVE, one_of, selector_errors

Object = Mapping[str, Any]
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
BAD_OPERATOR = "not a valid selector operator"
WEIGHT = "must be in the range 1-100"
NO_SELECTOR = "must not be specified when labelSelector is not set"


def affinity(it: Object, path: str) -> list[FieldError]:
    """Return what is wrong with a pod's affinity."""
    errors: list[FieldError] = []
    node, where = it.get("nodeAffinity") or {}, f"{path}.nodeAffinity"
    if node.get(REQUIRED) is not None:
        terms = node[REQUIRED].get("nodeSelectorTerms") or ()
        place = f"{where}.{REQUIRED}.nodeSelectorTerms"
        if not terms:
            errors.append(required(place, "must have at least one node selector term"))
        for index, term in enumerate(terms):
            errors += node_term(term, f"{place}[{index}]", strict=True)
    for index, term in enumerate(node.get(PREFERRED) or ()):
        place = f"{where}.{PREFERRED}[{index}]"
        errors += _weight(term, place) + node_term(term.get("preference") or {}, f"{place}.preference", strict=False)
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = it.get(kind) or {}
        for index, term in enumerate(pods.get(REQUIRED) or ()):
            errors += _pod_term(term, f"{path}.{kind}.{REQUIRED}[{index}]")
        for index, term in enumerate(pods.get(PREFERRED) or ()):
            place = f"{path}.{kind}.{PREFERRED}[{index}]"
            errors += _weight(term, place) + _pod_term(term.get("podAffinityTerm") or {}, f"{place}.podAffinityTerm")
    return errors


def _weight(term: Object, path: str) -> list[FieldError]:
    weight = term.get("weight") or 0
    return [] if 0 < weight <= 100 else [invalid(f"{path}.weight", weight, WEIGHT)]


def node_term(term: Object, path: str, strict: bool) -> list[FieldError]:
    """Return what is wrong with a term that chooses nodes; `strict`: the values must be labels' values."""
    errors: list[FieldError] = []
    for index, it in enumerate(term.get("matchExpressions") or ()):
        errors += _node_expression(it, f"{path}.matchExpressions[{index}]", strict)
    for index, it in enumerate(term.get("matchFields") or ()):
        errors += _node_field(it, f"{path}.matchFields[{index}]")
    return errors


def _node_expression(it: Object, path: str, strict: bool) -> list[FieldError]:
    operator, values, errors = it.get("operator") or "", it.get("values") or (), []
    if operator in ("In", "NotIn"):
        text = "must be specified when `operator` is 'In' or 'NotIn'"
        errors += [] if values else [required(f"{path}.values", text)]
    elif operator in ("Exists", "DoesNotExist"):
        text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        errors += [forbidden_field(f"{path}.values", text)] if values else []
    elif operator in ("Gt", "Lt"):
        text = "must be specified single value when `operator` is 'Lt' or 'Gt'"
        errors += [] if len(values) == 1 else [required(f"{path}.values", text)]
    else:
        errors.append(invalid(f"{path}.operator", operator, BAD_OPERATOR))
    errors += forms.wrong(f"{path}.key", it.get("key") or "", forms.key)
    if strict:
        for index, value in enumerate(values):
            errors += forms.wrong(f"{path}.values[{index}]", value, forms.label_value)
    return errors


def _node_field(it: Object, path: str) -> list[FieldError]:
    operator, values, key, errors = it.get("operator") or "", it.get("values") or (), it.get("key") or "", []
    if operator not in ("In", "NotIn"):
        errors.append(invalid(f"{path}.operator", operator, BAD_OPERATOR))
    elif len(values) != 1:
        text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.append(required(f"{path}.values", text))
    if key != "metadata.name":
        return [*errors, invalid(f"{path}.key", key, "not a valid field selector key")]
    for index, value in enumerate(values):
        errors += forms.wrong(f"{path}.values[{index}]", value, forms.subdomain)
    return errors


def _pod_term(term: Object, path: str) -> list[FieldError]:
    errors = selector_errors(term.get("labelSelector"), f"{path}.labelSelector")
    errors += selector_errors(term.get("namespaceSelector"), f"{path}.namespaceSelector")
    for name in term.get("namespaces") or ():
        errors += forms.wrong(f"{path}.namespace", name, forms.label)
    errors += label_keys(term, path)
    key = term.get("topologyKey") or ""
    if not key:
        errors.append(required(f"{path}.topologyKey", "can not be empty"))
    return errors + forms.wrong(f"{path}.topologyKey", key, forms.key)


def label_keys(it: Object, path: str) -> list[FieldError]:
    """Return what is wrong with matchLabelKeys and mismatchLabelKeys beside a selector."""
    match, mismatch = it.get("matchLabelKeys") or (), it.get("mismatchLabelKeys") or ()
    selector, errors = it.get("labelSelector"), []
    for field, keys in (("matchLabelKeys", match), ("mismatchLabelKeys", mismatch)):
        if keys and selector is None:
            errors.append(forbidden_field(f"{path}.{field}", NO_SELECTOR))
            continue
        for index, key in enumerate(keys):
            errors += forms.wrong(f"{path}.{field}[{index}]", key, forms.key)
    seen = set((selector or {}).get("matchLabels") or ())
    for expression in (selector or {}).get("matchExpressions") or ():
        key = expression.get("key") or ""
        if key in match and key in seen:
            text = "exists in both matchLabelKeys and labelSelector"
            errors.append(invalid(f"{path}[{list(match).index(key)}]", key, text))
        seen.add(key)
    text = "exists in both matchLabelKeys and mismatchLabelKeys"
    both = [index for index, key in enumerate(match) if key in mismatch]
    return errors + [invalid(f"{path}.matchLabelKeys[{index}]", match[index], text) for index in both]


def tolerations(items: Sequence[Object], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, it in enumerate(items):
        where = f"{path}[{index}]"
        key, operator, effect = it.get("key") or "", it.get("operator") or "", it.get("effect") or ""
        errors += forms.wrong(f"{where}.key", key, forms.key) if key else []
        if not key and operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.append(invalid(f"{where}.operator", operator, text))
        if it.get("tolerationSeconds") is not None and effect != "NoExecute":
            text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            errors.append(invalid(f"{where}.effect", effect, text))
        errors += _tolerated(operator, it.get("value") or "", where)
        if effect and effect not in EFFECTS:
            errors.append(unsupported(f"{where}.effect", effect, EFFECTS))
    return errors


def _tolerated(operator: str, value: str, path: str) -> list[FieldError]:
    where = f"{path}.operator"
    if operator in ("Equal", ""):
        texts = forms.label_value(value)
        return [invalid(where, value, ";".join(texts))] if texts else []
    if operator == "Exists":
        return [invalid(where, value, "value must be empty when `operator` is 'Exists'")] if value else []
    words = ("Equal", "Exists", "Lt", "Gt") if operator in ("Lt", "Gt") else ("Equal", "Exists")
    return [unsupported(where, operator, words)]


def taints(items: Sequence[Object], path: str) -> list[FieldError]:
    """Return what is wrong with a node's taints."""
    errors: list[FieldError] = []
    seen: set[tuple[str, str]] = set()
    for index, it in enumerate(items):
        where, key, effect = f"{path}[{index}]", it.get("key") or "", it.get("effect") or ""
        errors += forms.wrong(f"{where}.key", key, forms.key)
        if texts := forms.label_value(it.get("value") or ""):
            errors.append(invalid(f"{where}.value", it.get("value") or "", ";".join(texts)))
        errors += one_of(f"{where}.effect", effect, EFFECTS)
        if (key, effect) in seen:
            shown = {"Key": key, "Value": it.get("value") or "", "Effect": effect, "TimeAdded": it.get("timeAdded")}
            detail = "taints must be unique by key and effect pair"
            errors.append(FieldError("FieldValueDuplicate", where, detail, shown))
        seen.add((key, effect))
    return errors


def spread(items: Sequence[Object], path: str) -> list[FieldError]:
    """Return what is wrong with topologySpreadConstraints."""
    errors: list[FieldError] = []
    for index, it in enumerate(items):
        where, key, action = f"{path}[{index}]", it.get("topologyKey") or "", it.get("whenUnsatisfiable") or ""
        skew = it.get("maxSkew") or 0
        errors += [] if skew > 0 else [invalid(f"{where}.maxSkew", skew, NOT_POSITIVE)]
        errors += [] if key else [required(f"{where}.topologyKey", "can not be empty")]
        errors += one_of(f"{where}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway"), needed=False)
        later = [(other.get("topologyKey") or "", other.get("whenUnsatisfiable") or "") for other in items[index + 1 :]]
        if (key, action) in later:
            errors.append(duplicate(f"{where}.{{topologyKey, whenUnsatisfiable}}", f"{{{key}, {action}}}"))
        errors += _least_domains(it.get("minDomains"), action, where)
        for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if it.get(field) is not None:
                errors += one_of(f"{where}.{field}", it[field], ("Honor", "Ignore"), needed=False)
        errors += label_keys(it, where)
        errors += selector_errors(it.get("labelSelector"), f"{where}.labelSelector")
    return errors


def _least_domains(value: int | None, action: str, path: str) -> list[FieldError]:
    if value is None:
        return []
    errors = [] if value > 0 else [invalid(f"{path}.minDomains", value, NOT_POSITIVE)]
    if action != "DoNotSchedule":
        text = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
        errors.append(invalid(f"{path}.minDomains", value, text))
    return errors
