"""Bad input and bad days, through the whole program: one clear sentence, and the last good state kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from volary.demo.world import HUB, HUB_NAMESPACE, NAMESPACE
from volary.fleet import commands
from volary.kube.objects import Resource, dig
from volary.kube.resources import CANARIES, DEPLOYMENTS, GIT_REPOSITORIES, KUSTOMIZATIONS
from volary.sim.guard import Guard, unrest
from volary.sim.life import Process
from volary.sim.loop import run_virtually
from volary.sim.people import BAD, BROKEN, GOOD, Author, Person
from volary.sim.stage import VirtualStage, staged

Story = Callable[[VirtualStage, Author], Awaitable[None]]


def played(story: Story, prepare: Callable[[Process], None] = lambda process: None, safe: bool = True) -> None:
    """Play a story after the installation; nothing unsafe may happen in it."""

    async def whole() -> None:
        async with staged() as stage:
            guard, process = Guard(stage), stage.start()
            prepare(process)
            assert await stage.acts(1) == []
            author = Author(stage.project, lambda text: None)
            await story(stage, author)
            if safe:
                assert guard.check() == []

    run_virtually(whole())


async def until(what: str, true: Callable[[], bool], seconds: float = 120) -> None:
    for _ in range(int(seconds * 10)):
        if true():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"not in {seconds:g} s: {what}")


async def in_mid_run(stage: VirtualStage) -> None:
    """Wait until west has 20 % on the canary."""
    await until("20 %", lambda: dig(stage.world.canary("west"), "status", "canaryWeight") == 20)


async def ended(stage: VirtualStage, release: int, phase: str) -> None:
    commit = stage.project.commits[release]
    await until(f"{phase} of version {release}", lambda: stage.world.run_phase(commit) == phase)
    await asyncio.sleep(2)


async def edit(stage: VirtualStage, where: str, resource: Resource, spec: dict[str, object]) -> None:
    namespace = NAMESPACE if resource is CANARIES else HUB_NAMESPACE
    client = stage.clusters[where].client("kubectl")
    await client.patch(resource, "podinfo", {"spec": spec}, namespace, manager="kubectl-edit")


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (BROKEN, "BuildFailed: apps/podinfo/release.yaml line 2: mapping values are not allowed in this context"),
        ("", "BuildFailed: spec.path ./clusters/west is not a folder of this revision"),
    ],
)
def test_a_commit_that_cannot_be_built_deletes_nothing(kind: str, sentence: str) -> None:
    async def story(stage: VirtualStage, author: Author) -> None:
        if not kind:
            for path in [path for path in stage.project.files if path.startswith("clusters/")]:
                del stage.project.files[path]
        author.push(kind or GOOD)
        await ended(stage, 2, "RolledBack")
        assert sentence in stage.why()
        assert unrest(stage, 1) == []

    played(story)


def test_a_commit_that_is_not_in_the_branch_starts_nothing() -> None:
    async def story(stage: VirtualStage, author: Author) -> None:
        stranger = stage.repository.push(stage.project.files, branch="other", message="elsewhere")
        await edit(stage, HUB, GIT_REPOSITORIES, {"ref": {"commit": stranger}})
        await until("a word", lambda: f'commit {stranger} is not in the branch "main"' in stage.why())
        assert stage.world.runs.items() == []
        assert unrest(stage, 1) == []

    played(story)


def test_a_force_push_takes_a_commit_away_and_that_is_said() -> None:
    """West has it, and keeps it; east cannot fetch it any more. A person takes it back, and what is there now goes."""

    async def story(stage: VirtualStage, author: Author) -> None:
        author.push(GOOD)
        await in_mid_run(stage)
        stage.repository.refs["refs/heads/main"] = stage.project.commits[1]
        author.push(GOOD)
        gone = stage.project.commits[2]
        await until("a word", lambda: f"east: GitRepository apps/podinfo: commit {gone} is not in" in stage.why())
        assert unrest(stage, 1, "east") == []
        assert await Person(stage, lambda text: None).tell(commands.rollback)
        await ended(stage, 3, "Succeeded")
        assert unrest(stage, 3) == []

    played(story)


def test_of_pushes_in_mid_run_the_newest_is_next() -> None:
    async def story(stage: VirtualStage, author: Author) -> None:
        author.push(GOOD)
        await in_mid_run(stage)
        author.push(BAD)
        author.push(GOOD)
        await ended(stage, 2, "Succeeded")
        await ended(stage, 4, "Succeeded")
        assert stage.world.run_of(stage.project.commits[3]) is None
        assert unrest(stage, 4) == []

    played(story)


def test_a_pin_edited_by_hand_is_held_and_named() -> None:
    async def story(stage: VirtualStage, author: Author) -> None:
        author.push(GOOD)
        await in_mid_run(stage)
        await edit(stage, "west", GIT_REPOSITORIES, {"ref": {"commit": stage.project.commits[1]}})
        await asyncio.sleep(30)
        assert 'spec.ref.commit is 1a9b560, set by "kubectl-edit"' in stage.why()
        assert "`volary resume podinfo --take-pin west` goes on" in stage.why()
        assert unrest(stage, 1) == []
        assert await Person(stage, lambda text: None).tell(commands.take_pin)
        await ended(stage, 2, "Succeeded")
        assert unrest(stage, 2) == []

    played(story)


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        (GIT_REPOSITORIES, "GitRepository apps/podinfo"),
        (KUSTOMIZATIONS, "Kustomization apps/podinfo"),
        (CANARIES, "Canary test/podinfo"),
    ],
)
def test_what_is_suspended_in_mid_run_is_named_and_goes_on_later(resource: Resource, name: str) -> None:
    async def story(stage: VirtualStage, author: Author) -> None:
        author.push(GOOD)
        await in_mid_run(stage)
        await edit(stage, "west", resource, {"suspend": True})
        await asyncio.sleep(60)
        assert f"MemberSuspended, west: {name} is suspended; set its spec.suspend to false" in stage.why()
        await edit(stage, "west", resource, {"suspend": False})
        await ended(stage, 2, "Succeeded")
        assert unrest(stage, 2) == []

    played(story)


def test_a_deployment_deleted_in_mid_run_is_said_and_put_back() -> None:
    async def story(stage: VirtualStage, author: Author) -> None:
        author.push(GOOD)
        await in_mid_run(stage)
        await stage.clusters["west"].client("kubectl").delete(DEPLOYMENTS, "podinfo", NAMESPACE)
        await ended(stage, 2, "Succeeded")
        said = [one.details["message"] for one in stage.story.observations if one.details.get("kind") == "Warning"]
        assert said == ["deployment podinfo.test get query error: not found; apply it again, or delete the Canary"]
        assert unrest(stage, 2) == []

    played(story)


def test_a_canary_deleted_in_mid_run_is_named() -> None:
    """What it owned goes with it, as with Flagger; Git brings it back, and it begins with what Git says."""

    async def story(stage: VirtualStage, author: Author) -> None:
        author.push(GOOD)
        await in_mid_run(stage)
        await stage.clusters["west"].client("kubectl").delete(CANARIES, "podinfo", NAMESPACE)
        await ended(stage, 2, "Succeeded")
        holds = [one.details["message"] for one in stage.story.observations if one.type == "hold"]
        assert "west: there is no Canary test/podinfo; correct inCluster.canaryRef, or add the Canary" in holds
        assert unrest(stage, 2) == []

    played(story, safe=False)


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_an_hour_off_changes_nothing(hours: int) -> None:
    def skew(process: Process) -> None:
        process.skew = timedelta(hours=hours)

    async def story(stage: VirtualStage, author: Author) -> None:
        assert await stage.acts(2) == []
        await asyncio.sleep(5)
        assert unrest(stage, 2, "west") == []

    played(story, skew)


def test_a_cluster_that_is_not_there_at_the_start_is_named_and_comes_later() -> None:
    async def whole() -> None:
        async with staged() as stage:
            stage.start().darken("east", 300.0)
            await asyncio.sleep(100)
            assert stage.why() == "podinfo: first pins: 1/2 clusters are proven; east is unreachable."
            assert stage.world.canary_phase("west") == "Initialized"
            await asyncio.sleep(290)
            assert unrest(stage, 1) == []
            assert await stage.acts(2, 3) == []

    run_virtually(whole())
