"""Wiring: informers, watches, and the task group in which questions are asked."""

from __future__ import annotations

from collections.abc import Iterable

from volary.canary.caches import Caches, target_of
from volary.canary.observe import Seen
from volary.canary.options import Options
from volary.canary.plan import Plan
from volary.canary.questions import Questions
from volary.canary.reconcile import Canaries
from volary.canary.tracking import CONFIG_MAP, SECRET
from volary.kube.objects import Object, key_of, name_of, namespace_of
from volary.kube.resources import (
    AUTOSCALERS,
    CANARIES,
    CONFIG_MAPS,
    DEPLOYMENTS,
    DESTINATION_RULES,
    SECRETS,
    SERVICES,
    VIRTUAL_SERVICES,
)
from volary.runtime.cluster import Cluster
from volary.runtime.controller import Controller

NAME = "canary"


class CanaryController(Controller[Seen, Plan]):
    """A controller that can ask questions beside its passes."""

    def __init__(self, cluster: Cluster, options: Options) -> None:
        self.caches = Caches(cluster.informers, options.namespace)
        self.questions = Questions(cluster.http, cluster.clock, self.add)
        name = f"{NAME}/{cluster.name or 'local'}"
        super().__init__(name, Canaries(cluster, options, self.caches, self.questions), cluster.clock)
        self.watch(self.caches.of[CANARIES], self.keys_of_canary)
        for resource in (DEPLOYMENTS, SERVICES, AUTOSCALERS, VIRTUAL_SERVICES, DESTINATION_RULES):
            self.watch(self.caches.of[resource], self.keys_of_part)
        self.watch(self.caches.of[CONFIG_MAPS], lambda obj: self.caches.keys_of_config(CONFIG_MAP, obj))
        self.watch(self.caches.of[SECRETS], lambda obj: self.caches.keys_of_config(SECRET, obj))

    async def run(self) -> None:
        """Wait for the caches, then work until cancelled."""
        await self.questions.run(super().run())

    def keys_of_canary(self, canary: Object) -> Iterable[str]:
        """A Canary concerns itself and those that want the same target: one of them may have its turn now."""
        return {key_of(canary), *self.caches.keys_for(target_of(canary), namespace_of(canary))}

    def keys_of_part(self, obj: Object) -> Iterable[str]:
        return self.caches.keys_for(name_of(obj), namespace_of(obj))


def controller(cluster: Cluster, options: Options | None = None) -> CanaryController:
    """Return the controller of all canaries of one cluster."""
    return CanaryController(cluster, options or Options())
