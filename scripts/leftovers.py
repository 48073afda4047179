"""Run a command and fail if it leaves a process, a listening port or a temporary file behind.

Usage: leftovers.py COMMAND [ARGUMENT ...]     (Linux; elsewhere the command is run and nothing is compared)
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORDS = ("volary", "envoy", "podinfo", "loadtester", "http-backend")
GRACE_SECONDS = 3.0  # what was told to end may take this long


def processes() -> dict[str, str]:
    """Return pid -> command line of everything that could be ours."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            text = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if any(word in text for word in WORDS) and "leftovers.py" not in text:
            found[folder.name] = text
    return found


def ports() -> dict[str, str]:
    """Return local address -> "" of every TCP socket that listens."""
    found = {}
    for path in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        if path.exists():
            rows = [line.split() for line in path.read_text().splitlines()[1:]]
            found.update({row[1]: "listening socket" for row in rows if row[3] == "0A"})
    return found


def files() -> dict[str, str]:
    """Return path -> "" of what lies in the temporary folder under one of our names."""
    here = Path(tempfile.gettempdir())
    return {str(path): "file" for path in here.glob("*") if any(word in path.name for word in WORDS)}


def look() -> dict[str, str]:
    return {**processes(), **ports(), **files()}


def main() -> int:
    before = look()
    status = subprocess.call(sys.argv[1:])
    deadline = time.monotonic() + GRACE_SECONDS
    while (left := look().keys() - before.keys()) and time.monotonic() < deadline:
        time.sleep(0.1)
    now = look()
    for key in sorted(left & now.keys()):
        print(f"left behind: {key} {now[key]}", file=sys.stderr)
    return status or (1 if left & now.keys() else 0)


if __name__ == "__main__":
    sys.exit(main())
