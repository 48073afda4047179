"""One embedded cluster in virtual time with the real client, informers and canary controller; only traffic is scripted.

Deployments, ReplicaSets, HPAs and Pods are those of `volary.embedded`; the metrics server and the hooks are a script
that answers from what the cluster shows, and keeps what was asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec

from tests.simulation import canary_manifests as manifests
from volary.canary.controller import CanaryController, controller
from volary.canary.observe import Seen
from volary.canary.options import Options
from volary.canary.plan import Plan
from volary.canary.wire import definitions as canary_definitions
from volary.embedded.api.server import ApiServer
from volary.embedded.audit import Recorder as Audit
from volary.embedded.controllers import World, controllers
from volary.embedded.node.addresses import Addresses
from volary.embedded.node.node import Node
from volary.embedded.node.pods import Setting
from volary.embedded.node.simulated_processes import SimulatedProcesses
from volary.embedded.transport import InProcess
from volary.kube.client import Client
from volary.kube.errors import Unreachable
from volary.kube.objects import NewObject, Object, Resource, condition, dig
from volary.kube.resources import AUTOSCALERS, CANARIES, DEFINITIONS, DEPLOYMENTS, VIRTUAL_SERVICES
from volary.kube.transport import Request, Response, Transport
from volary.providers.routers.istio import definitions as istio_definitions
from volary.runtime.cluster import Cluster
from volary.runtime.errors import Stalled
from volary.runtime.events import Recorder
from volary.runtime.http import HttpRequest, HttpResponse, NoAnswer
from volary.runtime.informer import Informers
from volary.runtime.reconcile import Feature
from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually

NAMESPACE = "test"
AGENT = "volary/canary-test"
WIDTH = 10  # of the time in a log


class Script:
    """The http seam: a metrics server and hooks that do as they are told."""

    def __init__(self) -> None:
        self.success: float | None = 100.0  # None: no value
        self.duration: float | None = 80.0
        self.refuse = ""  # why nothing answers; "": it does
        self.hook_status = 200
        self.hook_body = b""
        self.hook_seconds = 0.05
        self.queries: list[str] = []
        self.calls: list[dict[str, Any]] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0.02)
        if request.method == "POST":
            self.calls.append(msgspec.json.decode(request.body))
            await asyncio.sleep(self.hook_seconds)
            return HttpResponse(self.hook_status, {}, self.hook_body)
        if self.refuse:
            raise NoAnswer(self.refuse)
        query = parse_qs(urlsplit(request.url).query)["query"][0]
        self.queries.append(query)
        value = self.success if "istio_requests_total" in query else self.duration
        result = [] if value is None else [{"metric": {}, "value": [0, str(value)]}]
        body = {"status": "success", "data": {"resultType": "vector", "result": result}}
        return HttpResponse(200, {}, msgspec.json.encode(body))

    async def close(self) -> None:
        pass


class Faulty(InProcess):
    """The way to the API server; the program is killed when the server has done its n-th write."""

    crash_at = 0  # 0: never
    date: Callable[[], str] = staticmethod(lambda: "")
    before: Callable[[Request], None] = staticmethod(lambda request: None)  # what others do just before a write
    writes = 0
    crashed: Callable[[], None] = staticmethod(lambda: None)

    async def request(self, request: Request) -> Response:
        response = await self.answer(request)
        return Response(response.status, {**response.headers, "date": self.date()}, response.body)

    async def answer(self, request: Request) -> Response:
        if request.method == "GET":
            return await super().request(request)
        self.writes += 1
        self.before(request)
        if self.writes != self.crash_at:
            return await super().request(request)
        await super().request(request)
        self.crashed()
        raise Unreachable("Reset", "the program was killed")


@dataclass
class Play:
    """A running cluster, and ways to look at it and to act as people do."""

    api: ApiServer
    client: Client
    script: Script
    audit: list[dict[str, Any]]
    clock: VirtualClock
    processes: SimulatedProcesses
    group: asyncio.TaskGroup
    told: list[str] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)  # what each pass decided
    changed: asyncio.Event = field(default_factory=asyncio.Event)  # the Canary was written
    make_transport: Callable[[], Transport] | None = None  # another way to the API server than ours
    kills: int = 0
    skew: timedelta = timedelta()  # by which the program's clock is off
    program: asyncio.Task[None] | None = None
    controller: CanaryController | None = None
    transport: Faulty | None = None

    def start(self) -> None:
        """Start the program under test, as a new process that knows nothing."""
        self.transport = Faulty(self.api, audit=self.recorder(), user_agent=AGENT)
        self.transport.crashed = self.killed
        self.transport.date = self.api.date
        clock = VirtualClock(skew=self.skew)
        client = Client(self.make_transport() if self.make_transport else self.transport, AGENT)
        informers = Informers(client, clock)
        events = Recorder(client, clock)
        cluster = Cluster("", client, informers, self.script, events, clock, "http://prometheus:9090")
        self.controller = controller(cluster, Options())
        self.controller.passes.feature = Logged(self.controller.passes.feature, self.log)
        self.program = self.group.create_task(run_both(informers, self.controller))

    def log(self, sentence: str) -> None:
        """Keep a sentence with its time, unless it is the one before; what a rollout still lacks is not ours to log."""
        sentence = sentence.partition(": waiting")[0]
        if not self.logged or self.logged[-1][WIDTH:] != sentence:
            self.logged.append(f"{asyncio.get_running_loop().time():{WIDTH - 2}.2f}  {sentence}")

    def recorder(self) -> Audit:
        return Audit(self.audit.append, self.clock.now, self.clock.new_id)

    def killed(self) -> None:
        """Kill the program and start it again a little later."""
        assert self.program is not None, "nothing to kill"
        if self.program.cancelling() or self.program.done():
            return  # dead already
        self.program.cancel()
        self.kills += 1
        asyncio.get_running_loop().call_later(0.5, self.start)

    async def canary(self) -> Object:
        found = await self.client.get(CANARIES, "podinfo", NAMESPACE)
        assert found is not None
        return found

    async def phase(self) -> str:
        return str(dig(await self.canary(), "status", "phase") or "")

    async def weights(self) -> tuple[int, int]:
        route = await self.client.get(VIRTUAL_SERVICES, "podinfo", NAMESPACE)
        [rule] = dig(route, "spec", "http")
        primary, canary = (int(entry["weight"]) for entry in rule["route"])
        return primary, canary

    async def replicas(self, name: str) -> int:
        return int(dig(await self.client.get(DEPLOYMENTS, name, NAMESPACE), "spec", "replicas"))

    async def image(self, name: str) -> str:
        found = await self.client.get(DEPLOYMENTS, name, NAMESPACE)
        return str(dig(found, "spec", "template", "spec", "containers", 0, "image"))

    async def until(self, phase: str, seconds: float = 600) -> None:
        """Wait until the canary is in a phase."""
        await self.until_status("phase", phase, seconds)

    async def until_weight(self, weight: int, seconds: float = 600) -> None:
        """Wait until the status says so, and the route had time to follow."""
        await self.until_status("canaryWeight", weight, seconds)
        await asyncio.sleep(0.05)

    async def until_status(self, name: str, value: object, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while dig(await self.canary(), "status", name) != value:
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise AssertionError(f"{name} is not {value}: {await self.canary()} {self.told}") from None

    async def installed(self, **canary: Any) -> None:
        """Install podinfo, and wait until its canary is at rest."""
        for resource, obj in (
            (DEPLOYMENTS, manifests.deployment()),
            (AUTOSCALERS, manifests.autoscaler()),
            (CANARIES, manifests.canary(**canary)),
        ):
            await self.apply(resource, obj)
        await self.until("Initialized")
        await asyncio.sleep(20)

    async def change_canary(self, spec: NewObject) -> None:
        await self.client.patch(CANARIES, "podinfo", {"spec": spec}, NAMESPACE, manager="git")

    async def push(self, image: str) -> None:
        body = {"spec": {"template": {"spec": {"containers": [{"name": "podinfod", "image": image}]}}}}
        await self.client.patch(
            DEPLOYMENTS, "podinfo", body, NAMESPACE, "application/strategic-merge-patch+json", "git"
        )

    async def apply(self, resource: Resource, obj: NewObject) -> None:
        await self.client.apply(resource, obj, "git", force=True)

    def note(self, resource: str, old: Object | None, new: Object | None) -> None:
        """Keep what the canary's Events say, as they come; an Event that is counted again is told again."""
        if resource == "flagger.app/canaries":
            self.changed.set()
        if resource == "/events" and new is not None and dig(new, "source", "component") == "flagger":
            self.told.append(new["message"] if new["type"] == "Normal" else f"! {new['message']}")

    def requests(self, *verbs: str) -> list[str]:
        """Return what the program asked the API server for, watches aside."""
        return [
            f"{entry['verb']} {entry['objectRef']['resource']}/{entry['objectRef'].get('name', '')}"
            for entry in self.audit
            if entry["userAgent"] == AGENT
            and entry["stage"] == "ResponseComplete"
            and entry["verb"] not in ("watch", "list")
            and (not verbs or entry["verb"] in verbs)
        ]


