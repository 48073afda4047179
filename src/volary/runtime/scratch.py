"""Temporary folders that do not pile up: each carries its process's id; whoever comes next clears away the dead's."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

NAME = re.compile(r"^volary-[a-z]+-(\d+)-")


@contextlib.contextmanager
def scratch(kind: str) -> Iterator[Path]:
    """Give a new folder (0700) for this process, gone at the end; first remove those that a crash left behind."""
    clear_away(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=f"volary-{kind}-{os.getpid()}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def clear_away(where: Path) -> None:
    """Remove our own folders whose process is gone. Other people's are left alone."""
    for folder in sorted(where.glob("volary-*")):
        match = NAME.match(folder.name)
        with contextlib.suppress(OSError):
            if match and folder.stat().st_uid == os.getuid() and not alive(int(match[1])):
                shutil.rmtree(folder, ignore_errors=True)


def alive(pid: int) -> bool:
    """Is there such a process?"""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
