"""Starts the demo and sees that it ends: at its end, at Ctrl-C, or when something breaks. Nothing is left behind."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from pathlib import Path

from rich.console import Console

from volary.demo.play import Demo
from volary.demo.settings import Settings

INTERRUPTED = 130


async def start(settings: Settings) -> int:
    """Play the demo; return its exit status. Ctrl-C, also twice or in the middle, stops everything within 3 s."""
    console = Console(highlight=False)
    folder = prepare(settings.folder)
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(Demo(settings, console, folder).run())

            def interrupt() -> None:
                if not interrupted.is_set():  # a second Ctrl-C must not break the clearing away
                    interrupted.set()
                    task.cancel()

            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.add_signal_handler(number, interrupt)
        return INTERRUPTED if task.cancelled() else task.result()
    finally:
        if settings.folder is None:
            shutil.rmtree(folder, ignore_errors=True)


def prepare(folder: Path | None) -> Path:
    """Return a folder for this run, readable by nobody else. Raises: ValueError if there is something in it."""
    if folder is None:
        return Path(tempfile.mkdtemp(prefix="volary-demo-"))
    folder = folder.resolve()
    if folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"--dir {folder}: there is something in it; name a new or an empty folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder
