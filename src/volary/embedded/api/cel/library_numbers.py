"""Quantities and semantic versions in rules.

Source: Kubernetes, apiserver/pkg/cel/library (quantity, semver); github.com/blang/semver.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from volary.embedded.api.cel.functions import Failed, Function, kind_of, made, plain, text_of
from volary.embedded.api.text.quantities import quantity_value
from volary.embedded.api.validation.conform import QUANTITY

LARGEST = 2**63 - 1
VERSION = re.compile(
    r"(?P<release>(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*))"
    r"(?:-(?P<before>[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?\Z"
)


def of_decimal(value: Decimal) -> dict[str, str]:
    return made("quantity", str(value.normalize() + 0))


def quantity(text: str) -> dict[str, str]:
    value = quantity_value(text)
    if value is None:
        raise Failed(QUANTITY)
    return of_decimal(value)


def decimal(value: Any) -> Decimal:
    return Decimal(text_of("quantity", value))


def as_integer(value: Any) -> int:
    found = decimal(value)
    if not is_integer(value):
        raise Failed("cannot convert value to integer")
    return int(found)


def is_integer(value: Any) -> bool:
    found = decimal(value)
    return found == found.to_integral_value() and abs(found) <= LARGEST


def sign(value: Any) -> int:
    found = decimal(value)
    return (found > 0) - (found < 0)


def added(one: Any, other: Any) -> dict[str, str]:
    return of_decimal(decimal(one) + (Decimal(other) if isinstance(other, int) else decimal(other)))


def subtracted(one: Any, other: Any) -> dict[str, str]:
    return of_decimal(decimal(one) - (Decimal(other) if isinstance(other, int) else decimal(other)))


def is_version(text: str, normalize: bool = False) -> bool:
    return bool(VERSION.match(normalized(text) if normalize else text))


def version(text: str, normalize: bool = False) -> dict[str, str]:
    """Return a version without its build, which counts for nothing."""
    found = VERSION.match(normalized(text) if normalize else text)
    if found is None:
        plain_enough = text.count(".") >= 2
        raise Failed("Invalid character(s) found in version" if plain_enough else "No Major.Minor.Patch elements found")
    return made("semver", found["release"] + (f"-{found['before']}" if found["before"] else ""))


def normalized(text: str) -> str:
    """Return a version with three numbers, without zeros and a `v` in front."""
    release, mark, rest = re.match(r"v?([^-+]*)([-+]?)(.*)\Z", text, re.DOTALL).groups()  # type: ignore[union-attr]
    numbers = [re.sub(r"^0+(?=\d)", "", it) for it in release.split(".", 2)]
    return ".".join([*numbers, "0", "0"][: max(3, len(numbers))]) + mark + rest


def number_of(at: int) -> Callable[[Any], int]:
    return lambda value: int(text_of("semver", value).partition("-")[0].split(".")[at])


def rank(text: str) -> tuple[list[int], list[tuple[int, int, str]]]:
    """Return what versions are ordered by; a release comes after all that precede it."""
    release, _, before = text.partition("-")
    parts = [(0, int(it), "") if it.isdigit() else (1, 0, it) for it in before.split(".")] if before else [(2, 0, "")]
    return [int(it) for it in release.split(".")], parts


def compared(one: Any, other: Any) -> int:
    """Return -1, 0 or 1 for two quantities or two versions."""
    if kind_of(one) == "semver":
        left, right = rank(text_of("semver", one)), rank(text_of("semver", other))
        return (left > right) - (left < right)
    return (decimal(one) > decimal(other)) - (decimal(one) < decimal(other))


NUMBERS = (
    plain("quantity", ("string",), "dyn", quantity),
    plain("isQuantity", ("string",), "bool", lambda text: quantity_value(text) is not None),
    Function("sign", ("map",), "int", sign),
    plain("sign", ("map",), "int", sign),
    Function("asApproximateFloat", ("map",), "double", lambda it: float(decimal(it))),
    Function("asInteger", ("map",), "int", as_integer),
    Function("isInteger", ("map",), "bool", is_integer),
    Function("add", ("map", "map"), "dyn", added),
    Function("add", ("map", "int"), "dyn", added),
    Function("sub", ("map", "map"), "dyn", subtracted),
    Function("sub", ("map", "int"), "dyn", subtracted),
    Function("isGreaterThan", ("map", "map"), "bool", lambda one, other: compared(one, other) > 0),
    Function("isLessThan", ("map", "map"), "bool", lambda one, other: compared(one, other) < 0),
    Function("compareTo", ("map", "map"), "int", compared),
    plain("semver", ("string",), "dyn", version),
    plain("semver", ("string", "bool"), "dyn", version),
    plain("isSemver", ("string",), "bool", is_version),
    plain("isSemver", ("string", "bool"), "bool", is_version),
    Function("major", ("map",), "int", number_of(0)),
    Function("minor", ("map",), "int", number_of(1)),
    Function("patch", ("map",), "int", number_of(2)),
)
