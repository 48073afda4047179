"""What other processes are told of the clusters that run from a folder, and who holds that folder.

Apart from the clusters themselves, so that asking what runs costs no import of a Kubernetes.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec


@dataclass(frozen=True, slots=True)
class Shown:
    """What other processes need to know of one cluster."""

    server: str
    gateway: str  # HOST:PORT where traffic enters; "": nothing runs there
    audit: str  # path of the audit log, or ""
    journal: str = ""  # path of the file that objects are kept in, "": they are in memory
    notes: tuple[str, ...] = ()  # what people should know of how it was found


@dataclass(frozen=True, slots=True)
class State:
    """What `state.json` holds."""

    pid: int
    kubeconfig: str
    clusters: dict[str, Shown]


class Busy(Exception):
    """The folder belongs to clusters that run already, or start or end just now; the text says so."""

    def __init__(self, folder: Path, running: State | None) -> None:
        if running is None:
            super().__init__(f"{folder}: another process starts or ends clusters there just now; try again in a moment")
            return
        names = ", ".join(running.clusters)
        super().__init__(
            f"{folder}: clusters run there already ({names}); end them with: volary kube down --dir {folder}"
        )


def take(folder: Path) -> int:
    """Lock the folder; whoever holds the descriptor has it, until it is closed or the process ends. Raises: Busy."""
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Busy(folder, read_state(folder)) from None
    return lock


def state_file(folder: Path) -> Path:
    return folder / "state.json"


def write_state(folder: Path, state: State) -> None:
    """Write the state whole or not at all."""
    fresh = state_file(folder).with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_bytes(msgspec.json.encode(asdict(state)))
    fresh.replace(state_file(folder))


def read_state(folder: Path) -> State | None:
    """Return what runs from a folder, or None if nothing does (a state left by a crash counts as nothing)."""
    try:
        state = msgspec.json.decode(state_file(folder).read_bytes(), type=State)
    except (OSError, msgspec.DecodeError):
        return None
    return state if alive(state.pid) else None


def alive(pid: int) -> bool:
    """Is there such a process, and not only what is left of it?"""
    with contextlib.suppress(OSError):
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
