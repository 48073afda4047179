"""Figures against their goals and against the last record: `make bench`; `--record` makes them the record.

Wants a machine that does nothing else. Exit status 1 where a figure misses its goal.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import kept_demo, rolling_update, virtual_release, whole_demo
from tests.bench.figures import Figure, keep, last_record, machine, table


def rolling(_: Path) -> Iterator[Figure]:
    """Yield the requests lost by a rolling update."""
    bad, rollouts, _line = rolling_update.measure()
    note = "" if rollouts else "nothing was rolled out meanwhile"
    yield Figure("lost of 20,000 in a rolling update at 2,000/s", 0, bad if rollouts else None, note=note)


PARTS: dict[str, Callable[[Path], Iterator[Figure]]] = {
    "virtual": lambda _: virtual_release.measure(),
    "demo": whole_demo.measure,
    "kept": kept_demo.measure,
    "rolling": rolling,
}


def main(words: list[str]) -> int:
    """Measure the parts that were named, else all."""
    wanted = [word for word in words if not word.startswith("-")] or list(PARTS)
    if unknown := [word for word in wanted if word not in PARTS]:
        print(f"bench: {', '.join(unknown)} is none; choose from {', '.join(PARTS)}")
        return 2
    figures: list[Figure] = []
    for part in wanted:
        print(f"measuring: {part}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="volary-bench-") as folder:
            figures += PARTS[part](Path(folder))
    print(table(figures))
    if (before := last_record().get("machine")) and before != machine():
        print(f"the last record is of another machine: {before}")
    if "--record" in words:
        keep(figures)
    return 0 if all(one.good for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
