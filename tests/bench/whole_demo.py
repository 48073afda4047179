"""The whole demo once, read from its own trace: times of acts, requests lost, memory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure

DEMO_SECONDS = 400.0
NAMES = ("all five acts", "acts 2 and 3", "requests lost", "memory, proportional")


def measure(folder: Path) -> Iterator[Figure]:
    """Play the demo; yield its figures."""
    trace = folder / "trace.jsonl"
    command = [sys.executable, "-m", "volary", "demo", "--trace", str(trace)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=DEMO_SECONDS)
    seen = [json.loads(line) for line in trace.read_text().splitlines()] if trace.exists() else []
    if ended.returncode or not seen or seen[-1]["type"] != "end":
        why = (ended.stderr or ended.stdout).strip().splitlines()[-1:] or ["no word"]
        yield from (Figure(name, 0, None, note=f"the demo failed: {why[0]}") for name in NAMES)
        return
    yield from of_trace(seen)


def of_trace(seen: list[dict[str, Any]]) -> Iterator[Figure]:
    """Yield the figures that a whole trace holds."""
    begin = {one["n"]: one["t"] for one in seen if one["type"] == "act"}
    end = seen[-1]
    yield Figure(NAMES[0], 120, end["t"], "s")
    yield Figure(NAMES[1], 40, begin[4] - begin[2], "s")
    yield Figure(NAMES[2], 0, end["lost"])
    yield Figure(NAMES[3], 600, end["memory_bytes"] / 1e6, "MB")
