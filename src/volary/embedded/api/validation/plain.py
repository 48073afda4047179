"""Rules of the small kinds: ConfigMap, Secret, Namespace, Lease.

Source: Kubernetes, pkg/apis/core/validation and pkg/apis/coordination/validation.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required, unsupported
from volary.embedded.api.text import forms
from volary.embedded.api.validation.common import too_long, unchanged

Object = Mapping[str, Any]
SET_ONCE = "field is immutable when `immutable` is set"
LARGEST = 1024 * 1024
ACCOUNT = "kubernetes.io/service-account.name"
STANDARD_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")


def config_map(obj: Object, old: Object | None) -> list[FieldError]:
    data, binary, errors, size = obj.get("data") or {}, obj.get("binaryData") or {}, [], 0
    for key, value in data.items():
        errors += forms.wrong(f"data[{key}]", key, forms.config_key)
        if key in binary:
            errors.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
        size += len(value.encode())
    for key, value in binary.items():
        errors += forms.wrong(f"binaryData[{key}]", key, forms.config_key)
        size += decoded_size(value)
    return [*errors, too_long("", LARGEST)] if size > LARGEST else errors


def decoded_size(text: str) -> int:
    """Return how many bytes a base64 text stands for."""
    return len(text) // 4 * 3 - text[-2:].count("=")


def config_map_changes(obj: Object, old: Object) -> list[FieldError]:
    return _set_once(obj, old, "data", "binaryData")


def _set_once(obj: Object, old: Object, *fields: str) -> list[FieldError]:
    if not old.get("immutable"):
        return []
    errors = [] if obj.get("immutable") else [forbidden_field("immutable", SET_ONCE)]
    return errors + [forbidden_field(it, SET_ONCE) for it in fields if obj.get(it) != old.get(it)]


def secret_changes(obj: Object, old: Object) -> list[FieldError]:
    return unchanged(obj.get("type"), old.get("type"), "type") + _set_once(obj, old, "data")


def secret(obj: Object, old: Object | None) -> list[FieldError]:
    data, kind, errors = obj.get("data") or {}, str(obj.get("type") or ""), []
    for key in data:
        errors += forms.wrong(f"data[{key}]", key, forms.config_key)
    if sum(decoded_size(value) for value in data.values()) > LARGEST:
        errors.append(too_long("data", LARGEST))
    if kind == "kubernetes.io/service-account-token":
        if not (obj["metadata"].get("annotations") or {}).get(ACCOUNT):
            errors.append(required(f"metadata.annotations[{ACCOUNT}]"))
    elif kind in DOCKER:
        errors += _docker(data, DOCKER[kind])
    elif kind == "kubernetes.io/basic-auth":
        if "username" not in data and "password" not in data:
            errors += [required("data[username]"), required("data[password]")]
    elif kind == "kubernetes.io/ssh-auth":
        errors += [] if data.get("ssh-privatekey") else [required("data[ssh-privatekey]")]
    elif kind == "kubernetes.io/tls":
        errors += [required(f"data[{key}]") for key in ("tls.crt", "tls.key") if key not in data]
    return errors


DOCKER = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}


def _docker(data: Mapping[str, str], key: str) -> list[FieldError]:
    if key not in data:
        return [required(f"data[{key}]")]
    if text := _no_object(base64.b64decode(data[key])):
        return [invalid(f"data[{key}]", "<secret contents redacted>", text)]
    return []


def _no_object(content: bytes) -> str:
    """Return why bytes are no JSON object, in Go's words; "" if they are one."""
    if not content.strip():
        return "unexpected end of JSON input"
    try:
        found = json.loads(content)
    except json.JSONDecodeError as error:
        at = content[error.pos : error.pos + 1].decode("latin-1")
        return f"invalid character '{at}' looking for beginning of value" if at else "unexpected end of JSON input"
    except UnicodeDecodeError as error:
        return f"invalid character '\\x{content[error.start]:02x}' looking for beginning of value"
    if isinstance(found, dict) or found is None:
        return ""
    kinds = {bool: "bool", str: "string", list: "array"}
    kind = kinds.get(type(found), "number")
    return f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"


def namespace(obj: Object, old: Object | None) -> list[FieldError]:
    errors: list[FieldError] = []
    if old is not None:
        return errors
    for name in (obj.get("spec") or {}).get("finalizers") or ():
        errors += forms.wrong("spec.finalizers", name, forms.key)
        if "/" not in name and name not in STANDARD_FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(invalid("spec.finalizers", name, text))
    return errors


def namespace_status(obj: Object, old: Object) -> list[FieldError]:
    going = bool(obj["metadata"].get("deletionTimestamp"))
    wanted, phase = "Terminating" if going else "Active", (obj.get("status") or {}).get("phase") or ""
    if phase == wanted:
        return []
    state = "not empty" if going else "empty"
    return [invalid("status.Phase", phase, f"may only be '{wanted}' if `deletionTimestamp` is {state}")]


def lease(obj: Object, old: Object | None) -> list[FieldError]:
    spec, errors = obj.get("spec") or {}, []
    seconds, turns, strategy = (spec.get(it) for it in ("leaseDurationSeconds", "leaseTransitions", "strategy"))
    if seconds is not None and seconds <= 0:
        errors.append(invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
    if turns is not None and turns < 0:
        errors.append(invalid("spec.leaseTransitions", turns, "must be greater than or equal to 0"))
    if strategy is not None:
        where = "spec.strategy.strategy"  # as the server names it
        if "/" in strategy:
            errors += forms.wrong(where, strategy, forms.key)
        elif strategy != "OldestEmulationVersion":
            errors.append(unsupported(where, strategy, ("OldestEmulationVersion",)))
    if spec.get("preferredHolder") and not strategy:
        errors.append(forbidden_field("spec.preferredHolder", "may only be specified if `strategy` is defined"))
    return errors
