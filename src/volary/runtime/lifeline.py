"""A child that must not outlive its parent holds the reading end of a pipe; when that ends, the parent is gone.

Works on every system and after kill -9, since the kernel closes the pipe. The parent passes the descriptor's number
in the environment (`VOLARY_LIFELINE`) and keeps the other end open.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Coroutine

VARIABLE = "VOLARY_LIFELINE"


async def parent_gone() -> None:
    """Return when the parent that gave us a lifeline has ended; never, if none did."""
    number = os.environ.get(VARIABLE, "")
    if not number.isdigit():
        await asyncio.Event().wait()
    descriptor = int(number)
    ended = asyncio.Event()

    def readable() -> None:
        with contextlib.suppress(BlockingIOError):
            if not os.read(descriptor, 1):
                ended.set()

    loop = asyncio.get_running_loop()
    os.set_blocking(descriptor, False)
    loop.add_reader(descriptor, readable)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)


@contextlib.asynccontextmanager
async def until_told() -> AsyncIterator[asyncio.TaskGroup]:
    """Give a group for tasks; it is cancelled when a signal (INT, TERM, HUP) comes or the parent is gone."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, told.set)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_end_when(told.wait()))
            group.create_task(_end_when(parent_gone()))
            yield group
    except* Told:
        pass


class Told(Exception):
    """The program was told to end."""


async def _end_when(happens: Coroutine[object, object, object]) -> None:
    """End the group that this runs in, by an error, when something happens."""
    await happens
    raise Told
