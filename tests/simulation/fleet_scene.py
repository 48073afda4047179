"""A hub and some members as API servers in this process, with scripts in the place of Flux and Flagger.

The fleet's controllers, informers and clients are the real ones; time is virtual. A script does what the original
does to the objects that the fleet looks at, one step a second, and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from volary.canary import rewrites
from volary.canary import wire as canary_wire
from volary.embedded.api.server import ApiServer
from volary.embedded.transport import InProcess
from volary.fleet import wire
from volary.fleet.controllers import controllers as fleet_controllers
from volary.fleet.members import Member
from volary.fleet.names import MANAGER
from volary.kube.client import Client
from volary.kube.objects import NewObject, Object, dig, format_time, generation_of, key_of, mutable, uid_of
from volary.kube.resources import (
    CANARIES,
    DEFINITIONS,
    DEPLOYMENTS,
    EVENTS,
    FLEET_ROLLOUT_RUNS,
    FLEET_ROLLOUTS,
    GIT_REPOSITORIES,
    KUSTOMIZATIONS,
    NAMESPACES,
)
from volary.kube.transport import Transport
from volary.runtime.cluster import Cluster
from volary.runtime.controller import Controller
from volary.runtime.events import Recorder
from volary.runtime.http import HttpRequest, HttpResponse, NoAnswer
from volary.runtime.informer import Informers
from volary.sim.clock import VirtualClock
from volary.sync.definitions import definitions as flux_definitions

LABELS = {"app": "podinfo"}


class NoHttp:
    """Nothing here speaks HTTP."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        raise NoAnswer(request.url)

    async def close(self) -> None: ...


def cluster_of(name: str, transport: Transport, clock: VirtualClock) -> Cluster:
    client = Client(transport, "volary")
    return Cluster(name, client, Informers(client, clock), NoHttp(), Recorder(client, clock), clock)


@dataclass
class Git:
    """One branch, and what is in each commit: the version of the image, and whether Flux can build it."""

    head: str
    versions: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def push(self, commit: str, version: str) -> str:
        self.versions[commit] = version
        self.head = commit
        return commit


