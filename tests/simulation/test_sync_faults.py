"""Bad luck, seeded: answers that never come, conflicts, busy servers, crashes, people and commits in any order.

While it lasts nothing that is ours may be missing from the inventory; when it ends everything must be as Git says.
The seed is the bug report.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from tests.simulation.sync_world import Crash, World, config_map, play
from volary.kube.errors import Unreachable
from volary.kube.objects import dig, labels_of
from volary.kube.resources import CONFIG_MAPS, KUSTOMIZATIONS
from volary.kube.transport import Request
from volary.sync.order import id_of
from volary.sync.wire import format_id

NAMES = [f"c{number}" for number in range(6)]
BUSY = {"kind": "Status", "code": 503, "reason": "ServiceUnavailable", "message": "busy"}
CONFLICT = {"kind": "Status", "code": 409, "reason": "Conflict", "message": "changed meanwhile"}
TOO_MANY = {"kind": "Status", "code": 429, "reason": "TooManyRequests", "message": "slow down"}


class Luck:
    """Decides what goes wrong."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.bad = True

    def before(self, request: Request) -> None:
        if self.bad and self.rng.random() < 0.02:
            raise Crash
        if self.bad and self.rng.random() < 0.03:
            raise Unreachable("Reset", "the line broke")

    def after(self, request: Request) -> None:
        if self.bad and self.rng.random() < 0.03:
            raise Unreachable("Timeout", "the answer was lost")

    def answer(self, request: Request) -> dict[str, Any] | None:
        if self.bad and self.rng.random() < 0.06:
            return self.rng.choice([BUSY, CONFLICT, TOO_MANY])
        return None


def some_commit(world: World, rng: random.Random) -> dict[str, str]:
    """Push a commit of some objects, at times a broken one; return what a good one wants, name to value."""
    wanted = {name: str(rng.randrange(5)) for name in rng.sample(NAMES, rng.randrange(1, len(NAMES)))}
    files = {f"deploy/{name}.yaml": config_map(name, a=value) for name, value in wanted.items()}
    broken = rng.choice([{}, {}, {}, {"deploy/x.yaml": "a: ["}, {"deploy/x.yaml": config_map("Bad_Name", a="1")}])
    world.repository.push({**files, **broken})
    return wanted


async def meddle(world: World, rng: random.Random) -> None:
    """A person does something to an object that may not be there."""
    name = rng.choice(NAMES)
    if await world.config_map(name) is None:
        return
    if rng.random() < 0.4:
        await world.person.delete(CONFIG_MAPS, name, "apps")
    else:
        await world.person.patch(CONFIG_MAPS, name, {"data": {"a": "theirs"}}, "apps")


async def unlisted(world: World) -> list[str]:
    listed = {entry["id"] for entry in dig(await world.ks(), "status", "inventory", "entries") or ()}
    ours = (await world.person.list(CONFIG_MAPS, "apps")).items
    return [
        format_id(id_of(obj))
        for obj in ours
        if labels_of(obj).get("kustomize.toolkit.fluxcd.io/name") == "app" and format_id(id_of(obj)) not in listed
    ]


async def bad_times(world: World, rng: random.Random, luck: Luck) -> None:
    """Let commits, people, faults and crashes come for ten minutes."""
    end = asyncio.get_running_loop().time() + 600
    while asyncio.get_running_loop().time() < end:
        try:
            async with world.running():
                while asyncio.get_running_loop().time() < end:
                    some_commit(world, rng)
                    await asyncio.sleep(rng.uniform(0, 60))
                    await meddle(world, rng)
                    assert await unlisted(world) == []
        except* Crash:
            assert await unlisted(world) == []


@pytest.mark.parametrize("seed", range(8))
def test_after_bad_times_everything_is_as_git_says(seed: int) -> None:
    async def story(world: World) -> None:
        rng = random.Random(seed)
        luck = Luck(rng)
        world.repository.push({"deploy/c0.yaml": config_map("c0", a="0")})
        await world.install()
        world.ours.before, world.ours.after, world.ours.answer = luck.before, luck.after, luck.answer
        world.ours.lag = lambda: rng.choice([0, 0, 0.01, 0.2, 3]) if luck.bad else 0.1
        await bad_times(world, rng, luck)
        luck.bad = False
        wanted = dict.fromkeys(rng.sample(NAMES, 3), "good")
        commit = world.repository.push({f"deploy/{n}.yaml": config_map(n, a=v) for n, v in wanted.items()})
        async with world.running():
            await world.until_applied(commit, seconds=200)
            await asyncio.sleep(200)
            found = (await world.person.list(CONFIG_MAPS, "apps")).items
            assert {obj["metadata"]["name"]: obj["data"]["a"] for obj in found} == wanted
            requests = len(world.ours.requests)
            await asyncio.sleep(600)
            assert len(world.ours.requests) == requests
            await world.person.delete(KUSTOMIZATIONS, "app", "apps")
            await asyncio.sleep(60)
            assert (await world.person.list(CONFIG_MAPS, "apps")).items == []

    play(story, seed)
