"""The demo's repository in memory: the same files, one commit for each release."""

from __future__ import annotations

from importlib.resources import files
from importlib.resources.abc import Traversable

from volary.demo.project import CANARY_FILE, RELEASED_FILE, SUBJECTS, with_interval
from volary.sources.memory import MemoryRepository


class VirtualProject:
    """The repository of the demo's application, and its releases."""

    def __init__(self, repository: MemoryRepository, interval: str = "1s") -> None:
        self.repository = repository
        self.commits: dict[int, str] = {}  # release -> commit
        self.files = dict(tree(files("volary.demo") / "repository"))
        self.files[CANARY_FILE] = with_interval(self.files[CANARY_FILE], interval)

    async def release(self, number: int) -> str:
        """Commit release `number`; return the commit."""
        self.write(RELEASED_FILE, (files("volary.demo") / "releases" / f"{number}.yaml").read_text())
        self.commits[number] = self.push(SUBJECTS[number])
        return self.commits[number]

    def write(self, path: str, text: str) -> None:
        self.files[path] = text

    def push(self, message: str) -> str:
        """Commit the files as they are; return the commit."""
        return self.repository.push(self.files, message=message)


def tree(folder: Traversable, prefix: str = "") -> list[tuple[str, str]]:
    """Return (path, text) of every file below a folder, sorted."""
    found: list[tuple[str, str]] = []
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        path = f"{prefix}{entry.name}"
        found += tree(entry, f"{path}/") if entry.is_dir() else [(path, entry.read_text())]
    return found