@dataclass
class Site:
    """One member: its server, and the scripts that work in it."""

    name: str
    server: ApiServer
    git: Git
    bad: set[str]  # versions that the canary turns down here
    clock: VirtualClock
    asleep: bool = False  # the scripts do nothing

    def __post_init__(self) -> None:
        self.client = Client(InProcess(self.server, user_agent="script"), "script")

    async def prepare(self) -> None:
        for namespace in ("kube-system", "apps", "test"):
            await self.client.create(
                NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            )
        for definition in definitions():
            await self.client.create(DEFINITIONS, definition)
        await self.client.create(GIT_REPOSITORIES, repository("main"))
        await self.client.create(KUSTOMIZATIONS, KUSTOMIZATION)
        version = self.git.versions[self.git.head]
        await self.client.create(DEPLOYMENTS, deployment("podinfo", version))
        target = deployment("podinfo", version)
        template = rewrites.primary_template(target, ())
        primary = deployment("podinfo-primary", version)
        await self.client.create(DEPLOYMENTS, {**primary, "spec": {**primary["spec"], "template": template}})
        await self.client.create(CANARIES, CANARY)
        await self.canary_status("Initialized", 0)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(1)
            if not self.asleep:
                await self.source()
                await self.kustomization()
                await self.canary()

    async def source(self) -> None:
        """Fetch the commit that is pinned, else the branch's."""
        there = await self.client.get(GIT_REPOSITORIES, "podinfo", "apps")
        assert there is not None
        pin = dig(there, "spec", "ref", "commit")
        commit = pin or self.git.head
        known = commit in self.git.versions
        revision = f"sha1:{commit}" if pin else f"main@sha1:{commit}"
        ready = ("True", "Succeeded", "stored artifact") if known else ("False", "GitOperationFailed", f"no {commit}")
        status: NewObject = {
            "observedGeneration": generation_of(there),
            "conditions": [condition(there, "Ready", *ready, self)],
        }
        if known and not dig(there, "spec", "suspend"):
            status["artifact"] = artifact(revision)
            await self.patch_status(GIT_REPOSITORIES, there, status)
        elif not known:
            await self.patch_status(GIT_REPOSITORIES, there, status)

    async def kustomization(self) -> None:
        """Apply what was fetched: here, one Deployment's image."""
        there = await self.client.get(KUSTOMIZATIONS, "podinfo", "apps")
        source = await self.client.get(GIT_REPOSITORIES, "podinfo", "apps")
        revision = str(dig(source, "status", "artifact", "revision") or "")
        if there is None or not revision or dig(there, "spec", "suspend"):
            return
        commit = revision.rpartition(":")[2]
        status: NewObject = {"observedGeneration": generation_of(there), "lastAttemptedRevision": revision}
        if commit in self.git.broken:
            status["conditions"] = [condition(there, "Ready", "False", "BuildFailed", "kustomize build failed", self)]
        else:
            await self.set_image("podinfo", self.git.versions[commit])
            status["lastAppliedRevision"] = revision
            status["inventory"] = {"entries": [{"id": "test_podinfo_apps_Deployment", "v": "v1"}]}
            status["conditions"] = [condition(there, "Ready", "True", "ReconciliationSucceeded", "applied", self)]
        await self.patch_status(KUSTOMIZATIONS, there, status)

    async def set_image(self, name: str, version: str) -> None:
        there = await self.client.get(DEPLOYMENTS, name, "test")
        assert there is not None
        if image(there) != version:
            changed = mutable(there)
            changed["spec"]["template"]["spec"]["containers"][0]["image"] = version
            await self.client.update(DEPLOYMENTS, changed)

    async def canary(self) -> None:
        """Advance by 10 percent a step; at 30 the verdict comes."""
        there = await self.client.get(CANARIES, "podinfo", "test")
        target = await self.client.get(DEPLOYMENTS, "podinfo", "test")
        primary = await self.client.get(DEPLOYMENTS, "podinfo-primary", "test")
        if there is None or target is None or primary is None or dig(there, "spec", "suspend"):
            return
        phase, weight = dig(there, "status", "phase"), int(dig(there, "status", "canaryWeight") or 0)
        version, tried = image(target), dig(there, "status", "lastAppliedSpec")
        if image(primary) == version:
            if phase == "Progressing":
                await self.canary_status("Initialized", 0, version)
        elif phase != "Progressing" and not (phase == "Failed" and tried == version):
            await self.canary_status("Progressing", 0, version)
        elif phase == "Progressing":
            await self.advance(there, version, weight)

    async def advance(self, there: Object, version: str, weight: int) -> None:
        if weight >= 20 and version in self.bad:
            text = "Halt podinfo.test advancement success rate 66.67% < 99%"
            await self.client.create(EVENTS, event(there, text, self.clock.now()))
            await self.canary_status("Failed", 0, version)
        elif weight >= 50:
            await self.set_image("podinfo-primary", version)
            await self.canary_status("Succeeded", 0, version)
        else:
            await self.canary_status("Progressing", weight + 10, version)

    async def canary_status(self, phase: str, weight: int, version: str = "") -> None:
        there = await self.client.get(CANARIES, "podinfo", "test")
        assert there is not None
        now = format_time(self.clock.now())
        before = dig(there, "status", "conditions", 0) or {}
        state = {"Failed": "False", "Progressing": "Unknown"}.get(phase, "True")
        promoted = before if before.get("reason") == phase else {
            "type": "Promoted", "status": state, "reason": phase, "message": phase,
            "lastUpdateTime": now, "lastTransitionTime": now,
        }  # fmt: skip
        status = {
            "phase": phase, "canaryWeight": weight, "failedChecks": 0, "iterations": 0, "lastTransitionTime": now,
            "lastAppliedSpec": version, "conditions": [promoted],
        }  # fmt: skip
        await self.patch_status(CANARIES, there, status)

    async def patch_status(self, resource: Any, there: Object, status: NewObject) -> None:
        if any((there.get("status") or {}).get(key) != value for key, value in status.items()):
            namespace, _, name = key_of(there).partition("/")
            await self.client.patch(resource, name, {"status": status}, namespace, subresource="status")


def image(obj: Object) -> str:
    return str(dig(obj, "spec", "template", "spec", "containers", 0, "image"))


def artifact(revision: str) -> NewObject:
    when = "2026-11-24T10:00:00Z"
    return {
        "revision": revision,
        "digest": "sha256:" + "0" * 64,
        "path": "a",
        "url": "http://a/a",
        "lastUpdateTime": when,
    }


