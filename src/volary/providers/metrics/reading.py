"""What a metrics server can answer instead of a number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NoData:
    """The question was understood, and there is nothing: no traffic, most often."""


class CannotRead(Exception):
    """Measuring failed; nothing is known about the metric. The text never holds a secret."""
