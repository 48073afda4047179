"""Our controllers lead workloads through the stories as a real control plane was seen to."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.differential.life.digest import Change, digest
from tests.differential.life.record import RECORDED, path
from tests.differential.life.stories import ALL, NAME, Act, Object, Story
from tests.unit.embedded.small_cluster import Small, play
from volary.embedded.controllers.objects import namespace_of
from volary.kube.transport import Request, Response

WANTED: dict[str, Object] = json.loads(RECORDED.read_text())
START_SECONDS = 0.2  # as the testbed's nodes
NODES = 3


@pytest.mark.parametrize("story", ALL, ids=lambda it: it.name)
def test_a_story_goes_as_on_a_real_control_plane(story: Story) -> None:
    found: list[Object] = []

    async def whole(cluster: Small) -> None:
        found.append(await told(cluster, story))

    play(whole, START_SECONDS, NODES)
    assert found == [WANTED[story.name]]


async def told(cluster: Small, story: Story) -> Object:
    """Play a story; return its digest."""
    changes: list[Change] = []

    def note(resource: str, old: object, new: object) -> None:
        obj = new or old
        assert isinstance(obj, dict)
        if namespace_of(obj) == "test":
            changes.append((resource, "DELETED" if new is None else "MODIFIED", obj))

    cluster.local.listen(note)
    send(cluster, "POST", path("test", story.resource), story.body)
    before = 0.0
    for act in story.acts:
        await asyncio.sleep(act.at - before)
        before = act.at
        carry_out(cluster, story, act)
    await asyncio.sleep(story.seconds - before)
    return digest(story, changes)


def carry_out(cluster: Small, story: Story, act: Act) -> None:
    if act.patch is not None:
        send(cluster, "PATCH", path("test", story.resource, NAME), act.patch)
    else:
        send(cluster, "DELETE", path("test", "/pods", cluster.pods()[0]["metadata"]["name"]))


def send(cluster: Small, method: str, where: str, body: Object | None = None) -> None:
    kind = "application/strategic-merge-patch+json" if method == "PATCH" else "application/json"
    sent = json.dumps(body).encode() if body is not None else b""
    answer = cluster.api.handle(Request(method, where, {}, {"content-type": kind}, sent))
    assert isinstance(answer, Response)
    assert answer.status < 300, answer.body
