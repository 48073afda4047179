"""Wiring: which parts the program is made of, and what each is given. The only file that knows everything.

The five seams (`Seams`) have a real end and a simulated one; nothing above them can tell which it has.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from volary import __version__
from volary.canary.controller import controller as canary_controller
from volary.canary.options import Options as CanaryOptions
from volary.fleet.controllers import controllers as fleet_controllers
from volary.fleet.membership import Membership
from volary.kube.client import Client
from volary.kube.guarded import Guarded
from volary.kube.http import connect
from volary.kube.kubeconfig import Access, from_bytes
from volary.kube.pace import Pace
from volary.kube.resources import NAMESPACES
from volary.kube.transport import Transport
from volary.runtime.clock import Clock, SystemClock
from volary.runtime.cluster import Cluster
from volary.runtime.controller import Controller
from volary.runtime.errors import Stalled
from volary.runtime.events import Recorder
from volary.runtime.http import Http
from volary.runtime.http_client import DirectHttp
from volary.runtime.informer import Informers
from volary.runtime.leader import Leadership, OnlyAsLeader
from volary.runtime.scratch import scratch
from volary.runtime.service_proxy import ServiceHttp
from volary.sources import Fetcher
from volary.sources.git import GitFetcher
from volary.sync.controllers import controllers as sync_controllers

log = logging.getLogger(__name__)

USER_AGENT = f"volary/{__version__}"
FEATURES = ("canary", "sync", "fleet")
LEASE = "volary"
LEASE_NAMESPACE = "volary-system"
IN_CLUSTER = "in-cluster"  # the context of a program that runs in the cluster it works on

AnyController = Controller[Any, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """What `volary run` was asked for."""

    features: Sequence[str] = FEATURES  # for the cluster that the kubeconfig names
    namespace: str = ""  # of Canaries, Kustomizations, FleetRollouts; "": all
    metrics_server: str = ""  # for canaries that name none
    identity: str = ""  # of this process, in the Lease


@dataclass(frozen=True, slots=True)
class Seams:
    """Everything outside: API servers, other HTTP, Git, time. (Processes are the embedded cluster's seam.)"""

    clock: Clock
    transport: Callable[[Access], Transport]
    http: Http
    fetcher: Fetcher
    streams_lists: bool = False  # do the API servers, as far as we know (`kube.listwatch`)


@asynccontextmanager
async def real_seams() -> AsyncIterator[Seams]:
    """Give the real ends; what they hold is let go at the end."""
    with scratch("git") as folder:
        clock, pace = SystemClock(), Pace()

        def transport(access: Access) -> Transport:
            return connect(access, clock.rng, pace)

        seams = Seams(clock, transport, DirectHttp(USER_AGENT), GitFetcher(folder), streams_lists=True)
        try:
            yield seams
        finally:
            await seams.http.close()
            await seams.fetcher.close()


class Program:
    """`volary run`: competes for the Lease of one cluster and, while it leads, does the work of all its features."""

    def __init__(self, access: Access, options: Options, seams: Seams) -> None:
        self.access = access
        self.options = options
        self.seams = seams
        self.clusters: dict[str, Cluster] = {}  # those at work now; "" is the one that `access` names
        self.controllers: list[AnyController] = []
        self._transport = seams.transport(access)
        # The Lease waits neither for a place among other requests nor for a breaker.
        direct = self._transport.inner if isinstance(self._transport, Guarded) else self._transport
        client = Client(direct, USER_AGENT)
        self.leadership = Leadership(client, seams.clock, self._identity(), LEASE, LEASE_NAMESPACE)

    async def run(self) -> None:
        """Run until cancelled. Raises: Stalled when the cluster is not prepared."""
        try:
            await self._check_prepared()
            await self.leadership.run(self._work)
        finally:
            await self._transport.close()

    def _identity(self) -> str:
        return self.options.identity or f"volary-{self.seams.clock.new_id()[:8]}"

    async def _check_prepared(self) -> None:
        if await Client(self._transport, USER_AGENT).get(NAMESPACES, LEASE_NAMESPACE) is None:
            how = "prepare it with: volary install | kubectl apply -f -"
            raise Stalled("NotPrepared", f"{self.access.server}: there is no namespace {LEASE_NAMESPACE}; {how}")

    async def _work(self) -> None:
        """Everything this process does while it leads; each term begins with fresh caches."""
        self.controllers.clear()
        hub = self._cluster("", self.access, self._transport, self.options.metrics_server)
        async with asyncio.TaskGroup() as group:
            group.create_task(hub.informers.run())
            for controller in self._controllers(hub, self.options.features, group):
                group.create_task(controller.run())
        self.clusters.clear()

    def _controllers(self, hub: Cluster, features: Sequence[str], group: asyncio.TaskGroup) -> list[AnyController]:
        """Return the controllers for the cluster that we were pointed at; the fleet's bring its members with them."""
        found = self._for_one_cluster(hub, features)
        if "fleet" in features:
            members = Membership(hub, self._connect, self._run_member)
            group.create_task(members.run())
            of_fleet = fleet_controllers(hub, members, lambda: self.leadership.is_leader)
            for controller in of_fleet:
                controller.wait_for(members.settled)  # else a restart calls every member unreachable
            found += of_fleet
        self.controllers += found
        return found

    def _for_one_cluster(self, cluster: Cluster, features: Sequence[str]) -> list[AnyController]:
        """Return the controllers of the features that concern one cluster alone."""
        found: list[AnyController] = []
        if "sync" in features:
            found += sync_controllers(cluster, self.seams.fetcher, self.options.namespace)
        if "canary" in features:
            found.append(canary_controller(cluster, CanaryOptions(namespace=self.options.namespace)))
        return found

    def _connect(self, name: str, kubeconfig: bytes, metrics_server: str) -> Cluster:
        """Return a member, from the kubeconfig in its Secret. Raises: BadKubeconfig."""
        access = from_bytes(kubeconfig, f"the kubeconfig of Cluster {name}", self.seams.clock.now)
        return self._cluster(name, access, self.seams.transport(access), metrics_server)

    async def _run_member(self, cluster: Cluster, features: Sequence[str]) -> None:
        """Do in a member what its Cluster object names, until cancelled."""
        controllers = self._for_one_cluster(cluster, features)
        self.controllers += controllers
        try:
            async with asyncio.TaskGroup() as group:
                for controller in controllers:
                    group.create_task(controller.run())
        finally:
            self.controllers = [one for one in self.controllers if one not in controllers]

    def _cluster(self, name: str, access: Access, transport: Transport, metrics_server: str) -> Cluster:
        """Return one API server as the features use it. Only a leader writes through it."""
        clock = self.seams.clock
        guarded = OnlyAsLeader(transport, self.leadership)
        client = Client(guarded, USER_AGENT, streams_lists=self.seams.streams_lists)
        http = ServiceHttp(client, self.seams.http, "direct" if access.context == IN_CLUSTER else "proxy")
        server = metrics_server or self.options.metrics_server
        cluster = Cluster(name, client, Informers(client, clock), http, Recorder(client, clock), clock, server)
        self.clusters[name] = cluster
        return cluster
