"""What an access review must say to be answered.

Source: Kubernetes, pkg/apis/authorization/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, invalid, invalid_object, required

Object = Mapping[str, Any]

ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
BOTH = "cannot be specified in combination with resourceAttributes"
NOBODY = "at least one of user or group must be specified"


def check(plural: str, review: Object) -> None:
    """Refuse a review that cannot be answered. Raises: Problem."""
    spec = review.get("spec") or {}
    local = plural == "localsubjectaccessreviews"
    errors = _subject(spec, needs_user=not plural.startswith("self")) + _metadata(review["metadata"], local)
    if local:
        errors += _place(spec, review["metadata"].get("namespace", ""))
    if errors:
        # The server's own object has no kind at this point, so its messages have none either.
        raise invalid_object("authorization.k8s.io", "", "", errors)


def _subject(spec: Object, needs_user: bool) -> list[FieldError]:
    on, on_path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    errors: list[FieldError] = []
    if on is not None and on_path is not None:
        errors.append(invalid("spec.nonResourceAttributes", _path(on_path), BOTH))
    if on is None and on_path is None:
        errors.append(invalid("spec.resourceAttributes", None, ONE))
    if needs_user and not spec.get("user") and not spec.get("groups"):
        errors.append(invalid("spec.user", "", NOBODY))
    for name in ("fieldSelector", "labelSelector"):
        errors += _selector((on or {}).get(name), f"spec.resourceAttributes.{name}")
    return errors


def _path(attributes: Object) -> Object:
    """Return the attributes as the server's own type prints."""
    return {"Path": attributes.get("path") or "", "Verb": attributes.get("verb") or ""}


def _selector(selector: Object | None, path: str) -> list[FieldError]:
    if selector is None:
        return []
    raw, requirements = selector.get("rawSelector"), selector.get("requirements")
    if raw and requirements:
        return [invalid(f"{path}.rawSelector", raw, "may not specified at the same time as requirements")]
    if not raw and not requirements:
        return [required(f"{path}.requirements", f"when {path} is specified, requirements or rawSelector is required")]
    return []


def _metadata(meta: Object, local: bool) -> list[FieldError]:
    """Return the error for metadata that says more than the server put in."""
    own = {"managedFields", "namespace"} if local else {"managedFields"}
    if not any(value for key, value in meta.items() if key not in own):
        return []
    ordered = {key: value for key, value in meta.items() if key != "managedFields"}
    if "managedFields" in meta:
        ordered["managedFields"] = meta["managedFields"]
    return [invalid("metadata", ordered, "must be empty except for namespace" if local else "must be empty")]


def _place(spec: Object, namespace: str) -> list[FieldError]:
    errors: list[FieldError] = []
    on, on_path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if on is not None and (on.get("namespace") or "") != namespace:
        wrong = on.get("namespace") or ""
        errors.append(invalid("spec.resourceAttributes.namespace", wrong, "must match metadata.namespace"))
    if on_path is not None:
        errors.append(invalid("spec.nonResourceAttributes", _path(on_path), "disallowed on this kind of request"))
    return errors
