"""Every test that the page for people who test controllers shows is run as it stands there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.page import blocks
from tests.clients.test_clients import PYTHON, ROOT, SECONDS, needs_clients

PAGE = ROOT / "docs/how-to/test-controllers.md"


@pytest.mark.clients
@needs_clients
def test_the_whole_page_passes(tmp_path: Path) -> None:
    found = sorted(PYTHON.parents[1].glob("lib/python*/site-packages"))
    command = [sys.executable, "-m", "tests.clients.page", str(PAGE), str(tmp_path), str(found[0])]
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT, env=environ, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tests = sum(text.count("\ndef test_") for text in blocks(PAGE).values())
    assert f"{tests} passed" in done.stdout
