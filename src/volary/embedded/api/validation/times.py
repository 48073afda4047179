"""Times in a body: read as Go reads them, and written as the server writes them.

Source: Go's time.Parse with the layouts of metav1.Time and metav1.MicroTime; its errors name the rest that did not fit
and the part of the layout that it was held against.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

TIME, MICRO_TIME = "2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05.000000Z07:00"
# The parts of a layout: what it is called in an error, its form, and the range of its number.
PARTS: tuple[tuple[str, str, str, int, int], ...] = (
    ("2006", r"\d{4}", "", 0, 9999),
    ("-", "-", "", 0, 0),
    ("01", r"\d\d", "month", 1, 12),
    ("-", "-", "", 0, 0),
    ("02", r"\d\d", "", 0, 99),  # held against its month in the end
    ("T", "T", "", 0, 0),
    ("15", r"\d\d?", "hour", 0, 23),
    (":", ":", "", 0, 0),
    ("04", r"\d\d", "minute", 0, 59),
    (":", ":", "", 0, 0),
    ("05", r"\d\d", "second", 0, 59),
)
ZONE = re.compile(r"Z|([+-])(\d\d):(\d\d)", re.ASCII)


class BadTime(Exception):
    """A text that is no time; the message is the server's."""


@lru_cache(maxsize=1024)  # the same few times stand in what is written again and again
def parse_time(text: str, micro: bool) -> datetime:
    """Return the time in UTC; `micro`: with six digits after the second. Raises: BadTime."""
    layout = MICRO_TIME if micro else TIME
    rest, numbers = text, []
    for name, form, told, least, most in PARTS:
        found = re.match(form, rest, re.ASCII)
        if found is None:
            raise _bad(text, layout, rest, name)
        rest = rest[found.end() :]
        if form == name:
            continue
        number = int(found[0])
        if not least <= number <= most:
            raise BadTime(f'parsing time "{_quoted(text)}": {told} out of range')
        numbers.append(number)
    fraction, rest = _fraction(text, rest, micro)
    zone = ZONE.match(rest)
    if zone is None:
        raise _bad(text, layout, rest, "Z07:00")
    if zone.end() < len(rest):
        raise BadTime(f'parsing time "{_quoted(text)}": extra text: "{_quoted(rest[zone.end() :])}"')
    offset = timedelta(hours=int(zone[2] or 0), minutes=int(zone[3] or 0)) * (-1 if zone[1] == "-" else 1)
    try:
        year, month, day, hour, minute, second = numbers
        return datetime(year, month, day, hour, minute, second, fraction, timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadTime(f'parsing time "{_quoted(text)}": day out of range') from None


def _fraction(text: str, rest: str, micro: bool) -> tuple[int, str]:
    """Return microseconds, and what comes after them. Raises: BadTime."""
    found = re.match(r"\.\d{6}" if micro else r"[.,]\d+", rest, re.ASCII)
    if found is None:
        if micro:
            raise _bad(text, MICRO_TIME, rest, ".000000")
        return 0, rest
    return int(found[0][1:7].ljust(6, "0")), rest[found.end() :]


def _bad(text: str, layout: str, rest: str, part: str) -> BadTime:
    return BadTime(f'parsing time "{_quoted(text)}" as "{layout}": cannot parse "{_quoted(rest)}" as "{part}"')


def _quoted(text: str) -> str:
    """Return a text with the bytes escaped that are no plain ASCII."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').encode(errors="surrogatepass")
    return "".join(chr(it) if 32 <= it < 128 else f"\\x{it:02x}" for it in plain)


@lru_cache(maxsize=1024)
def written(time: datetime, micro: bool) -> str:
    """Return a time as the server writes it: whole seconds, or six digits, and in UTC."""
    whole = f"{time.year:04d}{time.astimezone(UTC):-%m-%dT%H:%M:%S}"
    return f"{whole}.{time.microsecond:06d}Z" if micro else f"{whole}Z"
