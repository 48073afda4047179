"""One schema of a definition: structural, with defaults that fit, without what the server does not support.

Source: apiextensions-apiserver, apis/apiextensions/validation (validateCustomResourceDefinitionValidation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from volary.embedded.api.cel import check as cel_check
from volary.embedded.api.custom import default_rules, structural_rules
from volary.embedded.api.custom.list_rules import list_errors
from volary.embedded.api.errors import FieldError, forbidden_field, invalid, unsupported
from volary.embedded.api.registry import definitions
from volary.embedded.api.schema import Node
from volary.embedded.api.validation.conform import WrongType, conform

Raw = Mapping[str, Any]
Errors = list[FieldError]

TYPES = ("array", "boolean", "integer", "number", "object", "string")
HEAD = ("metadata", "kind", "apiVersion")
JUNCTIONS = ("allOf", "oneOf", "anyOf")
PROPS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
UNSUPPORTED = ("id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref")
# With a status subresource the root may say nothing that would be lost for `status` alone.
AT_ROOT = (
    "Description", "Type", "Format", "Title", "Maximum", "ExclusiveMaximum", "Minimum", "ExclusiveMinimum", "MaxLength",
    "MinLength", "Pattern", "MaxItems", "MinItems", "UniqueItems", "MultipleOf", "Required", "Items", "Properties",
    "ExternalDocs", "Example", "XPreserveUnknownFields", "XValidations",
)  # fmt: skip
NOT_AT_ROOT = (
    "id", "$schema", "$ref", "maxProperties", "minProperties", "enum", "allOf", "oneOf", "anyOf", "not", "default",
    "additionalProperties", "patternProperties", "dependencies", "additionalItems", "definitions", "nullable",
    "x-kubernetes-embedded-resource", "x-kubernetes-int-or-string", "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type", "x-kubernetes-map-type",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Around:
    """What the schemas above one say about it."""

    no_defaults: str | None = None  # why no default may stand here
    in_meta: bool = False
    uncorrelated: str = ""  # the path within which no old value can be told
    rules: bool = True  # are rules looked at here? Not inside junctions
    resource: bool = False


def errors(schema: Any, path: str, with_status: bool, known_rules: frozenset[str] = frozenset()) -> Errors:
    """Return what is wrong with a schema; `path` is that of its `openAPIV3Schema`."""
    if why := _malformed(schema, path):
        return [why]
    found: Errors = []
    if with_status and schema.get("type") != "object":
        detail = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
        found.append(invalid(f"{path}.type", schema.get("type") or "", detail))
    elif with_status and any(schema.get(name) for name in NOT_AT_ROOT):
        listed = " ".join(AT_ROOT)
        detail = f"only [{listed}] fields are allowed at the root of the schema if the status subresource is enabled"
        found.append(invalid(path, schema, detail))
    if schema.get("nullable"):
        found.append(forbidden_field(f"{path}.nullable", "nullable cannot be true at the root"))
    ask_rules = False
    if not _has_unsupported(schema):
        wrong = structural_rules.errors(schema, path) or default_rules.errors(schema, path)
        found += wrong
        ask_rules = not wrong
    around = Around(rules=ask_rules, resource=True)
    plain, rules = _walk(schema, path, around, True)
    return found + plain + rules


@cache
def _props() -> Node:
    """Return the schema of schemas."""
    return Node(definitions()[PROPS], definitions(), PROPS)


def _malformed(schema: Any, path: str) -> FieldError | None:
    """Return what is no schema at all, and take out what nobody knows: what follows `items` is not typed above."""
    if not isinstance(schema, dict):
        return invalid(path, schema, "must be a schema")
    try:
        conform(schema, _props())
    except WrongType as error:
        return invalid(path, schema, str(error))
    for child, where in _schemas_in(schema, path):
        if why := _malformed(child, where):
            return why
    return None


def _schemas_in(schema: Raw, path: str) -> Iterator[tuple[Any, str]]:
    """Yield what has the place of a schema right below one."""
    for name in ("properties", "patternProperties", "definitions"):
        yield from ((it, f"{path}.{name}[{key}]") for key, it in (schema.get(name) or {}).items())
    for name in JUNCTIONS:
        yield from ((it, f"{path}.{name}[{index}]") for index, it in enumerate(schema.get(name) or ()))
    for name in ("not", "items", "additionalProperties"):
        child = schema.get(name)
        if child is None or (name == "additionalProperties" and isinstance(child, bool)):
            continue
        if name == "items" and isinstance(child, list):
            yield from ((it, f"{path}.items[{index}]") for index, it in enumerate(child))
        else:
            yield child, f"{path}.{name}"


def _has_unsupported(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        if any(schema.get(name) is not None for name in UNSUPPORTED) or isinstance(schema.get("items"), list):
            return True
        below = [schema.get("items"), schema.get("additionalProperties"), schema.get("not")]
        below += [*(schema.get("properties") or {}).values()]
        below += [it for junction in JUNCTIONS for it in schema.get(junction) or ()]
        return any(_has_unsupported(it) for it in below)
    return False


def _walk(schema: Raw, path: str, around: Around, root: bool = False) -> tuple[Errors, Errors]:
    """Return what is wrong with a schema and those below it: in themselves, and in their rules."""
    plain = [*_supported(schema, path, around)]
    if schema.get("uniqueItems"):
        detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        plain.append(forbidden_field(f"{path}.uniqueItems", detail))
    more = schema.get("additionalProperties")
    if schema.get("properties") and (more is False or isinstance(more, Mapping)):
        detail = "additionalProperties and properties are mutual exclusive"
        plain.append(forbidden_field(f"{path}.additionalProperties", detail))
    rules: Errors = []
    for child, where, inside in _below(schema, path, around, root):
        below, below_rules = _walk(child, where, inside)
        plain += below
        rules += below_rules
    plain += list_errors(schema, path)
    if schema.get("x-kubernetes-validations"):
        plain += cel_check.form_errors(schema, path)
        if not plain and around.rules:
            node = Node(schema, definitions())
            rules += cel_check.rule_errors(node, around.resource, path, around.uncorrelated)
    return plain, rules


def _below(schema: Raw, path: str, around: Around, root: bool) -> Iterator[tuple[Raw, str, Around]]:
    """Yield the schemas right below one."""
    more = schema.get("additionalProperties")
    embedded = bool(schema.get("x-kubernetes-embedded-resource"))
    if isinstance(more, Mapping):
        reason = "inside additionalProperties applying to object metadata" if around.in_meta else around.no_defaults
        yield more, f"{path}.additionalProperties", _inside(replace(around, no_defaults=reason), more)
    for name, child in (schema.get("properties") or {}).items():
        inside = around
        if (root or embedded) and name in HEAD:
            inside = replace(inside, in_meta=True, no_defaults=f"in top-level {name}" if root else inside.no_defaults)
        yield child, f"{path}.properties[{name}]", _inside(inside, child)
    if isinstance(schema.get("not"), Mapping):
        yield schema["not"], f"{path}.not", replace(around, rules=False)
    for junction in JUNCTIONS:
        for index, part in enumerate(schema.get(junction) or ()):
            yield part, f"{path}.{junction}[{index}]", replace(around, rules=False)
    items = schema.get("items")
    if items is not None:
        inside = around
        if schema.get("x-kubernetes-list-type") != "map" and not around.uncorrelated:
            inside = replace(around, uncorrelated=path)
        for at, item in enumerate(items) if isinstance(items, list) else ((-1, items),):
            if isinstance(item, Mapping):
                yield item, f"{path}.items" + (f"[{at}]" if at >= 0 else ""), _inside(inside, item)


def _inside(around: Around, child: Raw) -> Around:
    return replace(around, resource=bool(child.get("x-kubernetes-embedded-resource")))


def _supported(schema: Raw, path: str, around: Around) -> Iterator[FieldError]:
    """Yield what a schema has that the server does not support."""
    kind = schema.get("type") or ""
    if kind and kind not in TYPES:
        yield unsupported(f"{path}.type", kind, TYPES)
    if schema.get("default") is not None and around.no_defaults is not None:
        yield forbidden_field(f"{path}.default", f"must not be set {around.no_defaults}".rstrip())
    for name in UNSUPPORTED:
        if schema.get(name) is not None:
            yield forbidden_field(f"{path}.{name}", f"{name} is not supported")
    if kind == "null":
        yield forbidden_field(f"{path}.type", "type cannot be set to null, use nullable as an alternative")
    if isinstance(schema.get("items"), list):
        yield forbidden_field(f"{path}.items", "items must be a schema object and not an array")
    if around.in_meta and schema.get("x-kubernetes-embedded-resource"):
        yield forbidden_field(f"{path}.x-kubernetes-embedded-resource", "must not be used inside of resource meta")
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        yield invalid(f"{path}.x-kubernetes-preserve-unknown-fields", False, "must be true or undefined")
