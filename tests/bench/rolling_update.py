"""Requests lost while a Deployment is rolled under 2,000 requests/s: 0 of 20,000.

python -m tests.bench.rolling_update
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.unit.embedded.mesh.rolling import Rolling

RATE, COUNT = 2000, 20_000


def measure() -> tuple[int, int, str]:
    """Return (requests lost or failed, rollouts, one line for people)."""
    with tempfile.TemporaryDirectory() as folder:
        rolling = Rolling(Path(folder))
        total = asyncio.run(rolling.run(RATE, COUNT))["total"]
    bad = total["lost"] + total["failed"]
    line = f"rolling update: {bad} of {total['sent']} requests lost at {RATE}/s, {rolling.rolled} rollouts"
    return bad, rolling.rolled, f"{line}, {len(total['pods'])} pods"


def main() -> int:
    bad, rolled, line = measure()
    print(line)
    return 0 if bad == 0 and rolled else 1


if __name__ == "__main__":
    sys.exit(main())
