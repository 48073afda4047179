"""Durations as Go reads them: `1h30m`, `250ms`, `-1.5s`, and for schemas also `3 days`.

Source: Go, time.ParseDuration; kube-openapi, validation/strfmt/duration.go.
"""

from __future__ import annotations

import re
from datetime import timedelta

PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
WORDS = re.compile(r"((?:\d+|\d*\.\d+)\s*[A-Za-zµ]+\s*)+\Z")
WORD = re.compile(r"(\d*\.?\d+)\s*([A-Za-zµ]+)")
UNITS = {
    "ns": 1e-9, "nano": 1e-9, "us": 1e-6, "µs": 1e-6, "micro": 1e-6, "ms": 1e-3, "milli": 1e-3,
    "s": 1.0, "sec": 1.0, "second": 1.0, "m": 60.0, "min": 60.0, "minute": 60.0,
    "h": 3600.0, "hr": 3600.0, "hour": 3600.0, "d": 86400.0, "day": 86400.0,
    "w": 604800.0, "week": 604800.0, "wk": 604800.0,
}  # fmt: skip


def parse_duration(text: str) -> timedelta | None:
    """Return what a text says, or None where it is no duration."""
    body = text[1:] if text[:1] in ("-", "+") else text
    parts = PART.findall(body)
    if body == "0":
        return timedelta(0)
    if parts and "".join(number + unit for number, unit in parts) == body:
        seconds = sum(float(number) * SECONDS[unit] for number, unit in parts)
        return timedelta(seconds=-seconds if text.startswith("-") else seconds)
    return _in_words(text)


def _in_words(text: str) -> timedelta | None:
    if not WORDS.match(text):
        return None
    seconds = 0.0
    for number, unit in WORD.findall(text):
        factor = UNITS.get(unit.lower()) or UNITS.get(unit.lower().rstrip("s"))
        if factor is None:
            return None
        seconds += float(number) * factor
    return timedelta(seconds=seconds)
