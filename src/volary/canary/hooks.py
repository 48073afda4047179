"""Webhooks: what is sent, and what an answer means. Pure.

    POST {name, namespace, phase, checksum, metadata}      200, 201, 202: yes      anything else: no, and why

Source: Flagger webhooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from volary.canary.spec import Hook, Progress
from volary.runtime.events import Line, digest
from volary.runtime.http import HttpRequest, HttpResponse

LAST_GOOD_STATUS = 202
FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(seconds=30)
MOST_SHOWN = 1000  # characters of a body in an Event; the API allows 1024 in all
ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


@dataclass(frozen=True, slots=True)
class Call:
    """What a hook is told about."""

    name: str
    namespace: str
    phase: str
    progress: Progress
    id: str  # the same for every attempt at the same question


def hook_request(hook: Hook, call: Call) -> HttpRequest:
    """Return the request of one attempt."""
    body: dict[str, object] = {
        "name": call.name,
        "namespace": call.namespace,
        "phase": call.phase,
        "checksum": trial_checksum(call.progress),
    }
    if hook.metadata:
        body["metadata"] = dict(hook.metadata)
    return post(hook, body, call.id)


def event_request(hook: Hook, call: Call, line: Line, now: datetime) -> HttpRequest:
    """Return the request that tells an event hook of a line."""
    ours = {
        "eventMessage": line.message,
        "eventType": line.type,
        "timestamp": str(int(now.timestamp() * 1000)),
    }
    body = {
        "name": call.name,
        "namespace": call.namespace,
        "phase": call.phase,
        "checksum": trial_checksum(call.progress),
        "metadata": {**hook.metadata, **ours},
    }
    return post(hook, body, call.id)


def post(hook: Hook, body: Mapping[str, object], ident: str) -> HttpRequest:
    headers = {"content-type": "application/json", "idempotency-key": digest(ident, hook.name)}
    return HttpRequest("POST", hook.url, headers, msgspec.json.encode(body), hook.timeout.total_seconds())


def refusal(response: HttpResponse) -> str:
    """Return why a hook said no, or "" if it agreed."""
    if response.status <= LAST_GOOD_STATUS:
        return ""
    text = response.body.decode("utf-8", "replace").strip()
    return text[:MOST_SHOWN] or f"status {response.status}"


def worth_another_try(response: HttpResponse) -> bool:
    """Is this an answer of a server in trouble rather than of the hook?"""
    return response.status == 429 or (response.status >= 500 and response.status != 501)


def wait_before(attempt: int) -> timedelta:
    """Return how long to wait before attempt 1, 2, …, the one after the first being 1."""
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(attempt - 1, 10)))


def gave_up(hook: Hook, attempts: int, cause: str) -> str:
    """Return why a hook could not be asked; what the server said last is kept."""
    text = f"POST {hook.url} giving up after {attempts} attempt(s)"
    return f"{text}: {cause}"[:MOST_SHOWN] if cause else text


def trial_checksum(progress: Progress) -> str:
    """Return the checksum that hooks get: one for each revision with its configuration."""
    return payload_checksum(dict(progress.tracked) if progress.tracked else None, progress.applied)


def payload_checksum(tracked: Mapping[str, str] | None, applied: str) -> str:
    """Return Flagger's checksum: a hash over Go's way to print the two values."""
    shown = "<nil>" if tracked is None else f"map[{' '.join(f'{key}:{tracked[key]}' for key in sorted(tracked))}]"
    text = (
        "(struct { TrackedConfigs *map[string]string; LastAppliedSpec string })"
        f"{{TrackedConfigs:(*map[string]string){shown} LastAppliedSpec:(string){applied}}}"
    )
    return safe_number(fnv32a(text.encode()))


def fnv32a(data: bytes) -> int:
    value = 0x811C9DC5
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def safe_number(number: int) -> str:
    """Return a number in letters that make no words."""
    return "".join(ALPHABET[ord(digit) % len(ALPHABET)] for digit in str(number))
