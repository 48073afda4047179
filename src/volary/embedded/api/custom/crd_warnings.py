"""What is told of a definition that is taken: formats that nobody checks, and rules that nobody evaluates here.

Source: apiextensions-apiserver, registry/customresourcedefinition/strategy.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from volary.embedded.api.cel import check as cel_check
from volary.embedded.api.cel import expression as cel
from volary.embedded.api.custom import formats

Object = Mapping[str, Any]

NOT_EVALUATED = (
    "{where}: x-kubernetes-validations rules are stored but not evaluated by the embedded API server; "
    "install the extra `cel` (pip install 'volary[cel]')"
)
BELOW_ONE = ("items", "additionalProperties", "not", "additionalItems")
BELOW_MANY = ("properties", "patternProperties", "definitions")
JUNCTIONS = ("allOf", "anyOf", "oneOf")


def warnings(obj: Object, old: Object | None) -> Iterator[str]:
    """Yield the warnings for a definition; of an update only for formats that are new in it."""
    before = set(_formats(old)) if old is not None else set()
    for form in _formats(obj):
        if form not in before:
            yield f'unrecognized format "{form}"'
    for where, schema in _schemas(obj):
        if cel.available():
            yield from cel_check.not_offered(schema, where)
        elif _has_rules(schema):
            yield NOT_EVALUATED.format(where=where)


def _schemas(obj: Object) -> Iterator[tuple[str, Any]]:
    for index, version in enumerate((obj.get("spec") or {}).get("versions") or ()):
        schema = (version.get("schema") or {}).get("openAPIV3Schema")
        if schema is not None:
            yield f"spec.versions[{index}].schema.openAPIV3Schema", schema


def _formats(obj: Object) -> Iterator[str]:
    for _, root in _schemas(obj):
        for schema in _every(root):
            form = schema.get("format")
            if form and not formats.known(str(form), str(schema.get("type") or "")):
                yield str(form)


def _every(schema: Any) -> Iterator[Object]:
    """Yield a schema and all those in it."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    for name in BELOW_ONE:
        for part in schema[name] if isinstance(schema.get(name), list) else (schema.get(name),):
            yield from _every(part)
    for name in JUNCTIONS:
        for part in schema.get(name) or ():
            yield from _every(part)
    for name in BELOW_MANY:
        for part in (schema.get(name) or {}).values():
            yield from _every(part)


def _has_rules(schema: Any) -> bool:
    return any(it.get("x-kubernetes-validations") for it in _every(schema))
