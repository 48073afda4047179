"""Forty clusters of which ten are black holes: does the sync of the other thirty take any longer than alone?

Half of the holes take connections and never say a word, half drop what is sent to them.
"""

from __future__ import annotations

import contextlib
import socket
import statistics
from collections.abc import Iterator
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.kubernetes.client import child, serving

GOOD, HOLES = 30, 10
PODS = 500  # in each of the good ones, beside four other kinds
PAIRS = 11


def measure(folder: Path) -> Iterator[Figure]:
    """Yield time and CPU beside holes as a share of those alone: the median of pairs of runs, one after the other.

    Both runs of a pair meet the same machine, and take turns at being first. What others on it do shows in the wall
    time, hardly in the CPU time.
    """
    with serving("plain", PODS) as told, holes() as dead:
        good = ",".join(f"http://127.0.0.1:{told['port']}/c{number}" for number in range(GOOD))
        child("fleet", good, "")  # the server makes its answers
        alone: list[dict[str, float]] = []
        beside: list[dict[str, float]] = []
        for number in range(PAIRS):
            for holed in (number % 2 == 0, number % 2 == 1):
                (beside if holed else alone).append(child("fleet", good, ",".join(dead) if holed else ""))
    for what, name in (("seconds", "sync"), ("cpu", "CPU of the sync")):
        share = statistics.median(two[what] / one[what] for one, two in zip(alone, beside, strict=True)) * 100
        least = [min(run[what] for run in runs) for runs in (alone, beside)]
        note = f"at best {least[0]:.2f} s alone, {least[1]:.2f} s beside {HOLES} black holes"
        yield Figure(f"{name} of 30 clusters beside 10 black holes", 105, share, "%", note, "kubernetes")


@contextlib.contextmanager
def holes() -> Iterator[list[str]]:
    """Give the URLs of servers that never answer."""
    with contextlib.ExitStack() as stack:
        urls = []
        for number in range(HOLES):
            listening = stack.enter_context(socket.socket())
            listening.bind(("127.0.0.1", 0))
            full = number % 2 == 1
            listening.listen(0 if full else 100)
            for _ in range(4 if full else 0):  # its queue is full now: the kernel drops who else would connect
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listening.getsockname())
            urls.append(f"http://127.0.0.1:{listening.getsockname()[1]}")
        yield urls
