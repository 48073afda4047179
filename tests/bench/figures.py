"""A figure beside its goal, its peer and the last record; the table of them, and a line of JSON for each."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RECORD = Path(__file__).parent / "record.json"
HEADS = ("figure", "goal", "measured", "", "of the peer", "of the last record")


@dataclass(frozen=True, slots=True)
class Peer:
    """Another program, measured in the same run on the same work."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One row; `measured` None: it could not be measured, and `note` says why."""

    name: str
    goal: float  # at most, or at least where more is better
    measured: float | None
    unit: str = ""
    note: str = ""
    group: str = "story"
    better: str = "less"  # less | more
    peer: Peer | None = None

    @property
    def good(self) -> bool:
        if self.measured is None:
            return False
        return self.measured >= self.goal if self.better == "more" else self.measured <= self.goal

    @property
    def ratio(self) -> float | None:
        """What was measured as a share of the peer's; None without a peer."""
        if self.peer is None or self.measured is None or not self.peer.value:
            return None
        return self.measured / self.peer.value


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


def lines(figures: Iterable[Figure]) -> str:
    """Return one JSON object a line, for programs; `value` is null where nothing was measured."""
    return "".join(json.dumps(as_json(one)) + "\n" for one in figures)


def as_json(one: Figure) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": one.name,
        "group": one.group,
        "value": one.measured,
        "unit": one.unit,
        "goal": one.goal,
        "better": one.better,
    }
    if one.peer:
        found["peer"] = {"name": one.peer.name, "value": one.peer.value, "ratio": one.ratio}
    return found | ({"note": one.note} if one.note else {})


def table(figures: Sequence[Figure]) -> str:
    """Return the rows, aligned; the last columns are the shares of the peer's figure and of the last record."""
    record = last_record().get("figures", {})
    rows = [HEADS, *(row(one, record.get(one.name)) for one in figures)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(HEADS))]
    return "\n".join("   ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip() for cells in rows)


def row(one: Figure, before: float | None) -> tuple[str, ...]:
    shown = f"not measured: {one.note}" if one.measured is None else f"{text(one.measured)} {one.unit}".strip()
    bound = ">= " if one.better == "more" else ""
    beside = f"{one.ratio:.0%} of {one.peer.name}" if one.peer and one.ratio is not None else ""
    share = f"{one.measured / before:.0%}" if one.measured is not None and before else ""
    mark = "ok" if one.good else "NO"
    return one.name, f"{bound}{text(one.goal)} {one.unit}".strip(), shown, mark, beside, share


def text(value: float) -> str:
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:.2f}".rstrip("0").rstrip(".")
