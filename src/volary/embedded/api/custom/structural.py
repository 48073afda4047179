"""A custom resource against its structural schema: every error, in the server's words.

Source: apiextensions-apiserver, apiserver/validation; the texts are kube-openapi's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from volary.embedded.api.custom import formats
from volary.embedded.api.custom.ratcheting import NEW, Past
from volary.embedded.api.encoding import encode
from volary.embedded.api.errors import FieldError, invalid, required, unsupported
from volary.embedded.api.schema import Node
from volary.embedded.api.text.go_regex import pattern

Raw = Mapping[str, Any]
Errors = list[FieldError]


EXACT = 2**53  # below it a number of JSON is exact
WHOLE = "<nil>"  # the field of what is said of several schemas together, and of ranges


def validate(value: Any, node: Node, path: str = "", past: Past = NEW) -> Errors:
    """Return what is wrong with `value`, in a fixed order, without what an update leaves as it was."""
    errors: Errors = []
    _value(value, node, path, errors, past)
    if path:
        return [replace(it, field=path) if it.field == WHOLE else it for it in errors]
    return errors


def _value(value: Any, node: Node, path: str, errors: Errors, past: Past) -> None:
    before = len(errors)
    _checked(value, node, path, errors, past)
    if len(errors) > before and past.same:
        del errors[before:]


def _checked(value: Any, node: Node, path: str, errors: Errors, past: Past) -> None:
    if value is None:
        if not node.nullable and node.type:
            errors.append(_wrong_type(path, node.type, None))
        return
    if not _type_fits(value, node):
        errors.append(_mistyped(value, node, path))
        if isinstance(value, float) and node.type in ("integer", "number"):
            _range(value, node.raw, path, errors)
        return
    rules(value, node.raw, path, errors)
    if isinstance(value, dict):
        _fields(value, node, path, errors, past)
        _required(value, node.raw, path, errors)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _value(item, node.elem, f"{path}[{index}]", errors, past.item(item, node))


def _mistyped(value: Any, node: Node, path: str) -> FieldError:
    """Return the error for a value of another type; of numbers a format takes the type's place."""
    form = str(node.raw.get("format") or "")
    if node.int_or_string:
        return _wrong_type(path, "integer,string", value)
    if not form or not formats.known(form, node.type) or isinstance(value, str | list):
        return _wrong_type(path, node.type, value)
    kind = "" if isinstance(value, bool | dict) else "int64" if isinstance(value, int) else "float64"
    return FieldError("FieldValueTypeInvalid", path, f'{path} in body must be of type {form}: "{kind}"', kind)


def _fields(value: dict[str, Any], node: Node, path: str, errors: Errors, past: Past) -> None:
    for name in sorted(value):
        child = node.field(name)
        if child is None and node.has_values:
            child = node.elem
        # An embedded object's metadata is checked as metadata, not as part of the schema.
        if child is not None and not (name == "metadata" and (not path or node.embedded)):
            _value(value[name], child, f"{path}.{name}" if path else name, errors, past.field(name, child))


def _required(value: dict[str, Any], raw: Raw, path: str, errors: Errors) -> None:
    for name in raw.get("required") or ():
        if name not in value:
            errors.append(required(f"{path}.{name}" if path else name))


def rules(value: Any, raw: Raw, path: str, errors: Errors) -> None:
    """Note each rule of one schema that `value` breaks, without its type, its children and its required fields."""
    _junctions(value, raw, path, errors)
    if isinstance(value, str):
        _string(value, raw, path, errors)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        _number(value, raw, path, errors)
    elif isinstance(value, list):
        _count(value, raw, path, errors, "Items", "items")
    if raw.get("enum") and value not in raw["enum"]:
        known = [it if isinstance(it, str) else encode(it).decode() for it in raw["enum"]]
        errors.append(unsupported(path, value, known))
    if isinstance(value, dict):
        _count(value, raw, path, errors, "Properties", "properties")


def _string(value: str, raw: Raw, path: str, errors: Errors) -> None:
    if "maxLength" in raw and len(value) > raw["maxLength"]:
        errors.append(FieldError("FieldValueTooLong", path, f"may not be more than {raw['maxLength']} bytes"))
    if "minLength" in raw and len(value) < raw["minLength"]:
        errors.append(invalid(path, value, f"{path} in body should be at least {raw['minLength']} chars long"))
    if "pattern" in raw and not pattern(str(raw["pattern"])).search(value):
        errors.append(invalid(path, value, f"{path} in body should match '{raw['pattern']}'"))
    form = str(raw.get("format") or "")
    if form and formats.known(form, str(raw.get("type") or "")) and not formats.fits(form, value):
        detail = f'{path} in body must be of type {form}: "{value}"'
        errors.append(FieldError("FieldValueTypeInvalid", path, detail, value))


LARGEST = {"int32": 2**31 - 1, "int64": 2**63 - 1, "float": 3.4028234663852886e38}


def _range(value: float, raw: Raw, path: str, errors: Errors) -> None:
    """Note a number that its format cannot hold, and one that should be whole."""
    kind, form = str(raw.get("type") or ""), str(raw.get("format") or "")
    most = LARGEST.get(form, LARGEST["int64"] if kind == "integer" else float("inf"))
    broken = isinstance(value, float) and kind == "integer" and not value.is_integer()
    if broken or not -most - (kind == "integer") <= value <= most:
        told = f"with format {form}" if form else "(default format)"
        errors.append(invalid(WHOLE, "", f"Checked value must be of type {kind} {told} in {path}"))


