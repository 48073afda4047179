"""Real children: one Python process for each container, started in about 50 ms, that die with this one.

Each child has one end of a socket pair as its standard input. It writes a line there once it listens; each side sees
the other's end as end of file, on every system. On Linux the kernel also kills the child when this process dies, so
one that hangs goes too. The sockets to listen on are bound here and inherited, so no port is ever guessed.

Start from the main thread: Linux ties a child to the life of the thread that made it.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from volary.embedded import leftovers
from volary.embedded.node.http_probe import http_status
from volary.embedded.node.processes import Address, Command

LAUNCHER = Path(__file__).parents[1] / "images" / "launch.py"
LOWEST_FREE_PORT = 1024  # below it only root may listen
REAP_SECONDS = 0.002  # between end of file and the moment when the exit code is there


class LocalChild:
    """A real process. Its exit is seen at once, by the end of file on `line`."""

    def __init__(self, process: subprocess.Popen[bytes], line: socket.socket, addresses: Mapping[int, Address]) -> None:
        self.pid = process.pid
        self.addresses = addresses
        self.reserved: list[socket.socket] = []  # keep the addresses of silent ports
        self.record: Path | None = None
        self._process = process
        self._line = line
        self._loop = asyncio.get_running_loop()
        self._listening = asyncio.Event()
        self._exit: asyncio.Future[int] = self._loop.create_future()
        self._loop.add_reader(line, self._readable)

    async def listening(self) -> None:
        await self._listening.wait()

    async def wait(self) -> int:
        return await asyncio.shield(self._exit)

    def terminate(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()

    def _readable(self) -> None:
        try:
            told = self._line.recv(64)
        except OSError:
            told = b""
        if told:
            self._listening.set()
            return
        self._loop.remove_reader(self._line)
        self._line.close()
        self._reap()

    def _reap(self) -> None:
        code = self._process.poll()
        if code is None:
            self._loop.call_later(REAP_SECONDS, self._reap)
            return
        for held in self.reserved:
            held.close()
        if self.record is not None:
            self.record.unlink(missing_ok=True)
        if not self._exit.done():
            self._exit.set_result(code if code >= 0 else 128 - code)


class LocalProcesses:
    """Starts real processes and keeps a record of each in `folder`, so that the next start finds what a crash left."""

    def __init__(self, folder: Path) -> None:
        self.records = folder / "processes"
        self.records.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.killed = leftovers.clean(self.records)  # how many a crashed run had left

    def start(self, command: Command) -> LocalChild:
        command.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        command.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.write_files(command)
        sockets: dict[int, socket.socket] = {}
        try:
            for port in (*command.ports, *command.silent):
                sockets[port] = _bind(command.host, port)
            child = self._spawn(command, {port: sockets[port] for port in command.ports})
            child.addresses = {port: _address(bound) for port, bound in sockets.items()}
        finally:
            for port in command.ports:
                if port in sockets:
                    sockets[port].close()  # only the child holds it, so its end closes the port
        child.reserved = [sockets[port] for port in command.silent]
        child.record = leftovers.note(self.records, child.pid)
        return child

    def _spawn(self, command: Command, listeners: Mapping[int, socket.socket]) -> LocalChild:
        ours, theirs = socket.socketpair()
        descriptors = {port: bound.fileno() for port, bound in listeners.items()}
        with theirs, command.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-IS", str(LAUNCHER), command.program, *command.arguments],
                stdin=theirs.fileno(),
                stdout=log,
                stderr=log,
                env=_environment(command, descriptors),
                cwd=command.folder,
                pass_fds=tuple(descriptors.values()),
                start_new_session=True,  # a Ctrl-C at the terminal is for us; pods are stopped in order
            )
        ours.setblocking(False)
        return LocalChild(process, ours, {})

    async def get(self, address: Address, path: str, headers: Mapping[str, str], timeout: float) -> int:
        return await http_status(address, path, headers, timeout)

    async def connect(self, address: Address, timeout: float) -> None:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(*address)
        writer.close()

    def write_files(self, command: Command) -> None:
        for name, content in command.files.items():
            path = command.folder / name
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = path.with_name(f".{path.name}.new")
            fresh.write_bytes(content)
            fresh.chmod(0o600)
            fresh.replace(path)

    def forget(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)


def _bind(host: str, port: int) -> socket.socket:
    """Return a bound socket: on the pod's own port where it is free, else on any."""
    wishes: Iterable[int] = (port, 0) if port >= LOWEST_FREE_PORT and host != "127.0.0.1" else (0,)
    for wish in wishes:
        bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, wish))
        except OSError:
            bound.close()
            if wish == 0:
                raise
        else:
            return bound
    raise OSError(f"no free port on {host}")


def _address(bound: socket.socket) -> Address:
    host, port = bound.getsockname()
    return host, port


def _environment(command: Command, descriptors: Mapping[int, int]) -> dict[str, str]:
    """Return what the launcher needs; nothing of ours is passed on.

    The pod's own variables come by file and are set once Python runs: the system's loader must not see them, or
    LD_PRELOAD in a manifest would be code that we did not choose.
    """
    variables = command.folder / f".{command.log.stem}.env"
    variables.write_text(json.dumps(dict(command.env)))
    variables.chmod(0o600)
    return {
        "VOLARY_VARIABLES": str(variables),
        "VOLARY_LISTEN": ",".join(f"{port}={number}" for port, number in descriptors.items()),
        "VOLARY_MOUNTS": "\n".join(f"{path}={command.folder / name}" for path, name in command.mounts.items()),
        "VOLARY_PARENT": str(os.getpid()),
    }
