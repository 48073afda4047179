"""Real programs of the image table, started as the node starts them, for one test each."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from volary.embedded.node.addresses import claim_addresses
from volary.embedded.node.local_processes import LocalChild, LocalProcesses
from volary.embedded.node.processes import Command


def command(program: str, folder: Path, host: str, **changes: Any) -> Command:
    fields: dict[str, Any] = {
        "pod": f"test/{program}/main",
        "program": program,
        "arguments": (),
        "env": {"VOLARY_POD": "one", "VOLARY_VERSION": "6.0.0", "VOLARY_NAMESPACE": "test"},
        "host": host,
        "ports": (9898,) if program == "podinfo" else (9090,),
        "folder": folder / "pod",
        "log": folder / "pod" / "main.log",
    }
    fields["env"] = {**fields["env"], **changes.pop("env", {})}
    return Command(**{**fields, **changes})


@asynccontextmanager
async def running(program: str, folder: Path, **changes: Any) -> AsyncIterator[LocalChild]:
    """Start a program and wait until it listens; it is gone afterwards."""
    addresses = claim_addresses(random.Random())
    host = changes.pop("host", addresses.take().host)
    child = LocalProcesses(folder).start(command(program, folder, host, **changes))
    try:
        async with asyncio.timeout(10):
            await child.listening()
        yield child
    finally:
        child.kill()
        await child.wait()
        addresses.close()


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(30):
            await story()

    asyncio.run(limited())
