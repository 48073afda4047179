"""Ages as people read them: 90s, 5m30s, 3h, 2d4h.

Source: apimachinery util/duration, HumanDuration.
"""

from __future__ import annotations

from datetime import UTC, datetime

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400
# (up to, large unit, its letter, small unit or None, its letter): the older, the coarser.
STEPS: tuple[tuple[float, int, str, int | None, str], ...] = (
    (2 * MINUTE, 1, "s", None, ""),
    (10 * MINUTE, MINUTE, "m", 1, "s"),
    (3 * HOUR, MINUTE, "m", None, ""),
    (8 * HOUR, HOUR, "h", MINUTE, "m"),
    (2 * DAY, HOUR, "h", None, ""),
    (8 * DAY, DAY, "d", HOUR, "h"),
    (2 * YEAR, DAY, "d", None, ""),
    (8 * YEAR, YEAR, "y", DAY, "d"),
    (float("inf"), YEAR, "y", None, ""),
)
UNKNOWN = "<unknown>"


def parse_time(text: str) -> datetime:
    """Return an RFC 3339 time as an aware datetime in UTC. Raises: ValueError."""
    return datetime.fromisoformat(text).astimezone(UTC)


def since(moment: object, now: datetime) -> str:
    """Return the time from an RFC 3339 text until now, or <unknown> where there is none."""
    if not isinstance(moment, str) or not moment:
        return UNKNOWN
    try:
        return human((now - parse_time(moment)).total_seconds())
    except ValueError:
        return "<invalid>"


def human(seconds: float) -> str:
    """Return a length of time in at most two units."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    whole = max(whole, 0)
    _, large, letter, small, small_letter = next(step for step in STEPS if whole < step[0])
    rest = whole % large // small if small else 0
    return f"{whole // large}{letter}" + (f"{rest}{small_letter}" if rest else "")