def condition(there: Object, kind: str, status: str, reason: str, message: str, site: Site) -> NewObject:
    before: Mapping[str, Any] = next((c for c in dig(there, "status", "conditions") or () if c.get("type") == kind), {})
    same = before.get("status") == status
    when = before["lastTransitionTime"] if same else format_time(site.clock.now())
    made = {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": when}
    return {**made, "observedGeneration": generation_of(there)}


def event(about: Object, text: str, now: datetime) -> NewObject:
    moment = format_time(now)
    return {
        "apiVersion": "v1", "kind": "Event", "metadata": {"generateName": "podinfo-", "namespace": "test"},
        "involvedObject": {"kind": "Canary", "name": "podinfo", "namespace": "test", "uid": uid_of(about)},
        "type": "Warning", "reason": "Synced", "message": text, "count": 1,
        "firstTimestamp": moment, "lastTimestamp": moment, "source": {"component": "flagger"},
    }  # fmt: skip


def repository(branch: str, name: str = "podinfo") -> NewObject:
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
        "metadata": {"name": name, "namespace": "apps"},
        "spec": {"url": "https://git.example/podinfo", "interval": "1m", "ref": {"branch": branch}},
    }  # fmt: skip


KUSTOMIZATION: NewObject = {
    "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
    "metadata": {"name": "podinfo", "namespace": "apps"},
    "spec": {
        "interval": "10m", "path": "./", "prune": True, "timeout": "2m",
        "sourceRef": {"kind": "GitRepository", "name": "podinfo"},
    },
}  # fmt: skip

CANARY: NewObject = {
    "apiVersion": "flagger.app/v1beta1", "kind": "Canary", "metadata": {"name": "podinfo", "namespace": "test"},
    "spec": {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "podinfo"},
        "service": {"port": 9898},
        "analysis": {"interval": "10s", "threshold": 2, "maxWeight": 50, "stepWeight": 10},
    },
}  # fmt: skip


def deployment(name: str, version: str) -> NewObject:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "test"},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "podinfod", "image": version}]},
            },
        },
    }  # fmt: skip


def definitions() -> list[NewObject]:
    flux = flux_definitions()
    return [
        *flux,
        *(d for d in canary_wire.definitions() if d["spec"]["names"]["kind"] == "Canary"),
        *wire.definitions(),
    ]


class FakeMembers:
    """Members that a test sets."""

    def __init__(self) -> None:
        self.members: dict[str, Member] = {}
        self.listeners: list[Callable[[str], None]] = []

    def all(self) -> list[Member]:
        return [self.members[name] for name in sorted(self.members)]

    def get(self, name: str) -> Member | None:
        return self.members.get(name)

    def listen(self, changed: Callable[[str], None]) -> None:
        self.listeners.append(changed)

    def set(self, member: Member) -> None:
        self.members[member.name] = member
        self.tell(member.name)

    def remove(self, name: str) -> None:
        self.members.pop(name, None)
        self.tell(name)

    def tell(self, name: str) -> None:
        for listener in self.listeners:
            listener(name)


FLEET_ROLLOUT: NewObject = {
    "apiVersion": "volary.dev/v1alpha1",
    "kind": "FleetRollout",
    "metadata": {"name": "podinfo", "namespace": "apps"},
    "spec": {
        "source": {"gitRepositoryRef": {"name": "podinfo"}},
        "inCluster": {"canaryRef": {"namespace": "test", "name": "podinfo"}},
        "stages": [
            {"name": "west", "clusterSelector": {"matchLabels": {"ring": "first"}}},
            {"name": "rest", "clusterSelector": {}},
        ],
    },
}


