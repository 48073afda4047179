"""A bare repository on disk to push into, made with the real git program."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.com",
}


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@dataclass
class Repository:
    """`bare` is what is served, `work` where commits are made."""

    bare: Path
    work: Path

    def commit(self, files: Mapping[str, str], message: str = "a change", branch: str = "main") -> str:
        """Write files, commit, and bring the branch into the bare repository; return the commit."""
        for name, text in files.items():
            path = self.work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "--allow-empty", "-m", message)
        git(self.work, "push", "-q", "--force", str(self.bare), f"HEAD:refs/heads/{branch}")
        return git(self.work, "rev-parse", "HEAD")


def make_repository(folder: Path, name: str = "app.git") -> Repository:
    repository = Repository(folder / "served" / name, folder / "work")
    repository.work.mkdir(parents=True)
    git(folder, "init", "-q", "--bare", "-b", "main", str(repository.bare))
    git(repository.work, "init", "-q", "-b", "main")
    return repository
