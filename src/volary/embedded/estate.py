"""Several embedded clusters in one process, and the folder that tells other processes of them.

```
DIR/kubeconfig          one context each          (0600)
DIR/state.json          pid, servers, gateways    written when all are ready, removed at the end
DIR/clusters/NAME/      pods, mesh, audit.log
```
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from volary.embedded.cluster import EmbeddedCluster, Wanted
from volary.embedded.controllers import Clock
from volary.embedded.kubeconfig import write_kubeconfig


@dataclass(frozen=True, slots=True)
class Shown:
    """What other processes need to know of one cluster."""

    server: str
    gateway: str  # HOST:PORT where traffic enters; "": nothing runs there
    audit: str  # path of the audit log, or ""


@dataclass(frozen=True, slots=True)
class State:
    """What `state.json` holds."""

    pid: int
    kubeconfig: str
    clusters: dict[str, Shown]


class Busy(Exception):
    """The folder belongs to clusters that run already; the text says so."""

    def __init__(self, folder: Path, running: State) -> None:
        names = ", ".join(running.clusters)
        super().__init__(
            f"{folder}: clusters run there already ({names}); end them with: volary kube down --dir {folder}"
        )


class Estate:
    """The clusters of one folder."""

    def __init__(self, folder: Path, wanted: Sequence[Wanted], clock: Clock) -> None:
        """Raises: Busy, NoEnvoy."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        running = read_state(folder)
        if running is not None:
            raise Busy(folder, running)
        self.folder = folder
        self.clusters = {one.name: EmbeddedCluster(one, folder / "clusters" / one.name, clock) for one in wanted}
        self.ready = asyncio.Event()

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    async def run(self) -> None:
        """Serve until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for cluster in self.clusters.values():
                    group.create_task(cluster.run())
                for cluster in self.clusters.values():
                    await cluster.ready.wait()
                write_kubeconfig(self.kubeconfig, {name: one.server for name, one in self.clusters.items()})
                write_state(self.folder, self.state())
                self.ready.set()
        finally:
            state_file(self.folder).unlink(missing_ok=True)

    def state(self) -> State:
        shown = {
            name: Shown(cluster.server.url, cluster.gateway, str(cluster.audit_log or ""))
            for name, cluster in self.clusters.items()
        }
        return State(os.getpid(), str(self.kubeconfig), shown)


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
