"""Reads and writes Prometheus's text format. Pure.

Source: Prometheus "Exposition formats", text-based format 0.0.4.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal

from volary.embedded.metrics.promql.evaluate import NAME, Labels

LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$")
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
ESCAPES = (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"))


def read_text(text: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield (name, labels, value) of every sample; lines that are none are passed over."""
    for line in text.splitlines():
        found = None if line.startswith("#") else LINE.match(line)
        if found:
            labels = {name: unescape(value) for name, value in LABEL.findall(found[2] or "")}
            yield found[1], labels, float(found[3])


def write_text(samples: Iterable[tuple[Labels, float]]) -> str:
    """Return the samples as text, sorted by name and labels."""
    lines = []
    for labels, value in sorted(samples):
        pairs = ",".join(f'{name}="{escape(text)}"' for name, text in labels if name != NAME)
        lines.append(f"{dict(labels)[NAME]}{{{pairs}}} {number_text(value)}\n")
    return "".join(lines)


def number_text(value: float) -> str:
    """Return a number as Prometheus prints it: never with an exponent, infinities signed."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return f"{Decimal(repr(value)):f}".removesuffix(".0")


def escape(text: str) -> str:
    for plain, escaped in ESCAPES:
        text = text.replace(plain, escaped)
    return text


def unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)
