"""The figures of this process that every Prometheus target shows; none where the system does not tell them.

Source: Prometheus client libraries, process metrics.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc/self")


def process_figures() -> Iterator[tuple[str, str, str, float]]:
    """Yield (name, type, what it is, value)."""
    spent = os.times()
    about = "Total user and system CPU time spent in seconds."
    yield "process_cpu_seconds_total", "counter", about, round(spent.user + spent.system, 2)
    with suppress(OSError, ValueError, IndexError):
        size = os.sysconf("SC_PAGE_SIZE")
        whole, resident = (PROC / "statm").read_text().split()[:2]
        yield "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", float(int(resident) * size)
        yield "process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.", float(int(whole) * size)
        yield "process_open_fds", "gauge", "Number of open file descriptors.", float(len(list((PROC / "fd").iterdir())))
