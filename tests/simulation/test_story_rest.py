"""What the whole program asks of its clusters: how much during a release, and nothing at all at rest."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from volary.demo.world import HUB, MEMBERS
from volary.kube.objects import condition
from volary.kube.resources import CLUSTERS, GIT_REPOSITORIES
from volary.sim.cluster import noticed
from volary.sim.guard import unrest
from volary.sim.life import Process
from volary.sim.loop import run_virtually
from volary.sim.stage import Setting, VirtualStage, staged

MINUTE = Setting(interval="1m", interval_seconds=60.0)
HOUR = 3600.0

Story = Callable[[VirtualStage, Process], Awaitable[None]]


def played(setting: Setting, story: Story) -> None:
    async def whole() -> None:
        async with staged(setting) as stage:
            await story(stage, stage.start())

    run_virtually(whole())


def requests(stage: VirtualStage, places: dict[str, int]) -> list[str]:
    """Return what our program asked for since these places of the audit logs, watches and Leases aside."""
    return [
        f"{name}: {noticed(entry)}"
        for name, cluster in stage.clusters.items()
        for entry in cluster.asked(since=places[name])
        if entry["verb"] != "watch" and (entry.get("objectRef") or {}).get("resource") != "leases"
    ]


def places(stage: VirtualStage) -> dict[str, int]:
    return {name: len(cluster.audit) for name, cluster in stage.clusters.items()}


def test_nothing_is_asked_for_at_rest() -> None:
    async def story(stage: VirtualStage, process: Process) -> None:
        assert await stage.acts(1, 2, 3) == []
        await asyncio.sleep(5)
        before = places(stage)
        await asyncio.sleep(60)
        assert requests(stage, before) == []

    played(Setting(), story)


def test_nothing_is_asked_for_in_an_hour_after_a_bad_release() -> None:
    async def story(stage: VirtualStage, process: Process) -> None:
        await stage.acts(1, 4)
        person = stage.clusters[HUB].client("person")
        await person.patch(GIT_REPOSITORIES, "podinfo", {"spec": {"interval": "1m"}}, "apps")
        await asyncio.sleep(120)
        before = places(stage)
        await asyncio.sleep(HOUR)
        assert requests(stage, before) == []
        assert unrest(stage, 1) == []

    played(MINUTE, story)


def test_a_silent_cluster_is_noticed_at_rest() -> None:
    async def story(stage: VirtualStage, process: Process) -> None:
        assert await stage.acts(1) == []
        await asyncio.sleep(100)
        process.darken("east", HOUR)
        await asyncio.sleep(90)
        said = await reachable(stage, "east")
        assert (said["status"], said["reason"]) == ("Unknown", "Timeout")
        assert (await reachable(stage, "west"))["status"] == "True"
        process.calm()
        await asyncio.sleep(90)
        assert (await reachable(stage, "east"))["status"] == "True"

    played(Setting(), story)


async def reachable(stage: VirtualStage, name: str) -> dict[str, str]:
    found = await stage.clusters[HUB].client("person").get(CLUSTERS, name)
    return dict(condition(found or {}, "Reachable") or {})


def test_a_release_costs_so_many_passes_and_requests() -> None:
    """Acts 2 and 3 at `interval: 1m`: what is asked of a member is exact, and what it is made of is written down."""

    async def story(stage: VirtualStage, process: Process) -> None:
        assert await stage.acts(1) == []
        await asyncio.sleep(5)
        before, passes = places(stage), count_passes(process)
        assert await stage.acts(2, 3) == []
        await asyncio.sleep(5)
        asked = Counter(kind_of(line) for line in requests(stage, before))
        for name in MEMBERS:
            assert {kind: count for (place, kind), count in asked.items() if place == name} == ASKED_OF_A_MEMBER, name
        assert sum(count for (place, _), count in asked.items() if place == HUB) <= MOST_ASKED_OF_THE_HUB
        made = count_passes(process) - passes
        polls = made.pop("sync/gitrepositories/local")  # two a second, and they ask the hub for nothing
        assert polls <= 2.1 * stage.story.clock()
        assert {name: count for name, count in made.items() if count > MOST_PASSES[name.partition("/")[0]]} == {}

    played(MINUTE, story)


ASKED_OF_A_MEMBER = {
    "create services/proxy": 6,  # the pre-rollout hook once, the load test at each step
    "get services/proxy": 10,  # two metrics at each of five steps
    "create events": 14,  # the eleven lines; three of the source and the Kustomization
    "update canaries/status": 9,  # five steps, and four phases
    "update virtualservices": 6,  # five steps, and back to the primary
    "patch deployments": 3,  # Git's own, scaled up, scaled down
    "update deployments": 1,  # the promotion
    "patch gitrepositories": 1,  # the pin
    "patch gitrepositories/status": 1,
    "patch kustomizations/status": 1,
    "get gitrepositories": 2,  # the proof before, and after
    "get kustomizations": 2,
    "get canaries": 2,
    "get deployments": 4,
    "list events": 1,  # the last warning, as the turn began
}
MOST_ASKED_OF_THE_HUB = 60  # one status for each thing that a person would see change
MOST_PASSES = {"fleetrolloutrun": 140, "fleetrollout": 110, "canary": 50, "sync": 25}


def kind_of(line: str) -> tuple[str, str]:
    """Return (cluster, verb and resource) of a request in words."""
    place, _, rest = line.partition(": ")
    return place, " ".join(rest.split()[:2])


def count_passes(process: Process) -> Counter[str]:
    found: Counter[str] = Counter()
    for controller in process.life.program.controllers:
        found[controller.name] += controller.count
    return found
