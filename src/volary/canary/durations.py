"""Durations and numbers as Go writes and reads them: they stand in specs, queries and messages."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "us": 0.000001, "µs": 0.000001, "ns": 0.000000001}
PIECE = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|us|µs|ns)")


def parse_duration(text: str) -> timedelta | None:
    """Return a duration such as 1m30s, or None if the text is not one."""
    pieces = PIECE.findall(text)
    if not pieces or "".join(number + unit for number, unit in pieces) != text:
        return None
    return timedelta(seconds=sum(float(number) * UNITS[unit] for number, unit in pieces))


def go_duration(duration: timedelta) -> str:
    """Return a duration as Go prints it: 0s, 500ms, 1.515s, 1m30.5s."""
    micros = duration // timedelta(microseconds=1)
    if micros < 0:
        return f"-{go_duration(-duration)}"
    if micros == 0:
        return "0s"
    if micros < 1_000:
        return f"{micros}µs"
    if micros < 1_000_000:
        return f"{plain(Decimal(micros) / 1_000)}ms"
    minutes, rest = divmod(Decimal(micros) / 1_000_000, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{plain(rest)}s"
    if hours:
        return f"{int(hours)}h{int(minutes)}m{text}"
    return f"{int(minutes)}m{text}" if minutes else text


def go_float(value: float) -> str:
    """Return a number as Go's %v prints it: 99, 0.5, 1e+06."""
    _, digits, exponent = Decimal(repr(float(value))).normalize().as_tuple()
    assert isinstance(exponent, int), "not a number has no place in a message"
    size = len(digits) + exponent - 1  # the exponent in scientific notation
    if value == 0 or -4 <= size < 6:
        return plain(Decimal(repr(float(value))))
    mantissa = str(digits[0]) + ("." + "".join(map(str, digits[1:])) if len(digits) > 1 else "")
    sign = "-" if value < 0 else ""
    return f"{sign}{mantissa}e{'+' if size >= 0 else '-'}{abs(size):02d}"


def plain(number: Decimal) -> str:
    """Return a number without exponent and without needless zeros."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
