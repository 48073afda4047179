"""Log lines: a constant message plus key-values from `extra`, as text for people or JSON for machines, on stderr.

No code logs a secret; should one come by all the same (in another's error text, say), it is covered up here, as the
last thing before the line is written.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Literal, TextIO

import msgspec

from volary.kube.objects import format_time
from volary.runtime.clock import Clock, SystemClock

Style = Literal["text", "json"]

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
COVER = "[hidden]"
NAMES = r"token|password|passwd|secret|api[_-]?key|client-key-data|authorization"
SECRET_NAME = re.compile(rf"(?i)(.*[_-])?({NAMES})")
SECRETS = (
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{6,}"),
    re.compile(rf"(?i)(\b(?:{NAMES})[\"']?\s*=\s*[\"']?)[^\s\"',;&]{{3,}}"),
    # After a colon only what looks like one: "cannot read the token: permission denied" is to stay readable.
    re.compile(rf"(?i)(\b(?:{NAMES})[\"']?\s*:\s*[\"']?)[\w.~+/=-]{{16,}}"),
    re.compile(r"(\w+://)[^\s/@:]*:[^\s/@]+(?=@)"),
    re.compile(r"()\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*"),
    re.compile(r"()-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"),
)


def redact(text: str) -> str:
    """Return `text` with everything covered that looks like a credential."""
    for pattern in SECRETS:
        text = pattern.sub(rf"\g<1>{COVER}", text)
    return text


class Formatter(logging.Formatter):
    """One line a record; the time is the given clock's, so that simulated runs log the same bytes."""

    def __init__(self, style: Style, clock: Clock) -> None:
        super().__init__()
        self.style_of_lines = style
        self.clock = clock

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            key: COVER if SECRET_NAME.fullmatch(key) else value
            for key, value in vars(record).items()
            if key not in STANDARD
        }
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        moment = format_time(self.clock.now(), fraction=True)
        if self.style_of_lines == "json":
            return as_json(record, moment, fields, trace)
        pairs = "".join(f" {key}={quoted(value)}" for key, value in fields.items())
        line = redact(f"{moment} {record.levelname:<7} {record.getMessage()}{pairs}")
        return f"{line}\n{redact(trace)}" if trace else line


def as_json(record: logging.LogRecord, moment: str, fields: dict[str, Any], trace: str) -> str:
    line = {"time": moment, "level": record.levelname.lower(), "message": record.getMessage(), "logger": record.name}
    line |= {"trace": trace} if trace else {}
    # Covered value by value: in the finished line a quotation mark is two characters, and patterns would miss.
    covered: dict[str, Any] = {key: redact(value) for key, value in line.items()}
    for key, value in fields.items():
        covered[key] = value if isinstance(value, int | float | bool) else redact(str(value))
    return msgspec.json.encode(covered).decode()


def quoted(value: object) -> str:
    """Return a value for a text line, in quotation marks if it would not be one word."""
    text = str(value)
    return text if re.fullmatch(r"[^\s\"=]+", text) else msgspec.json.encode(text).decode()


def configure(
    style: Style = "text", level: str = "INFO", stream: TextIO | None = None, clock: Clock | None = None
) -> None:
    """Send the log of the whole program to `stream` (stderr); replaces what was configured before."""
    logging.raiseExceptions = False  # a log that cannot be written (full disk, closed pipe) is lost, and nothing else
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(Formatter(style, clock or SystemClock()))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    logging.getLogger("asyncio").setLevel("WARNING")
    logging.getLogger("aiohttp").setLevel("WARNING")
