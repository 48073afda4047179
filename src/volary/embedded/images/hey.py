"""The load generator `hey`, as canaries call it: workers that send requests, each at its own rate, for a while.

Source: hey's own usage text.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from volary.embedded.images.mesh_client import Connection, Request

SWITCHES = {"h2", "disable-keepalive", "disable-compression", "disable-redirects"}
VALUES = {"z", "n", "c", "q", "m", "H", "d", "host", "t", "T", "A", "a", "cpus", "o"}
MOST_WORKERS = 200
LONGEST_SECONDS = 3600.0


@dataclass(slots=True)
class Plan:
    """What one call asks for."""

    request: Request
    workers: int
    requests: int  # in all, where no duration is given
    seconds: float | None
    rate: float | None  # requests a second, for each worker
    timeout: float
    keep: bool


@dataclass(slots=True)
class Tally:
    codes: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    left: int | None = None  # requests that may still be sent


def read_plan(words: Sequence[str]) -> Plan:
    """Return what a command line asks for. Raises: ValueError."""
    options: dict[str, str] = {}
    headers: list[tuple[str, str]] = []
    urls = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name = word.lstrip("-")
        if not word.startswith("-"):
            urls.append(word)
        elif name in SWITCHES:
            options[name] = "true"
        elif name in VALUES and rest:
            value = rest.pop(0)
            options[name] = value
            if name == "H":
                key, _, content = value.partition(":")
                headers.append((key.strip(), content.strip()))
        else:
            raise ValueError(f"hey: option {word!r} is not known here")
    if len(urls) != 1:
        raise ValueError("hey: want one URL")
    if "T" in options:
        headers.append(("content-type", options["T"]))
    body = options.get("d", "").encode()
    request = Request(urls[0], options.get("m", "GET"), headers, body, options.get("host", ""))
    seconds = min(LONGEST_SECONDS, parse_duration(options["z"])) if "z" in options else None
    workers = max(1, min(MOST_WORKERS, int(options.get("c", 50))))
    rate = float(options["q"]) if float(options.get("q", 0)) > 0 else None
    keep = "disable-keepalive" not in options
    return Plan(request, workers, int(options.get("n", 200)), seconds, rate, float(options.get("t", 20)), keep)


def parse_duration(text: str) -> float:
    """Return the seconds of a Go duration ("1m30s"). Raises: ValueError."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"hey: {text!r} is no duration")
    return sum(float(number) * units[unit] for number, unit in parts)


async def hey(words: Sequence[str], env: Mapping[str, str]) -> bytes:
    """Send the load; return the report. Raises: ValueError."""
    plan = read_plan(words)
    loop = asyncio.get_running_loop()
    start = loop.time()
    tally = Tally(left=None if plan.seconds is not None else plan.requests)
    async with asyncio.TaskGroup() as group:
        for _ in range(plan.workers):
            group.create_task(_work(plan, tally, env, start))
    return report(tally, loop.time() - start)


async def _work(plan: Plan, tally: Tally, env: Mapping[str, str], start: float) -> None:
    loop = asyncio.get_running_loop()
    connection = Connection(env)
    sent = 0
    try:
        while True:
            due = start + (sent / plan.rate if plan.rate else 0.0)
            if plan.seconds is not None and max(due, loop.time()) >= start + plan.seconds:
                return
            if tally.left is not None:
                if tally.left <= 0:
                    return
                tally.left -= 1
            await asyncio.sleep(max(0.0, due - loop.time()))
            sent += 1
            await _send(plan, tally, connection)
    finally:
        connection.close()


async def _send(plan: Plan, tally: Tally, connection: Connection) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        async with asyncio.timeout(plan.timeout):
            response = await connection.send(plan.request, plan.keep)
    except OSError as problem:
        connection.close()
        tally.errors[str(problem) or "no answer in time"] += 1
        await asyncio.sleep(0.01)  # an address that refuses must not be asked in a tight loop
    else:
        tally.codes[response.code] += 1
        tally.seconds.append(loop.time() - began)


def report(tally: Tally, seconds: float) -> bytes:
    """Return the summary in hey's form."""
    times = sorted(tally.seconds)
    lines = ["", "Summary:", f"  Total:\t{seconds:.4f} secs"]
    if times:
        lines += [f"  Slowest:\t{times[-1]:.4f} secs", f"  Fastest:\t{times[0]:.4f} secs"]
        lines += [f"  Average:\t{sum(times) / len(times):.4f} secs"]
    lines += [f"  Requests/sec:\t{len(times) / max(seconds, 1e-9):.4f}", "", "Latency distribution:"]
    for percent in (10, 25, 50, 75, 90, 95, 99):
        if times:
            lines.append(f"  {percent}% in {times[min(len(times) - 1, len(times) * percent // 100)]:.4f} secs")
    lines += ["", "Status code distribution:"]
    lines += [f"  [{code}]\t{count} responses" for code, count in sorted(tally.codes.items())]
    if tally.errors:
        lines += ["", "Error distribution:"]
        lines += [f"  [{count}]\t{text}" for text, count in sorted(tally.errors.items())]
    return ("\n".join(lines) + "\n").encode()
