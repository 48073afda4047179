"""What the demo looks at: the same objects that a person would read with kubectl, kept fresh by watches."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from volary.kube.client import Client
from volary.kube.objects import NewObject, Object, dig, name_of
from volary.kube.resources import (
    CANARIES,
    DEPLOYMENTS,
    EVENTS,
    FLEET_ROLLOUT_RUNS,
    FLEET_ROLLOUTS,
    GIT_REPOSITORIES,
    VIRTUAL_SERVICES,
)
from volary.runtime.clock import Clock
from volary.runtime.informer import Informer, Informers

HUB = "hub"
MEMBERS = ("west", "east")  # in the order of the stages
APP = "podinfo"
NAMESPACE = "test"
HUB_NAMESPACE = "apps"


@dataclass(frozen=True, slots=True)
class Place:
    """One API server and what the demo watches there."""

    name: str
    client: Client
    informers: Informers

    @property
    def events(self) -> Informer:
        return self.informers.get(EVENTS)


class World:
    """The hub and its members."""

    def __init__(self, clients: dict[str, Client], clock: Clock) -> None:
        self.places = {name: Place(name, client, Informers(client, clock)) for name, client in clients.items()}
        self.hub = self.places[HUB]
        self.rollouts = self.hub.informers.get(FLEET_ROLLOUTS, HUB_NAMESPACE)
        self.runs = self.hub.informers.get(FLEET_ROLLOUT_RUNS, HUB_NAMESPACE)
        self._waiting: list[asyncio.Event] = []
        for informer in self.watched():
            informer.listen(self._wake)

    def canaries(self, cluster: str) -> Informer:
        return self.places[cluster].informers.get(CANARIES, NAMESPACE)

    def routes(self, cluster: str) -> Informer:
        return self.places[cluster].informers.get(VIRTUAL_SERVICES, NAMESPACE)

    def deployments(self, cluster: str) -> Informer:
        return self.places[cluster].informers.get(DEPLOYMENTS, NAMESPACE)

    def sources(self, cluster: str) -> Informer:
        return self.places[cluster].informers.get(GIT_REPOSITORIES, HUB_NAMESPACE)

    def canary(self, cluster: str) -> NewObject | None:
        return self.canaries(cluster).get(APP, NAMESPACE)

    def canary_phase(self, cluster: str) -> str:
        return str(dig(self.canary(cluster), "status", "phase") or "")

    def rollout(self) -> NewObject | None:
        return self.rollouts.get(APP, HUB_NAMESPACE)

    def run_of(self, commit: str) -> NewObject | None:
        """Return the newest run of a commit."""
        found = [run for run in self.runs.items() if dig(run, "spec", "revision", "commit") == commit]
        return max(found, key=lambda run: (len(name_of(run)), name_of(run)), default=None)

    def run_phase(self, commit: str) -> str:
        return str(dig(self.run_of(commit), "status", "phase") or "")

    def member_of_run(self, commit: str, cluster: str) -> dict[str, Any]:
        """Return the entry of a cluster in the status of a commit's run, empty if there is none."""
        for entry in dig(self.run_of(commit), "status", "clusters") or ():
            if entry.get("name") == cluster:
                return dict(entry)
        return {}

    def watched(self) -> Iterator[Informer]:
        """Yield every informer, made by now."""
        yield from (self.rollouts, self.runs)
        for name in self.places:
            yield self.places[name].events
        for name in MEMBERS:
            yield from (self.canaries(name), self.routes(name), self.deployments(name), self.sources(name))

    async def until(self, true: Callable[[], bool], seconds: float) -> bool:
        """Wait until something holds, asked after each change of anything watched; False: `seconds` passed before."""
        changed = asyncio.Event()
        self._waiting.append(changed)
        try:
            async with asyncio.timeout(seconds):
                while not true():
                    changed.clear()
                    await changed.wait()
        except TimeoutError:
            return true()
        finally:
            self._waiting.remove(changed)
        return True

    def _wake(self, _old: Object | None, _new: Object | None) -> None:
        for changed in self._waiting:
            changed.set()
