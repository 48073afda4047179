"""Several embedded clusters in one process, and the folder that tells other processes of them.

```
DIR/kubeconfig          one context each          (0600)
DIR/state.json          pid, servers, gateways    written when all are ready, removed at the end
DIR/lock                held while they run, by whoever runs them
DIR/clusters/NAME/      pods, mesh, audit.log, journal.db (where objects are kept)
```
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from volary.embedded.access import Access, open_as_before, read_access, write_access
from volary.embedded.cluster import EmbeddedCluster, Wanted
from volary.embedded.controllers import Clock
from volary.embedded.kubeconfig import write_kubeconfig
from volary.embedded.listen import Listen


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


class Estate:
    """The clusters of one folder."""

    def __init__(self, folder: Path, wanted: Sequence[Wanted], clock: Clock, one_port: Listen | None = None) -> None:
        """`one_port`: all clusters there, under /clusters/NAME, instead of a port each.

        Raises: Busy, NoEnvoy, Unusable.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = take(folder)
        self.folder = folder
        try:
            self.clusters = {one.name: EmbeddedCluster(one, folder / "clusters" / one.name, clock) for one in wanted}
        except BaseException:
            os.close(self._lock)
            raise
        self.ready = asyncio.Event()
        self._one_port = one_port
        self._sites = {name: cluster.server.site for name, cluster in self.clusters.items()}
        for cluster in self.clusters.values():
            cluster.server.neighbours(self._sites)

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            async with self._shared(), asyncio.TaskGroup() as group:
                for cluster in self.clusters.values():
                    group.create_task(cluster.run())
                for cluster in self.clusters.values():
                    await cluster.ready.wait()
                write_kubeconfig(self.kubeconfig, {name: one.server for name, one in self.clusters.items()})
                write_state(self.folder, self.state())
                self.ready.set()
        finally:
            state_file(self.folder).unlink(missing_ok=True)
            self.close()

    def close(self) -> None:
        """Let go of the folder; for one that is never run."""
        os.close(self._lock)

    @contextlib.asynccontextmanager
    async def _shared(self) -> AsyncIterator[None]:
        """Keep the port of all clusters open, if there is to be one."""
        if self._one_port is None:
            yield
            return
        from volary.embedded.shared import SharedPort

        port = SharedPort(self._sites)
        if any(cluster.wanted.keep for cluster in self.clusters.values()):
            await open_as_before(self.folder, self._one_port, port.start)
            write_access(self.folder, Access(read_access(self.folder).token, port.port))
        else:
            await port.start(self._one_port)
        for cluster in self.clusters.values():
            cluster.shared = port
        try:
            yield
        finally:
            await port.close()

    def state(self) -> State:
        shown = {
            name: Shown(
                cluster.server.url,
                cluster.gateway,
                str(cluster.audit_log or ""),
                str(cluster.journal.path) if cluster.journal else "",
                tuple(cluster.journal.notes) if cluster.journal else (),
            )
            for name, cluster in self.clusters.items()
        }
        return State(os.getpid(), str(self.kubeconfig), shown)


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
