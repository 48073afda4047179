"""Figures against their goals and against the last record: `make bench`; `--record` makes them the record.

Wants a machine that does nothing else. Exit status 1 where a figure misses its goal. BENCH_JSON=FILE writes one JSON
object a line as well.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import kept_demo, rolling_update, virtual_release, whole_demo
from tests.bench.figures import Figure, keep, last_record, lines, machine, table


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


def measured_by(package: str) -> dict[str, Callable[[Path], Iterator[Figure]]]:
    """Return what each file of a package measures, by its name."""
    folder = importlib.import_module(f"tests.bench.{package}")
    names = sorted(it.name for it in pkgutil.iter_modules(folder.__path__))
    modules = {name: importlib.import_module(f"tests.bench.{package}.{name}") for name in names}
    return {f"{package}.{name}": module.measure for name, module in modules.items() if hasattr(module, "measure")}


GROUPS = {"story": tuple(PARTS), "kubernetes": tuple(measured_by("kubernetes"))}
PARTS |= measured_by("kubernetes")


def main(words: list[str]) -> int:
    """Measure the parts that were named, else all."""
    wanted = [part for word in words if not word.startswith("-") for part in GROUPS.get(word, (word,))] or list(PARTS)
    if unknown := [word for word in wanted if word not in PARTS]:
        print(f"bench: {', '.join(unknown)} is none; choose from {', '.join([*PARTS, *GROUPS])}")
        return 2
    figures: list[Figure] = []
    for part in wanted:
        print(f"measuring: {part}", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="volary-bench-") as folder:
            figures += PARTS[part](Path(folder))
    print(table(figures))
    if file := os.environ.get("BENCH_JSON"):
        Path(file).write_text(lines(figures), encoding="utf-8")
    if (before := last_record().get("machine")) and before != machine():
        print(f"the last record is of another machine: {before}")
    if "--record" in words:
        keep(figures)
    return 0 if all(one.good for one in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
