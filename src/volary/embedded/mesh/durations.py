"""Durations as objects spell them ("1m30s", "0.3s", "250ms"), and as Envoy reads them ("90s").

Source: Go time.ParseDuration; protobuf's JSON form of a duration.
"""

from __future__ import annotations

import re
from decimal import Decimal

SECONDS = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def seconds(text: object) -> Decimal | None:
    """Return the duration in seconds, None where `text` is not one."""
    if not isinstance(text, str) or not re.fullmatch(f"({PART.pattern})+", text):
        return None
    return sum((Decimal(number) * SECONDS[unit] for number, unit in PART.findall(text)), Decimal(0))


def envoy_duration(text: object) -> str | None:
    """Return the duration as Envoy's JSON wants it, None where `text` is not one."""
    found = seconds(text)
    if found is None:
        return None
    return f"{found.quantize(Decimal('1e-9')).normalize():f}s"
