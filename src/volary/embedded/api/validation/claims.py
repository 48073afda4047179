"""Rules of claims of volumes, as pods carry them in a template.

Source: Kubernetes, pkg/apis/core/validation, ValidatePersistentVolumeClaimSpec.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required, unsupported
from volary.embedded.api.text import forms
from volary.embedded.api.text.quantities import canonical, quantity_value
from volary.embedded.api.validation.common import (
    NOT_POSITIVE,
    annotations_errors,
    labels_errors,
    one_of,
    selector_errors,
)

Object = Mapping[str, Any]
MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
DEFAULT_GROUP = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"


def claim_template(it: Object, path: str) -> list[FieldError]:
    """Return what is wrong with a template of a claim: only labels and annotations, and the spec."""
    meta = it.get("metadata") or {}
    errors = annotations_errors(meta.get("annotations"), f"{path}.metadata.annotations")
    errors += labels_errors(meta.get("labels"), f"{path}.metadata.labels")
    for field in meta:
        if field not in ("annotations", "labels") and meta[field]:
            errors.append(forbidden_field(f"{path}.metadata.{field}", "cannot be set"))
    return errors + claim_spec(it.get("spec") or {}, f"{path}.spec")


def claim_spec(spec: Object, path: str) -> list[FieldError]:
    modes = spec.get("accessModes") or ()
    errors = [] if modes else [required(f"{path}.accessModes", "at least 1 access mode is required")]
    errors += selector_errors(spec.get("selector"), f"{path}.selector")
    errors += [unsupported(f"{path}.accessModes", it, MODES) for it in modes if it not in MODES]
    if "ReadWriteOncePod" in modes and any(it in MODES and it != "ReadWriteOncePod" for it in modes):
        text = "may not use ReadWriteOncePod with other access modes"
        errors.append(forbidden_field(f"{path}.accessModes", text))
    errors += _storage((spec.get("resources") or {}).get("requests") or {}, f"{path}.resources[storage]")
    if spec.get("storageClassName"):
        errors += forms.wrong(f"{path}.storageClassName", spec["storageClassName"], forms.subdomain)
    if spec.get("volumeMode") is not None:
        errors += one_of(f"{path}.volumeMode", spec["volumeMode"], ("Block", "Filesystem"), needed=False)
    for field in ("dataSource", "dataSourceRef"):
        if spec.get(field) is not None:
            errors += _data_source(spec[field], f"{path}.{field}")
    if spec.get("volumeAttributesClassName"):
        where = f"{path}.volumeAttributesClassName"
        errors += forms.wrong(where, spec["volumeAttributesClassName"], forms.subdomain)
    return errors


def _storage(requests: Object, path: str) -> list[FieldError]:
    if "storage" not in requests:
        return [required(path)]
    value = quantity_value(requests["storage"])
    if value is not None and value <= 0:
        return [invalid(path, str(canonical(requests["storage"])), NOT_POSITIVE)]
    if value is not None and value != value.to_integral_value():
        return [invalid(path, str(canonical(requests["storage"])), "must be an integer")]
    return []


def _data_source(it: Object, path: str) -> list[FieldError]:
    errors = [required(f"{path}.{field}") for field in ("name", "kind") if not it.get(field)]
    group = it.get("apiGroup") or ""
    if not group and it.get("kind") != "PersistentVolumeClaim":
        errors.append(invalid(path, it.get("kind") or "", DEFAULT_GROUP))
    if group:
        errors += forms.wrong(f"{path}.apiGroup", group, forms.subdomain)
    if it.get("namespace"):
        errors += forms.wrong(f"{path}.namespace", it["namespace"], forms.label)
    return errors
