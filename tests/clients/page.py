"""Runs the tests that a page of the docs shows, each block a file, with the packages that it imports.

`python page.py PAGE FOLDER SITE`: SITE is where the other projects' clients are installed.
"""

from __future__ import annotations

import re
import site
import sys
from pathlib import Path

import pytest

BLOCK = re.compile(r"```python\n# (\w+\.py)\n(.*?)```", re.DOTALL)


def blocks(page: Path) -> dict[str, str]:
    """Return the files that a page shows: name -> text."""
    return dict(BLOCK.findall(page.read_text(encoding="utf-8")))


def main(page: str, folder: str, clients: str) -> int:
    for name, text in blocks(Path(page)).items():
        (Path(folder) / name).write_text(text, encoding="utf-8")
    site.addsitedir(clients)  # behind our own, so that what both have is ours
    return int(pytest.main(["-q", "-p", "no:cacheprovider", "-o", "addopts=", "--rootdir", folder, folder]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
