"""The demo's child processes: the clusters, the controllers, the load. Started alike, stopped together.

Each child holds a lifeline (`runtime.lifeline`), so none outlives the demo, even when that is killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from volary.runtime.lifeline import VARIABLE

GRACE_SECONDS = 2.0  # everything is stopped within three seconds of Ctrl-C


class Children:
    """Starts children and remembers them."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.logs.mkdir(parents=True, exist_ok=True)
        self.running: dict[str, asyncio.subprocess.Process] = {}
        self._ours, self._theirs = -1, -1

    async def start(self, name: str, *arguments: str) -> asyncio.subprocess.Process:
        """Start `python -m ARGUMENTS` with its errors in a log file and its output in a pipe."""
        if self._ours < 0:
            self._theirs, self._ours = os.pipe()
        environment = {**os.environ, VARIABLE: str(self._theirs), "PYTHONUNBUFFERED": "1"}
        with (self.logs / f"{name}.log").open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=environment,
                pass_fds=(self._theirs,),
                start_new_session=True,  # Ctrl-C reaches the demo alone, which then stops them in order
                limit=2**20,
            )
        self.running[name] = process
        return process

    def last_words(self, name: str) -> str:
        """Return the last line that a child wrote to its log, or ""."""
        with contextlib.suppress(OSError):
            lines = (self.logs / f"{name}.log").read_text(errors="replace").strip().splitlines()
            return lines[-1].removeprefix("volary: ") if lines else ""
        return ""

    async def stop(self, *names: str) -> None:
        """End children (all, without names): politely, then by force after `GRACE_SECONDS`."""
        ending = [self.running.pop(name) for name in names or list(self.running) if name in self.running]
        for process in ending:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        waiting = [process.wait() for process in ending if process.returncode is None]
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await asyncio.gather(*waiting)
        except TimeoutError:
            for process in ending:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            for process in ending:
                await process.wait()

    def close(self) -> None:
        """Let go of the lifeline: whatever still lives ends now."""
        if self._ours >= 0:
            os.close(self._ours)
            os.close(self._theirs)
            self._ours = self._theirs = -1
