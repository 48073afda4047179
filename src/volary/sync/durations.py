"""Durations as Go writes them, which is how every duration in these kinds is spelled. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

UNITS = {"ms": timedelta(milliseconds=1), "s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1)}
PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)")
WHOLE = re.compile(rf"(?:{PART.pattern})+")


def parse_duration(text: str) -> timedelta:
    """Return "1m30s" as a timedelta. Raises: ValueError."""
    if not WHOLE.fullmatch(text):
        raise ValueError(f'"{text}" is not a duration such as 30s or 1m30s')
    return sum((UNITS[unit] * float(number) for number, unit in PART.findall(text)), timedelta())


def format_duration(length: timedelta) -> str:
    """Return a length as Go prints it, to the millisecond: "1m2.5s"."""
    seconds = round(length.total_seconds(), 3)
    if seconds < 1:
        return f"{round(seconds * 1000)}ms" if seconds else "0s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    text = f"{round(seconds, 3):g}s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text
