"""How long a Job waits before it replaces a failed pod: 10 s after the first, doubled each time, 10 minutes at most.

Pure. A success starts the count anew.
Source: Kubernetes Job controller (`backoff_utils.go`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from volary.embedded.api.local import Object
from volary.embedded.controllers.objects import condition, meta, parse_time, status_of

FIRST, LONGEST = timedelta(seconds=10), timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Record:
    """The failures since the last success."""

    failures: int = 0
    last: datetime | None = None

    def after(self, succeeded: Sequence[Object], failed: Sequence[Object]) -> Record:
        """Return the record once these pods have ended too."""
        times = sorted(finish_time(pod) for pod in failed)
        if succeeded:
            success = max(finish_time(pod) for pod in succeeded)
            later = [each for each in times if each > success]
            return Record(len(later), later[-1] if later else None)
        return Record(self.failures + len(times), times[-1]) if times else self

    def wait(self, now: datetime) -> float:
        """Return the seconds until a pod may be replaced, 0 for now."""
        return 0.0 if self.last is None else wait_after(self.failures, self.last, now)


def wait_after(failures: int, last: datetime, now: datetime) -> float:
    """Return the seconds that are left of the wait that so many failures cost."""
    if not failures:
        return 0.0
    wait = min(LONGEST, FIRST * (1 << min(failures - 1, 16)))
    return max(0.0, (wait - (now - last)).total_seconds())


def finish_time(pod: Object) -> datetime:
    """Return when a pod ended, or the best that it tells of that."""
    states = [(each.get("state") or {}).get("terminated") for each in status_of(pod).get("containerStatuses") or ()]
    ends = [str(state["finishedAt"]) for state in states if state and state.get("finishedAt")]
    if states and len(ends) == len(states):
        return _latest(ends)
    unready = condition(pod, "Ready")
    if unready is not None and unready["status"] == "False" and unready.get("lastTransitionTime"):
        return parse_time(unready["lastTransitionTime"])
    metadata = meta(pod)
    if metadata.get("deletionTimestamp"):
        grace = timedelta(seconds=int(metadata.get("deletionGracePeriodSeconds") or 0))
        return parse_time(metadata["deletionTimestamp"]) - grace
    return parse_time(metadata["creationTimestamp"])


def _latest(times: Iterable[str]) -> datetime:
    return max(map(parse_time, times))
