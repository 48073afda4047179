"""Runs a program that dies with its parent, also when the parent is killed with -9. A whole program of its own.

    python -IS tether.py PARENT-PID PROGRAM ARGUMENT…

On Linux the kernel is asked to kill it, and the tether becomes the program. Elsewhere the tether stays and watches.

Source: prctl(2), PR_SET_PDEATHSIG.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
LOOK_SECONDS = 0.2


def command(program: list[str]) -> list[str]:
    """Return the command that runs `program` tied to this process."""
    return [sys.executable, "-IS", str(Path(__file__)), str(os.getpid()), *program]


def die_with_parent(parent: int, signal_number: int = signal.SIGKILL) -> bool:
    """Ask the kernel to kill this process when its parent ends; False where it cannot, or the parent is gone."""
    if sys.platform != "linux":
        return False
    asked = ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0) == 0
    return asked and os.getppid() == parent  # it may have ended before the question


def watch(parent: int, program: list[str]) -> int:
    """Run the program and end it when the parent is gone; return its exit status."""
    child = subprocess.Popen(program)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: child.send_signal(number))
    while True:
        try:
            return child.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                child.kill()


def main() -> int:
    parent, program = int(sys.argv[1]), sys.argv[2:]
    if sys.platform != "linux":
        return watch(parent, program)
    if die_with_parent(parent):
        os.execv(program[0], program)  # noqa: S606 (no shell is wanted)
    return 1


if __name__ == "__main__":
    sys.exit(main())
