"""Which names, labels, annotations and owners an object may have.

Source: apimachinery, api/validation and util/validation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required
from volary.embedded.api.text import forms
from volary.embedded.api.validation.common import annotations_errors, labels_errors

LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?\Z")
SERVICE_LABEL = re.compile(r"[a-z](?:[-a-z0-9]*[a-z0-9])?\Z")
SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\Z")
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
STANDARD_FINALIZERS = ("orphan", "foregroundDeletion", "kubernetes")


def name_form(resource: str) -> forms.Form:
    """Return the form that names of a kind's objects have."""
    if resource in FREE_KINDS:
        return forms.path_segment
    return forms.label if resource in LABEL_KINDS else forms.subdomain


def name_error(resource: str, name: str, generated: bool = False) -> FieldError | None:
    """Return the first thing wrong with an object's name, or with what one is to begin with."""
    found = forms.wrong("metadata.name", name, name_form(resource))
    if generated:
        found = prefix_errors(resource, name)
    return found[0] if found else None


def prefix_errors(resource: str, prefix: str) -> list[FieldError]:
    """Return what is wrong with a generateName, which may end in a dash."""
    whole = prefix[:-2] + "a" if len(prefix) > 1 and prefix.endswith("-") else prefix
    return [invalid("metadata.generateName", prefix, text) for text in name_form(resource)(whole)]


def prefix_segment_errors(meta: Mapping[str, Any]) -> list[FieldError]:
    """Return what keeps a generateName out of a path, which is asked of an update whatever the kind."""
    prefix = meta.get("generateName") or ""
    return [invalid("metadata.generateName", prefix, it) for it in forms.path_segment(prefix)]


def name_errors(resource: str, meta: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with the name and the generateName of an object."""
    errors = prefix_errors(resource, meta["generateName"]) if meta.get("generateName") else []
    return errors + forms.wrong("metadata.name", meta["name"], name_form(resource))


def metadata_errors(meta: Mapping[str, Any], built_in: bool = True) -> list[FieldError]:
    """Return what is wrong with the metadata besides the name."""
    errors = labels_errors(meta.get("labels"), "metadata.labels")
    errors += annotations_errors(meta.get("annotations"), "metadata.annotations")
    return errors + _owner_errors(meta) + _finalizer_errors(meta, built_in)


def changed_metadata_errors(meta: Mapping[str, Any], old: Mapping[str, Any], built_in: bool = True) -> list[FieldError]:
    """Return what is wrong with the metadata of a changed object, without what cannot have changed."""
    errors = immutable_errors(meta, old) + labels_errors(meta.get("labels"), "metadata.labels")
    errors += annotations_errors(meta.get("annotations"), "metadata.annotations") + _owner_errors(meta)
    return errors + (own_finalizer_errors(meta) if built_in else [])


def key_error(key: str) -> str:
    """Return the first thing wrong with a label's or annotation's key, "" if nothing is."""
    return next(iter(forms.key(key)), "")


NOBODYS_OWNER = {("v1", "Event")}


def _owner_errors(meta: Mapping[str, Any]) -> list[FieldError]:
    errors: list[FieldError] = []
    where, first = "metadata.ownerReferences", ""
    for owner in meta.get("ownerReferences") or ():
        version, kind = owner.get("apiVersion") or "", owner.get("kind") or ""
        if not version.rpartition("/")[2] or version.count("/") > 1:
            errors.append(invalid(f"{where}.apiVersion", version, "version must not be empty"))
        missing = [field for field in ("kind", "name", "uid") if not owner.get(field)]
        errors += [invalid(f"{where}.{field}", "", "must not be empty") for field in missing]
        if (version, kind) in NOBODYS_OWNER:
            errors.append(invalid(where, dict(owner), f"/{version}, Kind={kind} is disallowed from being an owner"))
        if owner.get("controller"):
            name = f"{kind}/{owner.get('name') or ''}"
            if first:
                text = f'Found "true" in references for {first} and {name}'
                text = f"Only one reference can have Controller set to true. {text}"
                errors.append(invalid(where, list(meta["ownerReferences"]), text))
            first = first or name
    return errors


def _finalizer_errors(meta: Mapping[str, Any], built_in: bool) -> list[FieldError]:
    """Names without a domain are kept for the server's own only in built-in kinds (Flux's finalizer has none)."""
    errors: list[FieldError] = []
    finalizers = list(meta.get("finalizers") or ())
    for name in finalizers:
        errors += forms.wrong("metadata.finalizers", name, forms.key)
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        detail = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(invalid("metadata.finalizers", finalizers, detail))
    return errors + (own_finalizer_errors(meta) if built_in else [])


def own_finalizer_errors(meta: Mapping[str, Any]) -> list[FieldError]:
    detail = "name is neither a standard finalizer name nor is it fully qualified"
    return [
        invalid(f"metadata.finalizers[{index}]", name, detail)
        for index, name in enumerate(meta.get("finalizers") or ())
        if "/" not in name and name not in STANDARD_FINALIZERS
    ]


KEPT = ("uid", "deletionTimestamp", "deletionGracePeriodSeconds")


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
    changed = [key for key in KEPT if new.get(key) != old.get(key)]
    return errors + [invalid(f"metadata.{key}", new.get(key), "field is immutable") for key in changed]


def name_required() -> FieldError:
    return required("metadata.name", "name or generateName is required")
