"""A child that must not outlive its parent holds the reading end of a pipe; when that ends, the parent is gone.

Works on every system and after kill -9, since the kernel closes the pipe. The parent passes the descriptor's number
in the environment (`VOLARY_LIFELINE`) and keeps the other end open.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

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