class Logged:
    """The feature under test, with a log of what it decides."""

    def __init__(self, feature: Feature[Seen, Plan], log: Callable[[str], None]) -> None:
        self.feature = feature
        self.log = log

    async def observe(self, key: str) -> Seen | None:
        return await self.feature.observe(key)

    def decide(self, facts: Seen, now: datetime) -> Plan:
        plan = self.feature.decide(facts, now)
        self.log(plan.because)
        for line in (*plan.announce, *plan.halted):
            self.log(f"  {line.type}: {line.message}")
        return plan

    async def act(self, key: str, facts: Seen, plan: Plan) -> None:
        await self.feature.act(key, facts, plan)

    async def stall(self, key: str, why: Stalled) -> None:
        self.log(f"stalled: {why}")
        await self.feature.stall(key, why)


async def run_both(informers: Informers, program: CanaryController) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(informers.run())
        group.create_task(program.run())


@asynccontextmanager
async def playing() -> AsyncIterator[Play]:
    """Run a cluster with everything in it but Canaries and Deployments."""
    clock = VirtualClock()
    api = ApiServer("west", clock.now, clock.rng, clock.new_id)
    world = World(api.local, clock, events=False)
    manager = controllers(world)
    manager.start(asyncio.get_running_loop())
    processes = SimulatedProcesses(1.0)
    node = Node(world, processes, Addresses(1), Setting(), lease_seconds=None)
    client = Client(InProcess(api, user_agent="kubectl"), "kubectl")
    async with asyncio.TaskGroup() as group:
        running = group.create_task(node.run())
        for definition in (*canary_definitions(), *istio_definitions()):
            await client.create(DEFINITIONS, definition)
        await client.create(Resource("v1", "Namespace", "namespaces", False), namespace())
        play = Play(api, client, Script(), [], clock, processes, group)
        api.local.listen(play.note)
        play.start()
        try:
            yield play
        finally:
            assert play.program is not None
            play.program.cancel()
            running.cancel()
    manager.stop()


def namespace() -> NewObject:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


def play(story: Callable[[Play], Awaitable[None]]) -> None:
    """Run a story in a fresh cluster in virtual time."""

    async def whole() -> None:
        async with playing() as running:
            await story(running)

    run_virtually(whole())


def stalled(canary: Object) -> str:
    return str((condition(canary, "Stalled") or {}).get("message") or "")
