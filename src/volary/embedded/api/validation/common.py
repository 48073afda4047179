"""Rules that many kinds share: labels and selectors, counts, templates' metadata.

Source: apimachinery, apis/meta/v1/validation and api/validation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from volary.embedded.api.errors import FieldError, forbidden_field, invalid, required, unsupported
from volary.embedded.api.text import forms

Object = Mapping[str, Any]

IMMUTABLE = "field is immutable"
NEGATIVE = "must be greater than or equal to 0"
NOT_POSITIVE = "must be greater than zero"
MOST_ANNOTATION_BYTES = 256 * 1024


def labels_errors(labels: Mapping[str, str] | None, path: str) -> list[FieldError]:
    """Return what is wrong with labels, or with anything of their form."""
    errors: list[FieldError] = []
    for key, value in (labels or {}).items():
        errors += forms.wrong(path, key, forms.key) + forms.wrong(path, value, forms.label_value)
    return errors


def annotations_errors(annotations: Mapping[str, str] | None, path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    size = 0
    for key, value in (annotations or {}).items():
        errors += [invalid(path, key, it) for it in forms.key(key.lower())]
        size += len(key.encode()) + len(value.encode())
    if size > MOST_ANNOTATION_BYTES:
        errors.append(too_long(path, MOST_ANNOTATION_BYTES))
    return errors


def too_long(path: str, most: int) -> FieldError:
    return FieldError("FieldValueTooLong", path, f"may not be more than {most} bytes")


def too_many(path: str, number: int, most: int) -> FieldError:
    return FieldError("FieldValueTooMany", path, f"must have at most {most} items", number)


OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


def selector_errors(selector: Object | None, path: str) -> list[FieldError]:
    """Return what is wrong with a label selector."""
    if selector is None:
        return []
    errors = labels_errors(selector.get("matchLabels"), f"{path}.matchLabels")
    for index, it in enumerate(selector.get("matchExpressions") or ()):
        where = f"{path}.matchExpressions[{index}]"
        errors += operator_errors(it, where)
        errors += forms.wrong(f"{where}.key", it.get("key") or "", forms.key)
        for number, value in enumerate(it.get("values") or ()):
            errors += forms.wrong(f"{where}.values[{number}]", value, forms.label_value)
    return errors


def operator_errors(expression: Object, path: str) -> list[FieldError]:
    operator, values = expression.get("operator") or "", expression.get("values") or ()
    if operator in ("In", "NotIn"):
        text = "must be specified when `operator` is 'In' or 'NotIn'"
        return [] if values else [required(f"{path}.values", text)]
    if operator in ("Exists", "DoesNotExist"):
        text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
        return [forbidden_field(f"{path}.values", text)] if values else []
    return [invalid(f"{path}.operator", operator, "not a valid selector operator")]


def usable(selector: Object | None) -> bool:
    """Can the selector be asked whether it matches?"""
    if selector is None:
        return True
    return all(
        it.get("operator") in OPERATORS and not operator_errors(it, "") and not forms.key(it.get("key") or "")
        for it in selector.get("matchExpressions") or ()
    ) and not selector_errors(selector, "")


def chooses(selector: Object, labels: Mapping[str, str]) -> bool:
    """Does a usable selector match these labels?"""
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_expression_holds(it, labels) for it in selector.get("matchExpressions") or ())


def _expression_holds(expression: Object, labels: Mapping[str, str]) -> bool:
    key, operator, values = expression["key"], expression["operator"], expression.get("values") or ()
    if operator == "In":
        return labels.get(key) in values
    if operator == "NotIn":
        return labels.get(key) not in values
    return (key in labels) is (operator == "Exists")


def shown_selector(selector: Object | None) -> dict[str, Any] | None:
    """Return a selector with its fields in Go's order, as messages show it."""
    if selector is None:
        return None
    found: dict[str, Any] = {}
    if selector.get("matchLabels"):
        found["matchLabels"] = dict(sorted(selector["matchLabels"].items()))
    expressions = [
        {"key": it.get("key") or "", "operator": it.get("operator") or ""}
        | ({"values": it["values"]} if it.get("values") else {})
        for it in selector.get("matchExpressions") or ()
    ]
    return found | ({"matchExpressions": expressions} if expressions else {})


def is_empty(selector: Object) -> bool:
    return not selector.get("matchLabels") and not selector.get("matchExpressions")


def not_negative(path: str, value: int | None) -> list[FieldError]:
    return [invalid(path, value, NEGATIVE)] if value is not None and value < 0 else []


def counts(spec: Object, path: str, *fields: str) -> list[FieldError]:
    """Return an error for each of these fields that is negative."""
    return [error for it in fields for error in not_negative(f"{path}.{it}", spec.get(it))]


def one_of(path: str, value: str | None, supported: Sequence[str], needed: bool = True) -> list[FieldError]:
    """Return the error of a word that is not among those supported; "" is an error of its own."""
    if value in supported:
        return []
    if not value and needed:
        return [required(path)]
    return [unsupported(path, value or "", supported)]


def unchanged(new: Any, old: Any, path: str) -> list[FieldError]:
    return [] if new == old else [invalid(path, new, IMMUTABLE)]


def repeated(names: Iterable[str]) -> set[int]:
    """Return the places of names that stand there a second time."""
    seen: set[str] = set()
    found: set[int] = set()
    for index, it in enumerate(names):
        if it in seen:
            found.add(index)
        seen.add(it)
    return found
