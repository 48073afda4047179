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
import os
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from volary.embedded.access import Access, open_as_before, read_access, write_access
from volary.embedded.cluster import EmbeddedCluster, Wanted
from volary.embedded.controllers import Clock
from volary.embedded.kubeconfig import write_kubeconfig
from volary.embedded.listen import Listen
from volary.embedded.state import Shown, State, state_file, take, write_state


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
