"""Temporary folders: gone at the end, and those of the dead are cleared away by whoever comes next."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from volary.runtime.scratch import clear_away, scratch


def dead_pid() -> int:
    """Return the id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    return child.pid


def test_the_folder_is_ours_alone_and_gone_at_the_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with scratch("test") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "file").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_what_the_dead_left_is_cleared_away_and_nothing_else(tmp_path: Path) -> None:
    kept = [f"volary-git-{os.getpid()}-abc", "volary-other", "somebody-git-1-abc"]
    for name in (*kept, f"volary-git-{dead_pid()}-abc"):
        (tmp_path / name).mkdir()
    clear_away(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(kept)
