"""Why a reconcile did not finish.

* Unfinished
  - TryAgain    the world is in the way (timeout, 409, 429, 5xx): back off, ask again
  - Stalled     only a person can help (bad spec, 403): say so once, wait for an edit, look again every ten minutes
* anything else is a bug in this program: the controller that runs the pass logs the traceback and backs off that key
"""

from __future__ import annotations

from datetime import timedelta

from volary.kube.errors import ApiError, Forbidden, Invalid, KubeError, Unauthorized


class Unfinished(Exception):
    """Base of the two below; its text is shown to users."""


class TryAgain(Unfinished):
    """Not now; nothing is wrong with what the user wrote."""

    def __init__(self, message: str, after: timedelta | None = None) -> None:
        super().__init__(message)
        self.after = after  # the server's own wish (Retry-After); None: our backoff


class Stalled(Unfinished):
    """Not before somebody mends something."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason  # CamelCase, becomes the condition's reason


def from_kube(error: KubeError) -> Unfinished:
    """Return what an API error means for a pass: a person's job for 401, 403, 422 and 400, else try again."""
    match error:
        case Forbidden():
            return Stalled("Forbidden", str(error))
        case Unauthorized():
            return Stalled("Unauthorized", str(error))
        case Invalid():
            return Stalled("Invalid", str(error))
        case ApiError() if error.code == 400:
            return Stalled("BadRequest", str(error))
        case ApiError():
            return TryAgain(str(error), error.after)
        case _:
            return TryAgain(str(error))


def backoff(failures: int, fastest: timedelta, slowest: timedelta) -> timedelta:
    """Return `fastest`, doubled for each failure after the first, at most `slowest`. Jitter is the queue's."""
    return min(slowest, fastest * (1 << min(failures - 1, 20)))
