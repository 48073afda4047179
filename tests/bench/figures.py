"""A figure beside its goal and beside the last record, and the table of them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parent / "record.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One row; `measured` None: it could not be measured, and `note` says why."""

    name: str
    goal: float  # at most
    measured: float | None
    unit: str = ""
    note: str = ""

    @property
    def good(self) -> bool:
        return self.measured is not None and self.measured <= self.goal


def machine() -> dict[str, Any]:
    """Return what figures depend on."""
    return {"cpus": os.cpu_count(), "system": platform.system(), "machine": platform.machine(),
            "python": platform.python_version()}  # fmt: skip


def last_record() -> dict[str, Any]:
    return dict(json.loads(RECORD.read_text())) if RECORD.exists() else {}


def keep(figures: Sequence[Figure]) -> None:
    """Make these the record; what was not measured now keeps its old figure, if that is of this machine."""
    before = last_record()
    old = before.get("figures", {}) if before.get("machine") == machine() else {}
    known = old | {one.name: one.measured for one in figures if one.measured is not None}
    RECORD.write_text(json.dumps({"machine": machine(), "figures": known}, indent=2) + "\n")


def table(figures: Sequence[Figure]) -> str:
    """Return the rows, aligned; the last column is the share of the last record."""
    record = last_record().get("figures", {})
    rows = [("figure", "goal", "measured", "", "of the last record")]
    for one in figures:
        shown = f"not measured: {one.note}" if one.measured is None else f"{text(one.measured)} {one.unit}".strip()
        before = record.get(one.name)
        share = f"{one.measured / before:.0%}" if one.measured is not None and before else ""
        rows.append((one.name, f"{text(one.goal)} {one.unit}".strip(), shown, "ok" if one.good else "NO", share))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join("   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def text(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