class Scene:
    """Everything, for one test."""

    def __init__(self, clock: VirtualClock, *names: str) -> None:
        self.clock = clock
        self.git = Git("a" * 40, {"a" * 40: "v1"})
        self.bad: dict[str, set[str]] = {name: set() for name in names}
        self.hub_server = self._server("hub")
        self.sites = {name: Site(name, self._server(name), self.git, self.bad[name], clock) for name in names}
        self.hub = Client(InProcess(self.hub_server, user_agent="person"), "person")
        self.members = FakeMembers()
        self.controllers: list[Controller[Any, Any]] = []
        self.leading = True

    def _server(self, name: str) -> ApiServer:
        true = VirtualClock(sum(map(ord, name)), self.clock.epoch)
        return ApiServer(name, true.now, true.rng, true.new_id)

    async def prepare(self, rollout: NewObject = FLEET_ROLLOUT) -> None:
        for namespace in ("kube-system", "apps"):
            await self.hub.create(
                NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
            )
        for definition in definitions():
            await self.hub.create(DEFINITIONS, definition)
        await self.hub.create(GIT_REPOSITORIES, repository("main"))
        await self.follow_branch()
        for site in self.sites.values():
            await site.prepare()
        await self.hub.create(FLEET_ROLLOUTS, rollout)

    async def follow_branch(self) -> None:
        """The hub's source has fetched the branch."""
        there = await self.hub.get(GIT_REPOSITORIES, "podinfo", "apps")
        assert there is not None
        ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored"}
        status = {
            "observedGeneration": generation_of(there),
            "artifact": artifact(f"main@sha1:{self.git.head}"),
            "conditions": [{**ready, "lastTransitionTime": "2026-11-24T10:00:00Z"}],
        }
        await self.hub.patch(GIT_REPOSITORIES, "podinfo", {"status": status}, "apps", subresource="status")

    async def push(self, letter: str, version: str) -> str:
        commit = self.git.push(letter * 40, version)
        await self.follow_branch()
        return commit

    async def rollout(self) -> NewObject:
        found = await self.hub.get(FLEET_ROLLOUTS, "podinfo", "apps")
        assert found is not None
        return found

    async def run(self, name: str) -> NewObject:
        found = await self.hub.get(FLEET_ROLLOUT_RUNS, name, "apps")
        assert found is not None, f"there is no run {name}"
        return found

    async def until(self, true: Callable[[], Any], seconds: float = 600.0) -> None:
        """Wait until the coroutine function says True."""
        async with asyncio.timeout(seconds):
            while not await true():  # noqa: ASYNC110  (the server is asked as a person would)
                await asyncio.sleep(1)

    async def ended(self, name: str) -> NewObject:
        async def done() -> bool:
            found = await self.hub.get(FLEET_ROLLOUT_RUNS, name, "apps")
            return bool(dig(found, "status", "endedAt"))

        await self.until(done, 3600)
        return await self.run(name)

    async def installed(self) -> None:
        async def done() -> bool:
            return dig(await self.rollout(), "status", "current", "commit") is not None

        await self.until(done)

    async def pins(self) -> dict[str, str]:
        found = {}
        for name, site in self.sites.items():
            there = await site.client.get(GIT_REPOSITORIES, "podinfo", "apps")
            found[name] = str(dig(there, "spec", "ref", "commit") or "")[:1]
        return found

    async def said(self, kind: str = "") -> list[str]:
        """Return the lines that the fleet has said, oldest first."""
        events = (await self.hub.list(EVENTS)).items
        ours = [
            e
            for e in events
            if dig(e, "source", "component") == MANAGER and kind in ("", dig(e, "involvedObject", "kind"))
        ]
        return [str(e["message"]) for e in sorted(ours, key=lambda e: int(e["metadata"]["resourceVersion"]))]


Wrap = Callable[[str, Transport], Transport]


@asynccontextmanager
async def site(*names: str, rollout: NewObject = FLEET_ROLLOUT, skew: timedelta = timedelta()) -> AsyncIterator[Scene]:
    """Run servers and scripts, without the program under test (the first cluster is in ring `first`)."""
    made = Scene(VirtualClock(7, skew=skew), *(names or ("west", "east")))
    await made.prepare(rollout)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.run()) for each in made.sites.values()]
        yield made
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def program(made: Scene, wrap: Wrap | None = None) -> AsyncIterator[None]:
    """Run the program under test until the block ends, or it dies."""
    async with asyncio.TaskGroup() as group:
        tasks = start(made, group, wrap)
        yield
        for task in tasks:
            task.cancel()


@asynccontextmanager
async def scene(
    *names: str,
    rollout: NewObject = FLEET_ROLLOUT,
    wrap: Wrap | None = None,
    skew: timedelta = timedelta(),
) -> AsyncIterator[Scene]:
    """Run everything until the block ends."""
    async with site(*names, rollout=rollout, skew=skew) as made, program(made, wrap):
        yield made


def start(made: Scene, group: asyncio.TaskGroup, wrap: Wrap | None = None) -> list[asyncio.Task[None]]:
    """Start the program: caches and controllers of the hub, caches of the members."""
    through = wrap or (lambda name, transport: transport)
    tasks = []
    made.members.listeners.clear()
    for index, (name, site) in enumerate(made.sites.items()):
        cluster = cluster_of(name, through(name, InProcess(site.server)), made.clock)
        labels: Mapping[str, str] = {"ring": "first"} if index == 0 else {}
        uid = f"uid-of-{name}"
        made.members.set(Member(name, uid, labels, False, "True", "Connected", "", None, cluster))
        tasks.append(group.create_task(cluster.informers.run()))
    hub = cluster_of("", through("hub", InProcess(made.hub_server)), made.clock)
    made.controllers = fleet_controllers(hub, made.members, lambda: made.leading)
    tasks.append(group.create_task(hub.informers.run()))
    tasks += [group.create_task(controller.run()) for controller in made.controllers]
    return tasks


__all__ = ["FLEET_ROLLOUT", "LABELS", "Scene", "Site", "program", "scene", "site", "start"]
