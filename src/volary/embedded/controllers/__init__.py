"""The controllers of a cluster in this process: `controllers(local, clock)` gives the manager that runs them all."""

from __future__ import annotations

from volary.embedded.controllers.autoscaling.hpa import METRIC_VALUE, Autoscalers
from volary.embedded.controllers.cluster_roles import AggregatedRoles
from volary.embedded.controllers.daemons.daemonset import DaemonSets
from volary.embedded.controllers.endpoints.endpoints import Endpoints
from volary.embedded.controllers.endpoints.endpointslice import EndpointSlices
from volary.embedded.controllers.endpoints.mirroring import MirroredEndpoints
from volary.embedded.controllers.garbage import Collector
from volary.embedded.controllers.index import Index
from volary.embedded.controllers.jobs.cleanup import FinishedJobs
from volary.embedded.controllers.jobs.job import Jobs
from volary.embedded.controllers.manager import Controller, Manager
from volary.embedded.controllers.namespace import Namespaces, create_system_namespaces
from volary.embedded.controllers.old_events import OldEvents
from volary.embedded.controllers.rollouts.deployment import Deployments
from volary.embedded.controllers.rollouts.replicaset import PodSets
from volary.embedded.controllers.service_accounts import (
    DefaultAccounts,
    Issuer,
    RootCa,
    RootCertificates,
    TokenSecrets,
)
from volary.embedded.controllers.world import Clock, World

__all__ = ["METRIC_VALUE", "Clock", "Controller", "Manager", "World", "controllers"]


def controllers(
    world: World, root_ca: RootCa = lambda: "", workloads: bool = True, issuer: Issuer | None = None
) -> Manager:
    """Return a manager with every controller; call its `start` from the loop, before anybody else writes.

    `workloads` False leaves out all that a kube-controller-manager does; what an API server itself does stays.
    `issuer` signs the tokens that Secrets ask for.
    """
    index = Index()
    for resource in world.local.resources():  # of a cluster that does not begin empty
        for obj in world.local.items(resource):
            index.note(resource, None, obj)
    world.local.listen(index.note)  # before the manager's own listener: the collector asks the index
    ours: list[Controller] = _of_controller_manager(world, index, root_ca) if workloads else []
    if workloads and issuer:
        ours.append(TokenSecrets(world, issuer, root_ca))
    manager = Manager(world.local, [*ours, OldEvents(world)])
    create_system_namespaces(world)
    return manager


def _of_controller_manager(world: World, index: Index, root_ca: RootCa) -> list[Controller]:
    return [
        Namespaces(world, index),
        DefaultAccounts(world),
        RootCertificates(world, root_ca),
        AggregatedRoles(world),
        Collector(world, index),
        Deployments(world),
        PodSets(world),
        DaemonSets(world),
        Jobs(world),
        FinishedJobs(world),
        EndpointSlices(world),
        Endpoints(world),
        MirroredEndpoints(world),
        Autoscalers(world),
    ]
