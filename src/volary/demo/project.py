"""The Git side of the demo: a bare repository, a clone to work in, and one commit for each release.

The tree is package data (`repository/`), written in the customary layout; a release replaces one file of it
(`apps/podinfo/release.yaml`) with the one of that number (`releases/`).
"""

from __future__ import annotations

import asyncio
import os
import shutil
from importlib.resources import as_file, files
from pathlib import Path

GIT_SECONDS = 30.0
RELEASED_FILE = "apps/podinfo/release.yaml"
CANARY_FILE = "apps/podinfo/canary.yaml"
SUBJECTS = {
    1: "Install podinfo",
    2: "Release version 2",
    3: "Release version 3",
    4: "Release version 4",
}


class GitFailed(Exception):
    """A git command did not work; the text is git's own last line."""


class Project:
    """The repository of the demo's application."""

    def __init__(self, folder: Path, interval: str) -> None:
        self.bare = folder / "git" / "podinfo.git"
        self.clone = folder / "podinfo"
        self.interval = interval
        self.commits: dict[int, str] = {}  # release -> commit

    async def create(self) -> None:
        """Make the bare repository, empty but for its settings."""
        if shutil.which("git") is None:
            raise GitFailed("git is not installed; the demo needs it (Debian: sudo apt install git)")
        self.bare.parent.mkdir(parents=True, exist_ok=True)
        await git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare))
        await git("config", "http.receivepack", "true", cwd=self.bare)

    async def first_push(self, url: str) -> str:
        """Make the clone with version 1 in it and push it to `url` (credentials included). Return the commit."""
        await git("init", "--quiet", "--initial-branch=main", str(self.clone))
        (self.clone / ".git" / "config").chmod(0o600)
        await git("remote", "add", "origin", url, cwd=self.clone)
        with as_file(files("volary.demo") / "repository") as tree:
            shutil.copytree(tree, self.clone, dirs_exist_ok=True)
        self._set_interval()
        return await self.release(1)

    async def release(self, number: int) -> str:
        """Commit release `number` and push it; return the commit."""
        (self.clone / RELEASED_FILE).write_text((files("volary.demo") / "releases" / f"{number}.yaml").read_text())
        await git("add", "--all", cwd=self.clone)
        await git("commit", "--quiet", "-m", SUBJECTS[number], cwd=self.clone)
        self.commits[number] = (await git("rev-parse", "HEAD", cwd=self.clone)).strip()
        await git("push", "--quiet", "--set-upstream", "origin", "main", cwd=self.clone)
        return self.commits[number]

    def _set_interval(self) -> None:
        """Write the analysis interval that was asked for."""
        path = self.clone / CANARY_FILE
        path.write_text(with_interval(path.read_text(), self.interval))


def with_interval(canary: str, interval: str) -> str:
    """Return the Canary with another analysis interval, and a metric window that it can fill."""
    window = "2s" if interval == "1s" else interval
    text = canary.replace("interval: 1s", f"interval: {interval}")
    return text.replace("interval: 2s", f"interval: {window}").replace("-z 1s", f"-z {interval}")


async def git(*arguments: str, cwd: Path | None = None) -> str:
    """Run git apart from the user's own settings; return what it printed. Raises: GitFailed."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Dev",
        "GIT_AUTHOR_EMAIL": "dev@example.com",
        "GIT_COMMITTER_NAME": "Dev",
        "GIT_COMMITTER_EMAIL": "dev@example.com",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }
    process = await asyncio.create_subprocess_exec(
        "git", *arguments, cwd=cwd, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(GIT_SECONDS):
            out, err = await process.communicate()
    except BaseException:
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    if process.returncode:
        lines = err.decode(errors="replace").strip().splitlines() or [f"exit status {process.returncode}"]
        raise GitFailed(f"git {arguments[0]}: {lines[-1]}")
    return out.decode()
