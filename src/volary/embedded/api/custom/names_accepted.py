"""Which names of a definition are free in its group, and the conditions that say so.

Source: apiextensions-apiserver, controller/status/naming_controller.go and controller/apiapproval.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from volary.embedded.api.custom import crd_rules

Object = Mapping[str, Any]
Condition = dict[str, str]

ORDER = ("plural", "singular", "shortNames", "kind", "listKind", "categories")
ALWAYS = ("plural", "kind")
REASONS = {
    "plural": "PluralConflict",
    "singular": "SingularConflict",
    "kind": "KindConflict",
    "listKind": "ListKindConflict",
}


def calculate(obj: Object, group: Iterable[Object]) -> tuple[dict[str, Any], Condition]:
    """Return the names that a definition gets and the condition NamesAccepted; `group`: all definitions of it."""
    resources, kinds = _taken(group)
    wanted, before = obj["spec"]["names"], (obj.get("status") or {}).get("acceptedNames") or {}
    names, reason, message = dict(before), "", ""
    for field, taken in (("plural", resources), ("singular", resources), ("shortNames", resources), ("kind", kinds),
                         ("listKind", kinds)):  # fmt: skip
        if field == "shortNames":
            found = _short_names(wanted, before, taken)
            why = "ShortNamesConflict"
        else:
            name = wanted.get(field) or ""
            found = _in_use(name) if name != (before.get(field) or "") and name in taken else ""
            why = REASONS[field]
        if found:
            reason, message = why, found
        else:
            names[field] = wanted.get(field)
    names["categories"] = wanted.get("categories")
    if reason:
        return _ordered(names), _condition("NamesAccepted", "False", reason, message)
    return _ordered(names), _condition("NamesAccepted", "True", "NoConflicts", "no conflicts found")


def _taken(group: Iterable[Object]) -> tuple[set[str], set[str]]:
    """Return the names of resources and of kinds that a group's definitions have."""
    resources: set[str] = set()
    kinds: set[str] = set()
    for it in group:
        names = (it.get("status") or {}).get("acceptedNames") or {}
        resources |= {names.get("plural") or "", names.get("singular") or "", *(names.get("shortNames") or ())}
        kinds |= {names.get("kind") or "", names.get("listKind") or ""}
    return resources, kinds


def _in_use(name: str) -> str:
    return f'"{name}" is already in use'


def _short_names(wanted: Object, before: Object, taken: set[str]) -> str:
    ours = before.get("shortNames") or ()
    found = [_in_use(it) for it in wanted.get("shortNames") or () if it not in ours and it in taken]
    found = list(dict.fromkeys(found))
    return found[0] if len(found) == 1 else f"[{', '.join(found)}]" if found else ""


def _ordered(names: Object) -> dict[str, Any]:
    return {field: names.get(field) or "" for field in ORDER if names.get(field) or field in ALWAYS}


def _condition(kind: str, status: str, reason: str, message: str) -> Condition:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def established(accepted: Condition, before: Object | None) -> Condition:
    """Return the condition Established: once true it stays so."""
    if before is not None and before.get("status") == "True":
        return dict(before)
    if accepted["status"] == "True":
        return _condition("Established", "True", "InitialNamesAccepted", "the initial names have been accepted")
    return _condition("Established", "False", "NotAccepted", "not all names are accepted")


def approved(obj: Object) -> Condition | None:
    """Return the condition of a definition in a group of the Kubernetes project, None for any other."""
    if not crd_rules.protected(str(obj["spec"].get("group") or "")):
        return None
    kind = "KubernetesAPIApprovalPolicyConformant"
    state, reason = crd_rules.approval(obj)
    if state == "approved":
        return _condition(kind, "True", "ApprovedAnnotation", reason)
    if state == "bypassed":
        return _condition(kind, "False", "UnapprovedAnnotation", reason)
    return _condition(kind, "False", "MissingAnnotation" if state == "missing" else "InvalidAnnotation", reason)


def with_condition(conditions: Iterable[Object], new: Object, stamp: str) -> list[Object]:
    """Return conditions with one set; its time is that of the last change of its status."""
    found = list(conditions)
    for index, it in enumerate(found):
        if it.get("type") == new["type"]:
            same = it.get("status") == new["status"]
            moment = it.get("lastTransitionTime") if same else stamp
            found[index] = _timed(new, moment or stamp)
            return found
    return [*found, _timed(new, stamp)]


def _timed(condition: Object, moment: str) -> dict[str, Any]:
    return {
        "type": condition["type"],
        "status": condition["status"],
        "lastTransitionTime": moment,
        "reason": condition["reason"],
        "message": condition["message"],
    }
