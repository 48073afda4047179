"""Say how many tests ran, from pytest's JUnit report, and fail when more were skipped than expected.

Usage: count_tests.py REPORT.xml
"""

from __future__ import annotations

import os
import sys
import xml.etree.ElementTree as ElementTree  # our own report, written a moment ago

# What may be skipped on a machine without kubectl, Envoy's wheel, Go or `../shared/real`; see the reasons it prints.
MOST_SKIPPED = int(os.environ.get("VOLARY_MOST_SKIPPED", "40"))


def main(path: str) -> int:
    suites = ElementTree.parse(path).getroot().iter("testsuite")
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for suite in suites:
        for name in totals:
            totals[name] += int(suite.get(name, "0"))
    failed = totals["failures"] + totals["errors"]
    passed = totals["tests"] - failed - totals["skipped"]
    print(f"{passed} passed, {failed} failed, {totals['skipped']} skipped")
    if totals["skipped"] > MOST_SKIPPED:
        print(f"more than {MOST_SKIPPED} tests were skipped", file=sys.stderr)
        return 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
