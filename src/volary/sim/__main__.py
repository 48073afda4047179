"""`make sim`: one seeded random run; prints seed, commit and the last lines; exits 1 on a violation."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from volary.sim.loop import run_virtually
from volary.sim.scenario import play

LAST_LINES = 12


def commit() -> str:
    """Return the commit of this program's source, "unknown" outside of its repository."""
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def main(given: Sequence[str] | None = None) -> int:
    """Play; return 0 if everything held."""
    parser = argparse.ArgumentParser(prog="python -m volary.sim", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=6.0, help="of virtual time, before calm")
    parser.add_argument("--diary", type=Path, help="write every line to this file")
    options = parser.parse_args(given)
    outcome = run_virtually(play(options.seed, options.hours))
    if options.diary:
        options.diary.write_text(outcome.diary.text)
    tail = "\n".join(outcome.diary.lines[-LAST_LINES:])
    sys.stdout.write(f"{tail}\nseed {options.seed}, commit {commit()}: {outcome.story}\n")
    for sentence in outcome.violations:
        sys.stdout.write(f"VIOLATED: {sentence}\n")
    return 1 if outcome.violations else 0


if __name__ == "__main__":
    sys.exit(main())
