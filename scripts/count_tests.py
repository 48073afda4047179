"""Say how many tests ran, from pytest's JUnit report, and fail when more were skipped than expected.

Usage: count_tests.py REPORT.xml
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
import xml.etree.ElementTree as ElementTree  # our own report, written a moment ago
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ALWAYS = 3  # a Prometheus to compare with, say: nobody has to have one


def most_skipped() -> int:
    """Return how many tests may be skipped on this machine: what it lacks, those tests say and skip."""
    lacking = (
        (shutil.which("kubectl") is None, 60),
        (not (ROOT.parent / "shared" / "real").is_dir(), 60),
        (importlib.util.find_spec("envoy") is None, 40),
        (shutil.which("openssl") is None, 20),
    )
    return ALWAYS + sum(count for lacks, count in lacking if lacks)


def main(path: str) -> int:
    suites = ElementTree.parse(path).getroot().iter("testsuite")
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for suite in suites:
        for name in totals:
            totals[name] += int(suite.get(name, "0"))
    failed = totals["failures"] + totals["errors"]
    passed = totals["tests"] - failed - totals["skipped"]
    print(f"{passed} passed, {failed} failed, {totals['skipped']} skipped")
    if totals["skipped"] > most_skipped():
        print(f"more than {most_skipped()} tests were skipped", file=sys.stderr)
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
