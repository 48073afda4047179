"""Records of the processes that were started, so that what a crash left behind is ended at the next start.

A record is a file named by process id that holds the time at which that process began: an id alone may by then be
somebody else's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

ON_LINUX = sys.platform == "linux"


def note(folder: Path, pid: int) -> Path:
    """Record a process; delete the file that is returned when it has ended."""
    record = folder / f"{pid}.pid"
    record.write_text(began(pid))
    return record


def clean(folder: Path) -> int:
    """Kill every recorded process that still runs, and drop the records; return how many there were."""
    killed = 0
    for record in sorted(folder.glob("*.pid")):
        pid = int(record.stem) if record.stem.isdigit() else 0
        recorded = record.read_text()
        if pid and recorded and recorded == began(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
        record.unlink(missing_ok=True)
    return killed


def began(pid: int) -> str:
    """Return when a process began, in the system's own words; "" if it is not there."""
    if ON_LINUX:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return ""
        return stat.rpartition(")")[2].split()[19]  # field 22, counted from behind the name, which may hold blanks
    return began_elsewhere(pid)


def began_elsewhere(pid: int) -> str:
    """Return the same on systems without /proc."""
    answer = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=5)
    return answer.stdout.strip()
