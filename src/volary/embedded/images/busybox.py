"""A stand-in for images that carry a shell: it waits, writes and ends as `shell` reads it."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence

from volary.embedded.images.shell import NotKnown, play, read

LONGEST_NAP = 86400.0  # seconds in one call to the system; an endless wait is many of them
NOBODY_THERE = 1


def main(arguments: Sequence[str]) -> int:
    """Do what the command line says; return its exit code."""
    started()
    try:
        commands = read(arguments)
    except NotKnown as problem:
        print(problem, file=sys.stderr)
        return 127
    playing = play(commands, os.environ)
    while True:
        try:
            step = next(playing)
        except StopIteration as end:
            return int(end.value)
        sys.stdout.write(step.text)
        sys.stdout.flush()
        wait(step.seconds)


def started() -> None:
    """Tell the node that there is nothing more to wait for: this program listens on no port."""
    try:
        os.write(0, b"started\n")
    except OSError:
        pass  # nobody asks: started by hand


def wait(seconds: float) -> None:
    """Wait; end at once when the node that started this program is gone."""
    while seconds > 0:
        nap = min(seconds, LONGEST_NAP)
        readable, _, _ = select.select([0], [], [], nap)
        if readable and not os.read(0, 64):
            sys.exit(NOBODY_THERE)
        seconds -= nap
