"""One embedded cluster, whole: its API over HTTP, the controllers, the node with its pods, the traffic.

```
Server (HTTP, audit) ─► ApiServer ◄─ controllers, node (pods as processes), traffic (Envoy, metrics)
                           └─ journal (SQLite), if objects are kept
```
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from volary.embedded.access import Access, new_access, open_as_before, read_access, write_access
from volary.embedded.api.auth.authentication import StaticTokens
from volary.embedded.api.auth.identity import User
from volary.embedded.api.catalog import Catalog
from volary.embedded.api.restoring import restore
from volary.embedded.api.server import ApiServer
from volary.embedded.api.store import Store
from volary.embedded.audit import FileSink, Recorder
from volary.embedded.controllers import Clock, World, controllers
from volary.embedded.listen import ON_LOOPBACK, Listen
from volary.embedded.server import Identity, Server
from volary.embedded.signing_key import SigningKey

if TYPE_CHECKING:
    from volary.embedded.keeping.journal import Journal
    from volary.embedded.outside import Outside
    from volary.embedded.shared import SharedPort


@dataclass(frozen=True, slots=True)
class Wanted:
    """What kind of cluster is asked for."""

    name: str
    listen: Listen = ON_LOOPBACK  # where the API is; the system picks a port unless one is named
    pods: bool = True  # False: an API with controllers, but nothing runs (a hub)
    audit: bool = False  # write DIR/audit.log
    controllers: bool = True  # False: a kube-controller-manager elsewhere does their work
    keep: bool = False  # keep objects in DIR/journal.db, begin with those that are there
    version: str = ""  # the minor of Kubernetes that it is ("1.33"); "" for the newest
    users: Mapping[str, User] = field(default_factory=dict)  # token -> who has it, beside the admin


class PodGround(Protocol):
    """What the pods of a cluster run on."""

    @property
    def gateway(self) -> str: ...

    @property
    def outside(self) -> Outside: ...

    async def run(self, ready: asyncio.Event) -> None:
        """Run pods until cancelled; `ready` is set when traffic can come."""
        ...

    def close(self) -> None: ...


MakeGround = Callable[[ApiServer, World, Path, Clock], PodGround]


class EmbeddedCluster:
    """A cluster. `run` returns only by cancellation; then nothing of it is left but its folder."""

    def __init__(self, wanted: Wanted, folder: Path, clock: Clock, ground: MakeGround | None = None) -> None:
        """`folder` is this cluster's own. `ground` makes what pods run on, where that is not processes and Envoy.

        Raises: Unusable (a journal), NoEnvoy (pods where the platform has none).
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.wanted = wanted
        self.folder = folder
        self.journal = open_journal(folder) if wanted.keep else None
        store = Store(keeper=self.journal)
        key = SigningKey(folder / "service-accounts.key" if wanted.keep else None)
        catalog = Catalog.of(wanted.version)
        self.api = ApiServer(wanted.name, clock.now, clock.rng, clock.new_id, store, catalog, key)
        if self.journal:
            restore(self.api.core, *self.journal.load())
        self.world = World(self.api.local, clock)
        self.manager = controllers(self.world, self._root_ca, wanted.controllers, self.api.tokens)
        self.ready = asyncio.Event()
        self.shared: SharedPort | None = None  # an open port of many: instead of a port of its own
        self._ground: PodGround | None = None
        if wanted.pods and ground:
            self._ground = ground(self.api, self.world, folder, clock)
        elif wanted.pods:
            from volary.embedded.ground import Ground  # half of the start of the program, for who needs it

            self._ground = Ground(self.api, self.world, folder, clock)
        self.server = self._make_server(clock)

    @property
    def gateway(self) -> str:
        """Return HOST:PORT where traffic enters the cluster, "" where there is none."""
        return self._ground.gateway if self._ground else ""

    @property
    def audit_log(self) -> Path | None:
        return self.folder / "audit.log" if self.wanted.audit else None

    async def run(self) -> None:
        """Serve until cancelled."""
        self.manager.start(asyncio.get_running_loop())
        await self._open()
        try:
            async with asyncio.TaskGroup() as group:
                if self._ground:
                    group.create_task(self._ground.run(self.ready))
                else:
                    self.ready.set()
                await asyncio.Event().wait()
        finally:
            await self.server.close()
            self.manager.stop()
            if self._ground:
                self._ground.close()
            if self._sink:
                self._sink.close()
            if self.journal:
                self.journal.close()

    async def _open(self) -> None:
        """Let the API be reached."""
        if self.shared:
            self.server.join(self.shared, self.wanted.name)
            return
        if self.wanted.keep:
            await open_as_before(self.folder, self.wanted.listen, self.server.open)
            write_access(self.folder, Access(self.server.identity.token, self.server.port))
        else:
            await self.server.open(self.wanted.listen)

    def _make_server(self, clock: Clock) -> Server:
        outside = self._ground.outside if self._ground else None
        self._sink = FileSink(self.audit_log) if self.audit_log else None
        audit = Recorder(self._sink, clock.now, clock.new_id) if self._sink else None
        identity = Identity((read_access(self.folder) if self.wanted.keep else new_access()).token)
        known = {identity.token: User(identity.user, identity.groups, identity.user), **self.wanted.users}
        self.api.authentication.readers.append(StaticTokens(known))
        return Server(self.api, identity, outside, audit, self.api.authentication)

    def _root_ca(self) -> str:
        """Return the authority that vouches for the API; controllers run once the server has it."""
        authority = self.server.authority
        return authority.certificate.decode() if authority else ""


def open_journal(folder: Path) -> Journal:
    """Return the journal in a cluster's folder. Raises: Unusable."""
    from volary.embedded.keeping.journal import Journal  # SQLite, for who needs it

    return Journal(folder / "journal.db")
