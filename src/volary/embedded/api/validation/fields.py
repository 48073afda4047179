"""Fields of a pod that a variable or a file may show: fieldRef and resourceFieldRef.

Source: Kubernetes, pkg/apis/core/validation and pkg/apis/core/pods.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from volary.embedded.api.errors import FieldError, invalid, required, unsupported
from volary.embedded.api.text import forms
from volary.embedded.api.text.quantities import canonical, quantity_value

Object = Mapping[str, Any]
PLAIN_FIELDS = frozenset(
    {
        "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid",
        "spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "spec.schedulerName", "status.phase",
        "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
    }
)  # fmt: skip
RESOURCE_FIELDS = tuple(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
SCALES = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
SUBSCRIPTED = re.compile(r"^(.*)\['(.*)'\]$", re.S)


def selected_field(it: Object, supported: Sequence[str], path: str) -> list[FieldError]:
    """Return what is wrong with a fieldRef."""
    version, field = it.get("apiVersion") or "", it.get("fieldPath") or ""
    if not version:
        return [required(f"{path}.apiVersion")]
    if not field:
        return [required(f"{path}.fieldPath")]
    found = SUBSCRIPTED.match(field)
    plain = found[1] if found else field
    if version != "v1":
        text = f"error converting fieldPath: unsupported pod version: {version}"
        return [invalid(f"{path}.fieldPath", field, text)]
    if found and plain not in ("metadata.annotations", "metadata.labels"):
        known = plain in PLAIN_FIELDS
        text = (
            "does not support subscript"
            if known
            else "error converting fieldPath: field label does not support subscript: " + field
        )
        return [invalid(path, plain, text)] if known else [invalid(f"{path}.fieldPath", field, text)]
    if found:
        key = found[2].lower() if plain == "metadata.annotations" else found[2]
        return forms.wrong(path, key, forms.key)
    if plain not in PLAIN_FIELDS:
        text = f"error converting fieldPath: field label not supported: {field}"
        return [invalid(f"{path}.fieldPath", field, text)]
    return [] if plain in supported else [unsupported(f"{path}.fieldPath", plain, supported)]


def resource_field(it: Object, path: str, of_volume: bool) -> list[FieldError]:
    """Return what is wrong with a resourceFieldRef; a volume must name the container."""
    name = it.get("resource") or ""
    errors: list[FieldError] = []
    if of_volume and not it.get("containerName"):
        errors.append(required(f"{path}.containerName"))
    elif not name:
        errors.append(required(f"{path}.resource"))
    elif name not in RESOURCE_FIELDS and not name.startswith(("requests.hugepages-", "limits.hugepages-")):
        errors.append(unsupported(f"{path}.resource", name, RESOURCE_FIELDS))
    return errors + _divisor(name, it.get("divisor"), path)


def _divisor(name: str, divisor: Any, path: str) -> list[FieldError]:
    if not quantity_value(divisor or 0):
        return []
    kind = name.partition(".")[2]
    shown = {
        "memory": "memory",
        "ephemeral-storage": "local ephemeral storage",
    }.get(kind, "hugepages" if kind.startswith("hugepages-") else "")
    if kind == "cpu" and canonical(divisor) not in ("1m", "1"):
        text = "only divisor's values 1m and 1 are supported with the cpu resource"
        return [invalid(f"{path}.divisor", name, text)]
    if shown and canonical(divisor) not in SCALES:
        text = f"only divisor's values {', '.join(SCALES)} are supported with the {shown} resource"
        return [invalid(f"{path}.divisor", name, text)]
    return []
