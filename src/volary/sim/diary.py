"""What happened in a simulation, one line each: what each pass decided, and what people would have seen.

The same seed gives the same bytes, so a diary is a golden file, and two of them can be compared.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from volary.demo.story import Observation, Story

PROGRAM = logging.getLogger("volary")
DECISIONS = logging.getLogger("volary.runtime.controller")
ROUTINE = ("asking the repository", "up to date at ")  # at every interval of a source, and of no interest
ABOUT = ("controller", "cluster", "kind", "key", "error")
SHOWN = ("act", "event", "weight", "phase", "verdict", "hold")


class Diary(logging.Handler):
    """Collects lines of the form `SECONDS  WHERE  TEXT`."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(logging.DEBUG)
        self.now = now
        self.lines: list[str] = []
        self.bugs: list[str] = []  # what our program itself calls a bug

    def write(self, where: str, text: str) -> None:
        self.lines.append(f"{self.now():9.2f}  {where:<26}  {text}")

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line of our program's own log."""
        fields = vars(record)
        if "because" in fields and not fields["because"].startswith(ROUTINE):
            self.write(fields["controller"], fields["because"])
        if record.levelno >= logging.WARNING:
            about = " ".join(f"{key}={fields[key]}" for key in ABOUT if key in fields)
            self.write(record.levelname.lower(), f"{record.getMessage()} {about}")
        if record.exc_info:
            trace = "".join(traceback.format_exception(record.exc_info[1]))
            self.bugs.append(f"{self.now():.2f} s: {record.getMessage()}: {trace}")

    def hear(self, seen: Observation) -> None:
        """Take what the demo's observers saw."""
        if seen.type in SHOWN:
            self.write(seen.cluster or "story", sentence(seen))

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)


def sentence(seen: Observation) -> str:
    """Return an observation in words."""
    it = seen.details
    match seen.type:
        case "act":
            return f"act {it['n']}: {it['title']}"
        case "event":
            return f"  {it['kind']} {it['about']}: {it['message']}"
        case "weight":
            return f"  weights {it['primary']}/{it['canary']}"
        case "phase":
            return f"  phase {it['phase']}, weight {it['weight']}, failed checks {it['failed_checks']}"
        case "hold":
            return f"  hold of {it['run']}: {it['reason']}: {it['message']}"
    return f"  run {it['run']}: {it['phase']}: {it['summary']}"


@contextmanager
def keeping(diary: Diary, story: Story) -> Iterator[Diary]:
    """Write a diary of everything that goes on."""
    story.listeners.append(diary.hear)
    level, spread = DECISIONS.level, PROGRAM.propagate
    DECISIONS.setLevel(logging.DEBUG)
    PROGRAM.propagate = False  # it is all in the diary
    PROGRAM.addHandler(diary)
    try:
        yield diary
    finally:
        PROGRAM.removeHandler(diary)
        PROGRAM.propagate = spread
        DECISIONS.setLevel(level)
        story.listeners.remove(diary.hear)
