"""What a CustomResourceDefinition must say.

Inside the server whatever all versions share stands above them (schema, subresources, columns, selectable fields), and
its errors name that place.

Source: apiextensions-apiserver, apis/apiextensions/validation and apis/apiextensions/v1/conversion.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from volary.embedded.api.custom import crd_parts, crd_schema
from volary.embedded.api.errors import FieldError, invalid, required, unsupported
from volary.embedded.api.validation.names import SERVICE_LABEL, SERVICE_TEXT, SUBDOMAIN, SUBDOMAIN_TEXT

Object = Mapping[str, Any]
Errors = list[FieldError]
Found = Iterator[FieldError]

PROTECTED = ("k8s.io", "kubernetes.io")
APPROVAL = "api-approved.kubernetes.io"
SEE = "see https://github.com/kubernetes/enhancements/pull/1111"
# Field of a version -> its name where all versions share it.
SHARED = {
    "subresources": "subresources",
    "schema": "validation",
    "additionalPrinterColumns": "",
    "selectableFields": "",
}


def check(obj: Object, old: Object | None) -> Errors:
    """Return what is wrong with a definition."""
    spec = obj.get("spec") or {}
    errors: Errors = []
    if old is None:
        wanted = f"{(spec.get('names') or {}).get('plural') or ''}.{spec.get('group') or ''}"
        if obj["metadata"]["name"] != wanted:
            errors.append(invalid("metadata.name", obj["metadata"]["name"], 'must be spec.names.plural+"."+spec.group'))
    errors += _spec(spec, old)
    if old is not None:
        errors += _immutable(spec, old)
    status = obj.get("status") or {}
    errors += crd_parts.names(status.get("acceptedNames") or {}, "status.acceptedNames")
    errors += _stored_versions(spec, old)
    errors += _approval(obj, old)
    if spec.get("preserveUnknownFields") and not (old and (old.get("spec") or {}).get("preserveUnknownFields")):
        detail = (
            "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        )
        errors.append(invalid("spec.preserveUnknownFields", True, detail))
    return errors


def check_status(obj: Object) -> Errors:
    """Return what is wrong with the status of a definition."""
    return list(crd_parts.names((obj.get("status") or {}).get("acceptedNames") or {}, "status.acceptedNames"))


def _spec(spec: Object, old: Object | None) -> Found:
    group, versions = str(spec.get("group") or ""), list(spec.get("versions") or ())
    if not group:
        yield required("spec.group")
    elif not SUBDOMAIN.match(group):
        yield invalid("spec.group", group, SUBDOMAIN_TEXT)
    elif "." not in group:
        yield invalid("spec.group", group, "should be a domain with at least one dot")
    if not spec.get("scope"):
        yield required("spec.scope")
    elif spec["scope"] not in ("Cluster", "Namespaced"):
        yield unsupported("spec.scope", spec["scope"], ("Cluster", "Namespaced"))
    shared = {name for name in SHARED if versions and all(it.get(name) == versions[0].get(name) for it in versions)}
    for index, version in enumerate(versions):
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is None:
            yield required(f"spec.versions[{index}].schema.openAPIV3Schema")
    yield from _versions(versions, shared)
    if versions and not SERVICE_LABEL.match(str(versions[0].get("name") or "")):
        yield invalid("spec.version", str(versions[0].get("name") or ""), SERVICE_TEXT)
    yield from _names(spec.get("names") or {})
    first = versions[0] if versions else {}
    with_status = any("status" in (it.get("subresources") or {}) for it in versions)
    yield from _parts(first, "spec", {name: shared_name(name) for name in SHARED if name in shared}, with_status)
    yield from crd_parts.conversion(spec.get("conversion"), "spec.conversion")


def shared_name(name: str) -> str:
    return SHARED[name] or name


def _versions(versions: list[Object], shared: set[str]) -> Found:
    for index, version in enumerate(versions):
        path, name = f"spec.versions[{index}]", str(version.get("name") or "")
        if not SERVICE_LABEL.match(name):
            yield invalid(f"{path}.name", name, SERVICE_TEXT)
        yield from crd_parts.deprecation(version, path)
        own = {it: it for it in SHARED if it not in shared}
        yield from _parts(version, path, own, "status" in (version.get("subresources") or {}))
    shown = _shown(versions) if len(shared) == len(SHARED) else versions
    seen = [str(it.get("name") or "") for it in versions]
    if len(set(seen)) != len(seen):
        yield invalid("spec.versions", shown, "must contain unique version names")
    if sum(bool(it.get("storage")) for it in versions) != 1:
        yield invalid("spec.versions", shown, "must have exactly one version marked as storage version")


def _shown(versions: list[Object]) -> list[Object]:
    """Return versions as a refusal shows them where they share all else: Go's structs, by the names of its fields."""
    return [
        {
            "Name": it.get("name") or "",
            "Served": bool(it.get("served")),
            "Storage": bool(it.get("storage")),
            "Deprecated": bool(it.get("deprecated")),
            "DeprecationWarning": it.get("deprecationWarning"),
            **dict.fromkeys(("Schema", "Subresources", "AdditionalPrinterColumns", "SelectableFields")),
        }
        for it in versions
    ]


