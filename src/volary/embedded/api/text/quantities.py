"""Resource quantities: their value, and the one way that the server writes each.

Source: apimachinery, api/resource.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
FORM = re.compile(r"^([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?[0-9]+)?$")


def quantity_value(amount: Any) -> Decimal | None:
    """Return what a quantity amounts to, or None if it is none."""
    found = FORM.match(str(amount))
    if found is None:
        return None
    number, suffix = Decimal(found[1]), found[2] or ""
    if suffix in BINARY:
        return number * Decimal(1024) ** BINARY[suffix]
    if suffix in DECIMAL:
        return number.scaleb(DECIMAL[suffix])
    return number.scaleb(int(suffix[1:]))


def canonical(amount: Any) -> Any:
    """Return the quantity as the server writes it: no fraction, the largest suffix that keeps it whole."""
    value = quantity_value(amount)
    if value is None:
        return amount
    found = FORM.match(str(amount))
    suffix = (found[2] or "") if found else ""
    if suffix in BINARY and (text := _binary(value)):
        return text
    if suffix[:1] in ("e", "E") and len(suffix) > 1:
        return _exponent(value)
    return _decimal(value)


def _binary(value: Decimal) -> str:
    if value != value.to_integral_value():
        return ""
    whole = int(value)
    if abs(whole) < 1024:
        return str(whole)
    for suffix, power in reversed(BINARY.items()):
        if whole % 1024**power == 0:
            return f"{whole // 1024**power}{suffix}"
    return str(whole)


def _decimal(value: Decimal) -> str:
    if value == 0:
        return "0"
    for suffix, power in reversed(DECIMAL.items()):
        scaled = value.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    return f"{int(value.scaleb(9).to_integral_value(rounding='ROUND_UP'))}n"


def _exponent(value: Decimal) -> str:
    for power in (18, 15, 12, 9, 6, 3):
        scaled = value.scaleb(-power)
        if scaled == scaled.to_integral_value():
            return f"{int(scaled)}e{power}"
    return _decimal(value)


def quantity_text(value: Decimal, like: Any) -> str:
    """Return an amount as the server writes it, with suffixes of the sort that another quantity has."""
    found = FORM.match(str(like))
    if found and (found[2] or "") in BINARY and (text := _binary(value)):
        return text
    return _decimal(value)
