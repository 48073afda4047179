"""Which names, labels, annotations and owners an object may have.

Source: apimachinery, api/validation and util/validation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required

LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?\Z")
SERVICE_LABEL = re.compile(r"[a-z](?:[-a-z0-9]*[a-z0-9])?\Z")
SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\Z")
QUALIFIED = re.compile(r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\Z")
VALUE = re.compile(r"(?:(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?\Z")

LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
SERVICE_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
QUALIFIED_TEXT = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
# Kinds whose names are labels, or any path segment; all others are subdomains.
LABEL_KINDS = {"/namespaces", "/services"}
FREE_KINDS = {
    "rbac.authorization.k8s.io/roles",
    "rbac.authorization.k8s.io/clusterroles",
    "rbac.authorization.k8s.io/rolebindings",
    "rbac.authorization.k8s.io/clusterrolebindings",
}
MOST_ANNOTATION_BYTES = 256 * 1024
STANDARD_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")


def name_error(resource: str, name: str, generated: bool = False) -> FieldError | None:
    """Return what is wrong with an object's name."""
    field = "metadata.generateName" if generated else "metadata.name"
    checked = name.rstrip("-") + "x" if generated and name.endswith("-") else name
    if resource in FREE_KINDS:
        bad = next((it for it in ("/", "%") if it in name), "")
        if name in (".", ".."):
            return invalid(field, name, f"may not be '{name}'")
        return invalid(field, name, f"may not contain '{bad}'") if bad else None
    if resource in LABEL_KINDS:
        pattern, text, longest = LABEL, LABEL_TEXT, 63
    else:
        pattern, text, longest = SUBDOMAIN, SUBDOMAIN_TEXT, 253
    if resource == "/namespaces" and "." in name:
        return invalid(field, name, "must not contain dots")
    if len(checked) > longest:
        return invalid(field, name, f"must be no more than {longest} characters")
    return None if pattern.match(checked) else invalid(field, name, text)


def metadata_errors(meta: Mapping[str, Any], built_in: bool = True) -> list[FieldError]:
    """Return what is wrong with the metadata besides the name."""
    errors: list[FieldError] = []
    for key, value in (meta.get("labels") or {}).items():
        if text := key_error(key):
            errors.append(invalid("metadata.labels", key, text))
        if len(value) > 63:
            errors.append(invalid("metadata.labels", value, "must be no more than 63 bytes"))
        elif not VALUE.match(value):
            errors.append(invalid("metadata.labels", value, VALUE_TEXT))
    size = 0
    for key, value in (meta.get("annotations") or {}).items():
        if text := key_error(key.lower()):
            errors.append(invalid("metadata.annotations", key, text))
        size += len(key) + len(value.encode())
    if size > MOST_ANNOTATION_BYTES:
        detail = f"may not be more than {MOST_ANNOTATION_BYTES} bytes"
        errors.append(FieldError("FieldValueTooLong", "metadata.annotations", detail))
    return errors + _owner_errors(meta) + _finalizer_errors(meta, built_in)


def key_error(key: str) -> str:
    """Return what is wrong with a label's or annotation's key, "" if nothing is."""
    prefix, slash, name = key.rpartition("/")
    if slash and not prefix:
        return "prefix part must be non-empty"
    if "/" in prefix:
        return "a valid label key must consist of a prefix and a name, separated by one slash: " + QUALIFIED_TEXT
    if prefix and not SUBDOMAIN.match(prefix):
        return "prefix part " + SUBDOMAIN_TEXT
    if not name:
        return "name part must be non-empty; " + QUALIFIED_TEXT
    if len(name) > 63:
        return "name part must be no more than 63 bytes"
    return "" if QUALIFIED.match(name) else QUALIFIED_TEXT


def _owner_errors(meta: Mapping[str, Any]) -> list[FieldError]:
    errors: list[FieldError] = []
    controllers = []
    for owner in meta.get("ownerReferences") or ():
        for name, text in (
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ):
            if not owner.get(name):
                errors.append(invalid(f"metadata.ownerReferences.{name}", owner.get(name) or "", text))
        if owner.get("controller"):
            controllers.append(owner)
    if len(controllers) > 1:
        names = " and ".join(f"{it.get('name')}" for it in controllers[:2])
        detail = f'Only one reference can have Controller set to true. Found "true" in references for {names}'
        errors.append(invalid("metadata.ownerReferences", list(meta["ownerReferences"]), detail))
    return errors


def _finalizer_errors(meta: Mapping[str, Any], built_in: bool) -> list[FieldError]:
    """Names without a domain are kept for the server's own only in built-in kinds (Flux's finalizer has none)."""
    errors = []
    finalizers = list(meta.get("finalizers") or ())
    for index, name in enumerate(finalizers):
        path = f"metadata.finalizers[{index}]"
        if built_in and "/" not in name and name not in STANDARD_FINALIZERS:
            detail = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(invalid(path, name, detail))
        elif text := key_error(name):
            errors.append(invalid(path, name, text))
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        detail = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(invalid("metadata.finalizers", finalizers, detail))
    return errors


def immutable_errors(new: Mapping[str, Any], old: Mapping[str, Any]) -> list[FieldError]:
    """Return what an update of the metadata may not change."""
    errors: list[FieldError] = []
    if old.get("deletionTimestamp"):
        added = sorted(set(new.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if added:
            listed = ", ".join(f'"{it}"' for it in added)
            detail = (
                "no new finalizers can be added if the object is being deleted, found new finalizers "
                f"[]string{{{listed}}}"
            )
            errors.append(forbidden_field("metadata.finalizers", detail))
    return errors


def name_required() -> FieldError:
    return required("metadata.name", "name or generateName is required")
