"""Starts the demo and sees that it ends: at its end, at Ctrl-C, or when something breaks. Nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from pathlib import Path

from rich.console import Console

from volary.demo.play import Demo
from volary.demo.settings import Settings
from volary.runtime.log import configure
from volary.runtime.scratch import scratch

INTERRUPTED = 130


async def start(settings: Settings) -> int:
    """Play the demo; return its exit status. Ctrl-C, also twice or in the middle, stops everything within 3 s."""
    with contextlib.ExitStack() as stack:
        folder = prepare(settings.folder) if settings.folder else stack.enter_context(scratch("demo"))
        logs = folder / "logs"
        logs.mkdir()
        # The demo's own log goes to a file: the screen belongs to the story.
        configure("json", "warning", stack.enter_context((logs / "demo.log").open("a")))
        return await play_until_told(Demo(settings, Console(highlight=False), folder))


async def play_until_told(demo: Demo) -> int:
    """Play; a signal ends it, and everything with it."""
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(demo.run())

        def interrupt() -> None:
            if not interrupted.is_set():  # a second Ctrl-C must not break the clearing away
                interrupted.set()
                task.cancel()

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, interrupt)
    return INTERRUPTED if task.cancelled() else task.result()


def prepare(folder: Path) -> Path:
    """Return the folder that was asked for, readable by nobody else. Raises: ValueError if there is something in it."""
    folder = folder.resolve()
    if folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"--dir {folder}: there is something in it; name a new or an empty folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder
