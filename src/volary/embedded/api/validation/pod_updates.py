"""What an update of a pod may change: images, tolerations that are added, a deadline that comes sooner.

Source: Kubernetes, pkg/apis/core/validation, ValidatePodUpdate.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required
from volary.embedded.api.validation.affinity import REQUIRED, tolerations
from volary.embedded.api.validation.annotations import annotation_changes
from volary.embedded.api.validation.containers import padded_image
from volary.embedded.api.validation.pods import LARGEST, pod

Object = Mapping[str, Any]
CHANGEABLE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def changed_pod(obj: Object, old: Object) -> list[FieldError]:
    """Return what is wrong with a changed pod besides its metadata."""
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    errors = pod(obj) + annotation_changes(obj["metadata"], old["metadata"], spec)
    for kind in ("containers", "initContainers"):
        items = spec.get(kind) or ()
        if len(items) != len(before.get(kind) or ()):
            return [*errors, forbidden_field(f"spec.{kind}", "pod updates may not add or remove containers")]
        for index, it in enumerate(items):
            where = f"spec.{kind}[{index}]"
            errors += [] if it.get("image") else [required(f"{where}.image")]
            errors += padded_image(it, where)
    deadline = _deadline(spec.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds"))
    errors += deadline
    if deadline and spec.get("activeDeadlineSeconds") is not None:
        return errors
    errors += _tolerations(spec, before) + _gates(spec, before)
    if spec == before:
        return errors
    munged = _munged(spec, before, errors)
    if munged != before:
        errors.append(forbidden_field("spec", CHANGEABLE))
    return errors


def _deadline(value: int | None, before: int | None) -> list[FieldError]:
    where = "spec.activeDeadlineSeconds"
    if value is None:
        text = "must not update from a positive integer to nil value"
        return [] if before is None else [invalid(where, None, text)]
    if not 0 <= value <= LARGEST:
        return [invalid(where, value, f"must be between 0 and {LARGEST}, inclusive")]
    if before is not None and before < value:
        return [invalid(where, value, "must be less than or equal to previous value")]
    return []


def _tolerations(spec: Object, before: Object) -> list[FieldError]:
    now = spec.get("tolerations") or ()
    kept = [_timeless(it) for it in now]
    for it in before.get("tolerations") or ():
        if _timeless(it) not in kept:
            text = "existing toleration can not be modified except its tolerationSeconds"
            return [forbidden_field("spec.tolerations", text)]
    return tolerations(now, "spec.tolerations")


def _timeless(it: Object) -> dict[str, Any]:
    return {key: value for key, value in it.items() if key != "tolerationSeconds"}


def _gates(spec: Object, before: Object) -> list[FieldError]:
    known = [it.get("name") for it in before.get("schedulingGates") or ()]
    errors = []
    for index, it in enumerate(spec.get("schedulingGates") or ()):
        if it.get("name") not in known:
            text = f"only deletion is allowed, but found new scheduling gate '{it.get('name') or ''}'"
            errors.append(forbidden_field(f"spec.schedulingGates[{index}].name", text))
    return errors


def _munged(spec: Object, before: Object, errors: list[FieldError]) -> dict[str, Any]:
    """Return the new spec with all that may change as it was; adds errors of a pod that waits at a gate."""
    found = dict(spec)
    for kind in ("containers", "initContainers"):
        if found.get(kind):
            pairs = zip(found[kind], before.get(kind) or (), strict=True)
            found[kind] = [{**new, "image": old.get("image")} for new, old in pairs]
    fields = ["activeDeadlineSeconds", "schedulingGates", "tolerations"]
    grace = before.get("terminationGracePeriodSeconds")
    if grace is not None and grace < 0 and found.get("terminationGracePeriodSeconds") == 1:
        fields.append("terminationGracePeriodSeconds")
    if before.get("schedulingGates"):
        errors += _waiting(found, before)
        fields.append("nodeSelector")
        rest = {key: it for key, it in (found.get("affinity") or {}).items() if key != "nodeAffinity"}
        node = (before.get("affinity") or {}).get("nodeAffinity")
        whole = {**rest, **({"nodeAffinity": node} if node is not None else {})}
        if whole or before.get("affinity") is not None:
            found["affinity"] = whole
        else:
            found.pop("affinity", None)
    for field in fields:
        found.pop(field, None)
        if field in before:
            found[field] = before[field]
    return found


def _waiting(spec: Object, before: Object) -> list[FieldError]:
    errors: list[FieldError] = []
    now, then = spec.get("nodeSelector") or {}, before.get("nodeSelector") or {}
    if any(now.get(key) != value for key, value in then.items()):
        text = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        errors.append(invalid("spec.nodeSelector", dict(now) or None, text))
    old_terms, terms = _terms(before), _terms(spec)
    where = f"spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms"
    if old_terms and len(old_terms) != len(terms):
        text = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        return [*errors, invalid(where, _printed(terms) or None, text)]
    for index, (new, old) in enumerate(zip(terms, old_terms, strict=False)):
        if not _only_more(new, old):
            text = "only additions are allowed (no mutations or deletions)"
            errors.append(invalid(f"{where}[{index}]", _printed([new])[0], text))
    return errors


def _terms(spec: Object) -> list[Any]:
    node = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    return list((node.get(REQUIRED) or {}).get("nodeSelectorTerms") or ())


def _only_more(new: Object, old: Object) -> bool:
    fields = ("matchExpressions", "matchFields")
    if not any(old.get(field) for field in fields):
        return not any(new.get(field) for field in fields)
    return all((new.get(field) or [])[: len(old[field])] == old[field] for field in fields if old.get(field))


def _printed(terms: list[Any]) -> list[dict[str, Any]]:
    """Return terms as the server's own type prints."""
    return [
        {
            shown: [
                {name[0].upper() + name[1:]: it.get(name) for name in ("key", "operator", "values")} for it in found
            ]
            if (found := term.get(field))
            else None
            for field, shown in (("matchExpressions", "MatchExpressions"), ("matchFields", "MatchFields"))
        }
        for term in terms
    ]
