"""How answers are printed: aligned columns for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click
import msgspec


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], header: bool = True) -> None:
    """Print rows under upper-case column names, aligned, two or more spaces apart."""
    cells = [[str(cell) for cell in row] for row in rows]
    if header:
        cells.insert(0, [column.upper() for column in columns])
    widths = [max((len(row[index]) for row in cells), default=0) for index in range(len(columns))]
    for row in cells:
        click.echo("   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def age(since: str, now: datetime) -> str:
    """Return how long ago an RFC 3339 time was, as kubectl writes it (45s, 12m, 3h, 8d); "" for no time."""
    if not since:
        return ""
    seconds = max(0, int((now - datetime.fromisoformat(since)).total_seconds()))
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "m"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds // unit}{name}"
    return f"{seconds // 86400}d"
