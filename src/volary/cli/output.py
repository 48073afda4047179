"""How answers are printed: aligned columns for people, JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import click
import msgspec


class Table:
    """Rows under upper-case column names, aligned; later rows keep to the columns of the first."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = [column.upper() for column in columns]
        self.widths = [len(column) for column in self.columns]

    def print(self, rows: Iterable[Sequence[str]], header: bool = True) -> None:
        """Print rows, three spaces apart."""
        cells = [[str(cell) for cell in row] for row in rows]
        self.widths = [max(width, *(len(row[i]) for row in cells), 0) for i, width in enumerate(self.widths)]
        for row in [self.columns, *cells] if header else cells:
            click.echo("   ".join(cell.ljust(width) for cell, width in zip(row, self.widths)).rstrip())


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a whole table."""
    Table(columns).print(rows)


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def print_json_line(value: Any) -> None:
    """Print a value as one line, for programs that read as it comes."""
    click.echo(msgspec.json.encode(value).decode())


def age(since: str, now: datetime) -> str:
    """Return how long ago an RFC 3339 time was, as kubectl writes it (45s, 12m, 3h, 8d); "" for no time."""
    if not since:
        return ""
    seconds = max(0, int((now - datetime.fromisoformat(since)).total_seconds()))
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "m"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds // unit}{name}"
    return f"{seconds // 86400}d"
