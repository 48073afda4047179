"""The five verdicts and the two that rules return most."""

from __future__ import annotations

from dataclasses import dataclass

CURRENT = "Current"
IN_PROGRESS = "InProgress"
FAILED = "Failed"
TERMINATING = "Terminating"
NOT_FOUND = "NotFound"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one object is, and one sentence why."""

    status: str  # CURRENT | IN_PROGRESS | FAILED | TERMINATING | NOT_FOUND
    message: str = ""


def current(message: str = "") -> Verdict:
    return Verdict(CURRENT, message)


def waiting(message: str) -> Verdict:
    return Verdict(IN_PROGRESS, message)
