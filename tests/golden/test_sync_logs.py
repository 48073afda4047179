"""What sync decides while commits come and go, sentence by sentence; `make golden` accepts another story."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from tests.simulation.sync_world import World, config_map, play, tree
from volary.kube.resources import CONFIG_MAPS, GIT_REPOSITORIES, KUSTOMIZATIONS

LOG = Path(__file__).parent / "sync.log"


class Sentences(dict[str, str]):
    """The last sentence for each key; writes down each that differs from the one before."""

    def __init__(self, kind: str, log: list[str]) -> None:
        super().__init__()
        self.kind = kind
        self.log = log

    def __setitem__(self, key: str, sentence: str) -> None:
        if self.get(key) != sentence:
            seconds = asyncio.get_running_loop().time()
            self.log.append(f"{seconds:6.1f}s {self.kind:<14} {sentence}")
        super().__setitem__(key, sentence)


async def story(world: World, log: list[str]) -> None:
    await world.install()
    async with world.running() as controllers:
        for kind, controller in zip(("GitRepository", "Kustomization"), controllers, strict=True):
            controller.passes.because = Sentences(kind, log)
        steps = (
            ("push two objects", tree("one", "two")),
            ("push broken YAML", {**tree("one"), "deploy/two.yaml": "a: [\n"}),
            ("push an object that is refused", {**tree("one"), "deploy/bad.yaml": config_map("Bad_Name", a="1")}),
            ("push an empty folder", {"README.md": "gone"}),
            ("push two objects, one of them new", tree("one", "three", a="2")),
        )
        first = ""
        for what, files in steps:
            log.append(f"-- {what}")
            commit = world.repository.push(files, message=what)
            first = first or commit
            await asyncio.sleep(60)
        log.append("-- a person changes an object")
        await world.person.patch(CONFIG_MAPS, "one", {"data": {"a": "mine"}}, "apps")
        await asyncio.sleep(60)
        log.append("-- the first commit is pinned")
        await world.person.patch(GIT_REPOSITORIES, "app", {"spec": {"ref": {"commit": first}}}, "apps")
        await asyncio.sleep(60)
        log.append("-- the Kustomization is deleted")
        await world.person.delete(KUSTOMIZATIONS, "app", "apps")
        await asyncio.sleep(60)


def test_log_is_as_it_was() -> None:
    log: list[str] = []
    play(lambda world: story(world, log))
    text = "\n".join(log) + "\n"
    if os.environ.get("VOLARY_GOLDEN") == "accept":
        LOG.write_text(text)
    assert text == LOG.read_text()
