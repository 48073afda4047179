"""What a CustomResourceDefinition must say, and what a structural schema is.

Source: apiextensions-apiserver, apis/apiextensions/validation and schema/validation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required, unsupported
from volary.embedded.api.names import LABEL, SERVICE_LABEL, SERVICE_TEXT, SUBDOMAIN, SUBDOMAIN_TEXT
from volary.embedded.api.structural import pattern

Object = Mapping[str, Any]
Errors = list[FieldError]

PROTECTED = (".k8s.io", ".kubernetes.io")
TYPES = ("array", "boolean", "integer", "number", "object", "string")


def check(obj: Object, old: Object | None) -> Errors:
    """Return what is wrong with a definition."""
    spec = obj.get("spec") or {}
    group, names = str(spec.get("group") or ""), spec.get("names") or {}
    errors: Errors = []
    wanted = f"{names.get('plural') or ''}.{group}"
    if obj["metadata"]["name"] != wanted:
        detail = 'must be spec.names.plural+"."+spec.group'
        errors.append(invalid("metadata.name", obj["metadata"]["name"], detail))
    _group(group, obj, errors)
    if not spec.get("scope"):
        errors.append(required("spec.scope"))
    elif spec["scope"] not in ("Cluster", "Namespaced"):
        errors.append(unsupported("spec.scope", spec["scope"], ("Cluster", "Namespaced")))
    _names(names, errors)
    _versions(spec, errors)
    if (spec.get("conversion") or {}).get("strategy") not in ("None", "Webhook"):
        strategy = (spec.get("conversion") or {}).get("strategy") or ""
        errors.append(unsupported("spec.conversion.strategy", strategy, ("None", "Webhook")))
    if old is not None:
        _immutable(spec, old.get("spec") or {}, errors)
    return errors


def _group(group: str, obj: Object, errors: Errors) -> None:
    if not group:
        errors.append(required("spec.group"))
    elif not SUBDOMAIN.match(group):
        errors.append(invalid("spec.group", group, SUBDOMAIN_TEXT))
    elif "." not in group:
        errors.append(invalid("spec.group", group, "should be a domain with at least one dot"))
    if group.endswith(PROTECTED) and not (obj["metadata"].get("annotations") or {}).get("api-approved.kubernetes.io"):
        detail = (
            'protected groups must have approval annotation "api-approved.kubernetes.io", see '
            "https://github.com/kubernetes/enhancements/pull/1111"
        )
        errors.append(required("metadata.annotations[api-approved.kubernetes.io]", detail))


def _names(names: Object, errors: Errors) -> None:
    for field in ("plural", "singular", "kind", "listKind"):
        name = str(names.get(field) or "")
        path = f"spec.names.{field}"
        if not name:
            errors.append(required(path))
        elif not SERVICE_LABEL.match(name.lower()):
            detail = "may have mixed case, but should otherwise match: " + SERVICE_TEXT
            errors.append(invalid(path, name, detail if field in ("kind", "listKind") else SERVICE_TEXT))
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        errors.append(invalid("spec.names.listKind", names["listKind"], "kind and listKind may not be the same"))


def _versions(spec: Object, errors: Errors) -> None:
    versions = spec.get("versions") or ()
    stored = [it for it in versions if it.get("storage")]
    seen: list[str] = []
    for index, version in enumerate(versions):
        path, name = f"spec.versions[{index}]", str(version.get("name") or "")
        if not LABEL.match(name):
            errors.append(invalid(f"{path}.name", name, SERVICE_TEXT))
        if name in seen:
            errors.append(invalid("spec.versions", list(seen), "must contain unique version names"))
        seen.append(name)
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        # Inside the server a schema that all versions share stands above them; its errors name that place.
        where = f"{path}.schema.openAPIV3Schema"
        shared = "spec.validation.openAPIV3Schema" if len(versions) == 1 else where
        if schema is None:
            errors.append(required(where))
        else:
            _structural(schema, shared, errors, root=True)
    if len(stored) != 1:
        detail = "must have exactly one version marked as storage version"
        errors.append(invalid("spec.versions", list(versions), detail))
    if not stored:
        errors.append(invalid("status.storedVersions", None, "must have at least one stored version"))


def _well_formed(schema: Any, path: str, errors: Errors) -> bool:
    """Note what is no schema at all: parts of one are not typed in the definition's own schema."""
    if not isinstance(schema, Mapping):
        errors.append(invalid(path, schema, "must be a schema"))
        return False
    properties = schema.get("properties")
    if properties is not None and not isinstance(properties, Mapping):
        errors.append(invalid(f"{path}.properties", properties, "must be a map of schemas"))
        return False
    try:
        pattern(str(schema.get("pattern") or ""))
    except re.error as error:
        errors.append(
            invalid(f"{path}.pattern", schema["pattern"], f"must be a valid regular expression, but isn't: {error}")
        )
    return True


def _type(schema: Object, path: str, errors: Errors, root: bool) -> None:
    kind = schema.get("type")
    loose = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if not kind:
        if root or not loose:
            detail = "must not be empty at the root" if root else "must not be empty for specified object fields"
            errors.append(required(f"{path}.type", detail))
    elif kind not in TYPES:
        errors.append(unsupported(f"{path}.type", kind, TYPES))
    elif root and kind != "object":
        errors.append(invalid(f"{path}.type", kind, "must be object at the root"))


def _structural(schema: Object, path: str, errors: Errors, root: bool = False) -> None:
    """Note what keeps a schema from being structural."""
    if not _well_formed(schema, path, errors):
        return
    kind = schema.get("type")
    _type(schema, path, errors, root)
    if schema.get("properties") and isinstance(schema.get("additionalProperties"), Mapping):
        detail = "additionalProperties and properties are mutual exclusive"
        errors.append(forbidden_field(f"{path}.additionalProperties", detail))
    if schema.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(forbidden_field(f"{path}.uniqueItems", detail))
    if kind == "array" and not schema.get("items"):
        errors.append(required(f"{path}.items", "must be specified"))
    for name, child in sorted((schema.get("properties") or {}).items()):
        if not (root and name in ("apiVersion", "kind", "metadata")):
            _structural(child, f"{path}.properties[{name}]", errors)
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), Mapping):
            _structural(schema[name], f"{path}.{name}", errors)


def _immutable(spec: Object, old: Object, errors: Errors) -> None:
    for field in ("group", "scope"):
        if spec.get(field) != old.get(field):
            errors.append(invalid(f"spec.{field}", spec.get(field), "field is immutable"))
    for field in ("plural", "kind"):
        now, before = (spec.get("names") or {}).get(field), (old.get("names") or {}).get(field)
        if now != before:
            errors.append(invalid(f"spec.names.{field}", now, "field is immutable"))