def _number(value: float, raw: Raw, path: str, errors: Errors) -> None:
    if raw.get("type") in ("integer", "number"):
        _range(value, raw, path, errors)
    if "maximum" in raw:
        open_end = bool(raw.get("exclusiveMaximum"))
        if value > raw["maximum"] or (open_end and value == raw["maximum"]):
            bound = "less than" if open_end else "less than or equal to"
            errors.append(invalid(path, value, f"{path} in body should be {bound} {raw['maximum']}"))
    if "minimum" in raw:
        open_end = bool(raw.get("exclusiveMinimum"))
        if value < raw["minimum"] or (open_end and value == raw["minimum"]):
            bound = "greater than" if open_end else "greater than or equal to"
            errors.append(invalid(path, value, f"{path} in body should be {bound} {raw['minimum']}"))
    if raw.get("multipleOf") and value % raw["multipleOf"]:
        errors.append(invalid(path, value, f"{path} in body should be a multiple of {raw['multipleOf']}"))


def _count(value: Any, raw: Raw, path: str, errors: Errors, rule: str, what: str) -> None:
    most, least = raw.get(f"max{rule}"), raw.get(f"min{rule}")
    if most is not None and len(value) > most:
        detail = f"must have at most {most} {'item' if most == 1 else 'items'}"
        errors.append(FieldError("FieldValueTooMany", path, detail, len(value)))
    if least is not None and len(value) < least:
        errors.append(invalid(path, len(value), f"{path} in body should have at least {least} {what}"))


def _junctions(value: Any, raw: Raw, path: str, errors: Errors) -> None:
    """Note broken allOf, anyOf, oneOf and not; where `x-kubernetes-int-or-string` stands they only repeat it."""
    any_of = raw.get("anyOf")
    if any_of and not raw.get("x-kubernetes-int-or-string"):
        found = [_inner(value, part, path) for part in any_of]
        if all(found):
            errors.append(invalid(WHOLE, "", f'"{path}" must validate at least one schema (anyOf)'))
            errors.extend(found[_likeliest(value, any_of)])
    one_of = raw.get("oneOf")
    if one_of:
        found = [_inner(value, part, path) for part in one_of]
        valid = sum(not it for it in found)
        if valid != 1:
            which = "Found none valid" if not valid else f"Found {valid} valid alternatives"
            text = f'"{path}" must validate one and only one schema (oneOf). {which}'
            errors.append(invalid(WHOLE, "", text))
            if not valid:
                errors.extend(found[_likeliest(value, one_of)])
    broken = [it for it in (_inner(value, part, path) for part in raw.get("allOf") or ()) if it]
    errors.extend(error for it in broken for error in it)
    if broken:
        which = ". None validated" if len(broken) == len(raw["allOf"]) else ""
        errors.append(invalid(WHOLE, "", f'"{path}" must validate all the schemas (allOf){which}'))
    if "not" in raw and not _inner(value, raw["not"], path):
        errors.append(invalid(WHOLE, "", f'"{path}" must not validate the schema (not)'))


def _likeliest(value: Any, parts: list[Raw]) -> int:
    """Return which of several schemas, all broken, is told of: the first of those that say most about the value."""
    said = [_said(value, part) for part in parts]
    return said.index(max(said))


def _said(value: Any, raw: Raw) -> int:
    """Return how much a schema says about a value."""
    below = [part for name in ("allOf", "anyOf", "oneOf") for part in raw.get(name) or ()]
    found = 1 + sum(_said(value, part) for part in below)
    if isinstance(value, dict):
        found += sum(
            _said(value[name], child) for name, child in (raw.get("properties") or {}).items() if name in value
        )
    return found


def _inner(value: Any, raw: Raw, path: str) -> Errors:
    """Return the errors against a schema inside a junction, which has no types of its own."""
    errors: Errors = []
    if raw.get("type") and not _type_fits(value, Node(raw, {})):
        errors.append(_wrong_type(path, str(raw["type"]), value))
        return errors
    rules(value, raw, path, errors)
    if isinstance(value, dict):
        for name, child in sorted((raw.get("properties") or {}).items()):
            if name in value:
                errors.extend(_inner(value[name], child, f"{path}.{name}" if path else name))
        _required(value, raw, path, errors)
    elif isinstance(value, list) and isinstance(raw.get("items"), Mapping):
        for index, item in enumerate(value):
            errors.extend(_inner(item, raw["items"], f"{path}[{index}]"))
    return errors


def _type_fits(value: Any, node: Node) -> bool:
    if node.int_or_string:
        return isinstance(value, int | str) and not isinstance(value, bool)
    kinds: dict[str, Any] = {"string": str, "boolean": bool, "object": dict, "array": list}
    if node.type in kinds:
        return isinstance(value, kinds[node.type])
    if isinstance(value, bool):
        return node.type not in ("integer", "number")
    if node.type == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer() and abs(value) < EXACT)
    if node.type == "number":
        return isinstance(value, int | float)
    return True


def _wrong_type(path: str, wanted: str, value: Any) -> FieldError:
    kind = type_name(value)
    return FieldError("FieldValueTypeInvalid", path, f'{path} in body must be of type {wanted}: "{kind}"', kind)


def type_name(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    names: Iterable[tuple[type, str]] = (
        (str, "string"),
        (int, "integer"),
        (float, "number"),
        (dict, "object"),
        (list, "array"),
    )
    return next((name for kind, name in names if isinstance(value, kind)), "null")
