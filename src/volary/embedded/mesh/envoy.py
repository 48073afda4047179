"""One Envoy process: started, kept up, and gone within a second when it is no longer wanted.

It reads everything from files, so a restarted one serves what the last one served, on the same port: a socket that
only reserves the port is held for as long as the gateway lives.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from volary.embedded.mesh.admin import Admin
from volary.embedded.mesh.bootstrap import bootstrap
from volary.embedded.mesh.tether import command

LONGEST_SOCKET_PATH = 100  # bytes; the limit is 108 on Linux, 104 on macOS
STOP_SECONDS = 0.8
FIRST_RESTART_SECONDS, SLOWEST_RESTART_SECONDS = 0.05, 5.0
START_SECONDS = 15.0
MOST_LOG_BYTES = 1 << 20  # Envoy logs warnings only; a longer log begins anew with the next start
UP = r"^(http\.edge\.rds\.edge\.version_text|listener_manager\.workers_started|listener_manager\.lds\.version_text)$"

log = logging.getLogger(__name__)


class Envoy:
    """The gateway's process. An asynchronous context manager: entered, it serves; left, nothing of it remains."""

    def __init__(self, binary: Path, folder: Path, host: str) -> None:
        self.folder = folder
        self._binary = binary
        self._reserved = reserve(host)
        self.host, self.port = self._reserved.getsockname()
        self._short: tempfile.TemporaryDirectory[str] | None = None
        self.admin = Admin(self._admin_socket())
        self.starts = 0
        self.pid: int | None = None

    def _admin_socket(self) -> Path:
        """Return where the admin socket goes: the state folder, or a folder of ours alone where that is too long."""
        here = self.folder / "admin.sock"
        if len(os.fsencode(here)) <= LONGEST_SOCKET_PATH:
            return here
        self._short = tempfile.TemporaryDirectory(prefix="volary-")  # made for the owner alone (0700)
        return Path(self._short.name) / "admin.sock"

    async def run(self) -> None:
        """Keep Envoy running until cancelled; afterwards it has stopped."""
        boot = self.folder / "bootstrap.json"
        boot.write_text(json.dumps(bootstrap(self.folder, self.admin.socket)))
        pause = FIRST_RESTART_SECONDS
        loop = asyncio.get_running_loop()
        try:
            while True:
                began = loop.time()
                status = await self._once(boot)
                if loop.time() - began > SLOWEST_RESTART_SECONDS:
                    pause = FIRST_RESTART_SECONDS
                log.warning("Envoy ended; starting it again", extra={"status": status, "said": self.last_words()})
                await asyncio.sleep(pause)
                pause = min(pause * 2, SLOWEST_RESTART_SECONDS)
        finally:
            await self.admin.close()

    async def _once(self, boot: Path) -> int:
        """Run Envoy to its end, which is also the end of this call; return its exit status."""
        self.admin.socket.unlink(missing_ok=True)
        flags = ["-c", str(boot), "--concurrency", "1", "--disable-hot-restart", "-l", "warn"]
        keep = self.log_size() < MOST_LOG_BYTES
        with (self.folder / "envoy.log").open("ab" if keep else "wb") as said:
            process = await asyncio.create_subprocess_exec(
                *command([str(self._binary), *flags]),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,  # Ctrl-C in the terminal reaches the server, which then stops it in order
            )
        self.starts, self.pid = self.starts + 1, process.pid
        try:
            return await process.wait()
        finally:
            self.pid = None
            await stop(process)

    async def serving(self) -> bool:
        """Wait until Envoy serves; False if it does not within the time a slow machine needs."""

        def up(stats: Mapping[str, str]) -> bool:
            return stats.get("listener_manager.workers_started") == "1" and all(
                stats.get(name) for name in ("http.edge.rds.edge.version_text", "listener_manager.lds.version_text")
            )

        return await self.admin.until(UP, up, START_SECONDS)

    def last_words(self, since: int = 0) -> str:
        """Return the last line Envoy logged after byte `since`, "" if it said nothing."""
        try:
            said = (self.folder / "envoy.log").read_bytes()[since:].decode(errors="replace").strip()
        except OSError:
            return ""
        return said.splitlines()[-1] if said else ""

    def refusal(self, since: int) -> str:
        """Return why Envoy refused a file, as it logged it after byte `since`."""
        return self.last_words(since).rpartition("rejected: ")[2] or "it gave no reason"

    def log_size(self) -> int:
        """Return how much Envoy has logged, in bytes."""
        path = self.folder / "envoy.log"
        return path.stat().st_size if path.exists() else 0

    def close(self) -> None:
        """Give the port back."""
        self._reserved.close()
        if self._short is not None:
            self._short.cleanup()

    def __enter__(self) -> Envoy:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def reserve(host: str) -> socket.socket:
    """Return a socket that holds a free port without listening: only one that shares it (as Envoy does) may bind."""
    held = socket.socket()
    if hasattr(socket, "SO_REUSEPORT"):
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    held.bind((host, 0))
    return held


async def stop(process: asyncio.subprocess.Process) -> None:
    """End a process of ours: politely, then not."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
