"""How much memory the demo takes: the proportional set size of all its processes, where the system tells it (Linux)."""

from __future__ import annotations

import os
from pathlib import Path

PROC = Path("/proc")


def family(root: int) -> list[int]:
    """Return the process `root` and all that descend from it; empty where there is no /proc."""
    parents: dict[int, list[int]] = {}
    for folder in PROC.glob("[0-9]*"):
        try:
            # The name, in parentheses, may hold anything; the parent is the second field behind it.
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        parents.setdefault(parent, []).append(int(folder.name))
    found, waiting = [], [root] if parents else []
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting += parents.get(pid, [])
    return sorted(found)


def proportional_bytes(root: int | None = None) -> int:
    """Return the sum of proportional set sizes of `root` (this process) and its descendants; 0 if unknown."""
    total = 0
    for pid in family(root or os.getpid()):
        try:
            text = (PROC / str(pid) / "smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:"))
    return total