def _parts(version: Object, path: str, where: Mapping[str, str], with_status: bool) -> Found:
    """Check those fields of a version that stand at `where` (field -> its name there)."""
    schema = (version.get("schema") or {}).get("openAPIV3Schema")
    if "schema" in where and schema is not None:
        yield from crd_schema.errors(schema, f"{path}.{where['schema']}.openAPIV3Schema", with_status)
    if "subresources" in where:
        yield from crd_parts.subresources(version.get("subresources"), f"{path}.{where['subresources']}")
    if "additionalPrinterColumns" in where:
        yield from crd_parts.columns(version.get("additionalPrinterColumns"), f"{path}.additionalPrinterColumns")
    if "selectableFields" in where:
        yield from crd_parts.selectable(version.get("selectableFields"), schema, f"{path}.selectableFields")


def _names(names: Object) -> Found:
    for field in ("plural", "singular", "kind", "listKind"):
        if not names.get(field):
            yield required(f"spec.names.{field}")
    yield from crd_parts.names(names, "spec.names")


def _immutable(spec: Object, old: Object) -> Found:
    before = old.get("spec") or {}
    if established(old):
        if spec.get("scope") != before.get("scope"):
            yield invalid("spec.scope", spec.get("scope"), "field is immutable")
        yield from _same(spec, before, "kind")
    if spec.get("group") != before.get("group"):
        yield invalid("spec.group", spec.get("group"), "field is immutable")
    yield from _same(spec, before, "plural")


def _same(spec: Object, before: Object, field: str) -> Found:
    now, then = (spec.get("names") or {}).get(field), (before.get("names") or {}).get(field)
    if now != then:
        yield invalid(f"spec.names.{field}", now, "field is immutable")


def established(obj: Object) -> bool:
    """Is the definition served?"""
    found = (obj.get("status") or {}).get("conditions") or ()
    return any(it.get("type") == "Established" and it.get("status") == "True" for it in found)


def stored_versions(obj: Object) -> list[str]:
    """Return the versions that objects may be stored in: those of before, and the one to store in."""
    storage = [it["name"] for it in obj["spec"].get("versions") or () if it.get("storage")]
    return list(dict.fromkeys([*((obj.get("status") or {}).get("storedVersions") or ()), *storage[:1]]))


def _stored_versions(spec: Object, old: Object | None) -> Found:
    status = (old or {}).get("status") or {}
    stored = stored_versions({"spec": spec, "status": status})
    if not stored:
        yield invalid("status.storedVersions", None, "must have at least one stored version")
    versions = [str(it.get("name") or "") for it in spec.get("versions") or ()]
    for at, version in enumerate(spec.get("versions") or ()):
        name = versions[at]
        if version.get("storage") and (name not in stored or name in versions[:at]):
            yield invalid("status.storedVersions", stored, f"must have the storage version {name}")
    for index, name in enumerate(stored):
        if name not in versions:
            detail = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                f"spec.versions until a storage migration ensures no data remains persisted in {name} and removes "
                f"{name} from status.storedVersions"
            )
            yield invalid(f"status.storedVersions[{index}]", name, detail)


def protected(group: str) -> bool:
    """Is it a group of the Kubernetes project?"""
    return any(group == it or group.endswith(f".{it}") for it in PROTECTED)


def approval(obj: Object) -> tuple[str, str]:
    """Return how far a definition of a protected group is approved, and the reason that the server gives."""
    note = str((obj["metadata"].get("annotations") or {}).get(APPROVAL) or "")
    url = urlsplit(note)
    if not note:
        return "missing", f'protected groups must have approval annotation "{APPROVAL}", {SEE}'
    if note.startswith("unapproved"):
        return "bypassed", f'not approved: "{note}"'
    if url.scheme and url.netloc:
        return "approved", f"approved in {note}"
    reason = 'with either a URL or a reason starting with "unapproved"'
    return "invalid", f'protected groups must have approval annotation "{APPROVAL}" {reason}, {SEE}'


def _approval(obj: Object, old: Object | None) -> Found:
    if not protected(str((obj.get("spec") or {}).get("group") or "")):
        return
    state, reason = approval(obj)
    where = f"metadata.annotations[{APPROVAL}]"
    if old is not None and approval(old)[0] == state:
        return
    if state == "missing":
        yield required(where, reason)
    elif state == "invalid":
        yield invalid(where, obj["metadata"]["annotations"][APPROVAL], reason)
