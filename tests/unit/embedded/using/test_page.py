"""The page for people who test controllers: what needs no package of others is run, all of it can be read by Python."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.page import blocks
from volary.embedded.testing import Fault, embedded_cluster

PAGE = Path(__file__).parents[4] / "docs/how-to/test-controllers.md"
FILES = blocks(PAGE)
OTHERS = ("kubernetes", "kopf", "conftest", "test_rollout")
OURS = sorted(name for name, text in FILES.items() if not any(f"from {other}" in text for other in OTHERS))


def test_every_block_is_a_file_that_compiles() -> None:
    assert PAGE.read_text().count("```python") == len(FILES) == 6
    for name, text in FILES.items():
        compile(text, name, "exec")


@pytest.mark.parametrize("name", OURS)
def test_a_block_passes(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(FILES[name])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_options_and_faults_are_all_there() -> None:
    text = PAGE.read_text()
    for option in inspect.signature(embedded_cluster).parameters:
        assert f"| `{option}` |" in text, option
    for fault in Fault:
        assert f"| `Fault.{fault.name}` |" in text, fault
