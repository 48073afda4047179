"""The seam to processes: a command goes in, a child comes out that listens somewhere, answers, and ends.

Two ends exist: `local_processes` (real children of this process) and `simulated_processes` (virtual time). The node
knows only this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Command:
    """One start of one container."""

    pod: str  # NAMESPACE/NAME/CONTAINER, for names of files and for people
    program: str  # a program of the image table, never a path
    arguments: tuple[str, ...]
    env: Mapping[str, str]
    host: str  # address to listen on
    ports: tuple[int, ...]  # ports as the pod knows them, on which the program listens
    silent: tuple[int, ...] = ()  # ports that the pod names but on which nobody listens: they refuse
    files: Mapping[str, bytes] = field(default_factory=dict)  # VOLUME/KEY -> content of ConfigMaps and Secrets
    mounts: Mapping[str, str] = field(default_factory=dict)  # path in the container -> VOLUME
    folder: Path = Path()  # for this pod alone
    log: Path = Path()
    image: str = ""
    once: bool = False  # its pod is not for ever: it is done when it ends well


class Child(Protocol):
    """A process that was started."""

    @property
    def pid(self) -> int: ...

    @property
    def addresses(self) -> Mapping[int, Address]:
        """Return port as the pod knows it -> where it really is."""
        ...

    async def listening(self) -> None:
        """Wait until the program says that it listens; for ever, if it ends before."""
        ...

    async def wait(self) -> int:
        """Wait for the end; return the exit code, 128 plus the signal if one ended it."""
        ...

    def terminate(self) -> None: ...

    def kill(self) -> None: ...


class Processes(Protocol):
    """Starts children and speaks to them. Nothing that it started outlives this process."""

    def start(self, command: Command) -> Child:
        """Start a program. Raises: OSError when that is not possible."""
        ...

    async def get(self, address: Address, path: str, headers: Mapping[str, str], timeout: float) -> int:
        """Return the status of an HTTP GET. Raises: OSError (refused, timed out, no HTTP)."""
        ...

    async def connect(self, address: Address, timeout: float) -> None:
        """Open a connection and close it. Raises: OSError."""
        ...

    def write_files(self, command: Command) -> None:
        """Bring the files of the mounted volumes up to date. Raises: OSError."""
        ...

    def forget(self, folder: Path) -> None:
        """Remove what a pod left on disk, its log too."""
        ...
