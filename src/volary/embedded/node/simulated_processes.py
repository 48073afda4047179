"""The simulated end of the process seam: children that exist only in the event loop's (virtual) time.

A child listens after `start_seconds`, answers its probes as its own podinfo settings say, and ends when asked. A test
or a simulation makes it fail with `end`. One that runs a command line (`images/shell.py`) ends as that says.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from pathlib import Path

from volary.embedded.images.shell import play, read
from volary.embedded.node.processes import Address, Command

SHELL = "busybox"
SIGTERM_CODE, SIGKILL_CODE = 0, 137
SHELL_SIGTERM_CODE = 143  # a shell does not end politely


class SimulatedChild:
    """A process that is only said to run."""

    def __init__(self, pid: int, command: Command, start_seconds: float, stop_seconds: float) -> None:
        self.pid = pid
        self.command = command
        self.addresses: dict[int, Address] = {port: (command.host, port) for port in (*command.ports, *command.silent)}
        self.stop_seconds = stop_seconds
        self._loop = asyncio.get_running_loop()
        self._listening = asyncio.Event()
        self._exit: asyncio.Future[int] = self._loop.create_future()
        self._loop.call_later(start_seconds, self._listen)
        if command.program == SHELL:
            self._play(start_seconds)

    def _play(self, start_seconds: float) -> None:
        playing, seconds = play(read(self.command.arguments), self.command.env), start_seconds
        while seconds < float("inf"):
            try:
                seconds += next(playing).seconds
            except StopIteration as end:
                self._loop.call_later(seconds, self.end, int(end.value))
                return

    async def listening(self) -> None:
        await self._listening.wait()

    async def wait(self) -> int:
        return await asyncio.shield(self._exit)

    def terminate(self) -> None:
        code = SHELL_SIGTERM_CODE if self.command.program == SHELL else SIGTERM_CODE
        self._loop.call_later(self.stop_seconds, self.end, code)

    def kill(self) -> None:
        self.end(SIGKILL_CODE)

    def end(self, code: int) -> None:
        """End now with an exit code, as a crash does."""
        if not self._exit.done():
            self._exit.set_result(code)

    def _listen(self) -> None:
        if not self._exit.done():
            self._listening.set()

    @property
    def answers(self) -> bool:
        return self._listening.is_set() and not self._exit.done()


class SimulatedProcesses:
    """Starts children that answer from this table instead of from a socket."""

    def __init__(self, start_seconds: float = 1.0, stop_seconds: float = 0.5) -> None:
        self.start_seconds = start_seconds
        self.stop_seconds = stop_seconds
        self.children: dict[Address, SimulatedChild] = {}  # who is at an address now
        self.started: list[SimulatedChild] = []
        self._pids = itertools.count(1000)

    def start(self, command: Command) -> SimulatedChild:
        child = SimulatedChild(next(self._pids), command, self.start_seconds, self.stop_seconds)
        self.started.append(child)
        for port in command.ports:
            self.children[child.addresses[port]] = child
        return child

    async def get(self, address: Address, path: str, headers: Mapping[str, str], timeout: float) -> int:
        child = self._at(address)
        env = child.command.env
        if path.startswith("/healthz") and env.get("PODINFO_UNHEALTHY") == "true":
            return 503
        return 503 if path.startswith("/readyz") and env.get("PODINFO_UNREADY") == "true" else 200

    async def connect(self, address: Address, timeout: float) -> None:
        self._at(address)

    def write_files(self, command: Command) -> None:
        pass

    def forget(self, folder: Path) -> None:
        pass

    def _at(self, address: Address) -> SimulatedChild:
        child = self.children.get(address)
        if child is None or not child.answers:
            raise ConnectionRefusedError(111, "connect: connection refused")
        return child
