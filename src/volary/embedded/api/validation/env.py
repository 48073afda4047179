"""Rules of environment variables.

Source: Kubernetes, pkg/apis/core/validation, ValidateEnv and ValidateEnvFrom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from volary.embedded.api.errors import FieldError, invalid
from volary.embedded.api.text import forms
from volary.embedded.api.validation.fields import resource_field, selected_field
from volary.embedded.api.validation.paths import no_steps_back

Object = Mapping[str, Any]
ENV_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
    "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
KINDS = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
SEVERAL = "may not have more than one field specified at a time"


def variables(items: Sequence[Object], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, it in enumerate(items):
        where = f"{path}[{index}]"
        errors += forms.needed(f"{where}.name", it.get("name") or "", forms.variable)
        if it.get("valueFrom") is not None:
            errors += _value_from(it["valueFrom"], it.get("value") or "", f"{where}.valueFrom")
    return errors


def _value_from(it: Object, value: str, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    present = [kind for kind in KINDS if it.get(kind) is not None]
    for kind in present:
        errors += _reference(kind, it[kind], f"{path}.{kind}")
    if not present:
        text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        errors.append(invalid(path, "", text))
    elif value:
        errors.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(present) > 1:
        errors.append(invalid(path, "", SEVERAL))
    return errors


def _reference(kind: str, it: Object, path: str) -> list[FieldError]:
    if kind == "fieldRef":
        return selected_field(it, ENV_FIELDS, path)
    if kind == "resourceFieldRef":
        return resource_field(it, path, of_volume=False)
    if kind == "fileKeyRef":
        errors = forms.needed(f"{path}.key", it.get("key") or "", forms.variable)
        errors += forms.needed(f"{path}.volumeName", it.get("volumeName") or "", forms.label)
        errors += forms.needed(f"{path}.path", it.get("path") or "", lambda _: ())
        return errors + no_steps_back(f"{path}.path", it.get("path") or "")
    errors = forms.wrong(f"{path}.name", it.get("name") or "", forms.subdomain)
    return errors + forms.needed(f"{path}.key", it.get("key") or "", forms.config_key)


def env_from(items: Sequence[Object], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, it in enumerate(items):
        where = f"{path}[{index}]"
        if it.get("prefix"):
            errors += forms.wrong(f"{where}.prefix", it["prefix"], forms.variable)
        present = [kind for kind in ("configMapRef", "secretRef") if it.get(kind) is not None]
        for kind in present:
            errors += forms.needed(f"{where}.{kind}.name", it[kind].get("name") or "", forms.subdomain)
        if not present:
            errors.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(present) > 1:
            errors.append(invalid(path, "", SEVERAL))
    return errors
