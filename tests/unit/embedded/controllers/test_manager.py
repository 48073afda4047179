from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from tests.unit.embedded.small_cluster import Small, play
from volary.embedded.api.errors import Problem, conflict
from volary.embedded.api.local import Object
from volary.embedded.api.server import ApiServer
from volary.embedded.controllers.manager import Key, Manager
from volary.embedded.controllers.rollouts.template_hash import ALPHABET, same_template, template_hash
from volary.sim.loop import VirtualLoop


class Scripted:
    """A controller that does what its script says, pass by pass."""

    name = "scripted"
    sources = ("/configmaps",)

    def __init__(self, *script: float | Exception | None) -> None:
        self.script = list(script)
        self.passes: list[tuple[float, Key]] = []

    def keys(self, resource: str, old: Object | None, new: Object | None) -> Iterable[Key]:
        if resource == "/configmaps" and new is not None:
            yield (new["metadata"]["name"],)

    def reconcile(self, key: Key) -> float | None:
        self.passes.append((round(asyncio.get_running_loop().time(), 3), key))
        act = self.script.pop(0) if self.script else None
        if isinstance(act, Exception):
            raise act
        return act


def run(controller: Scripted, seconds: float, names: tuple[str, ...] = ("one",)) -> list[tuple[float, Key]]:
    """Let a manager see one write for each name, then let time pass."""

    async def story() -> None:
        local = ApiServer("x", lambda: datetime(2026, 11, 24, tzinfo=UTC), random.Random(1), lambda: "uid").local
        local.create("/namespaces", {"metadata": {"name": "test"}}, "me")
        manager = Manager(local, [controller])
        manager.start(asyncio.get_running_loop())
        for name in names:
            local.create("/configmaps", {"metadata": {"name": name, "namespace": "test"}}, "me")
        await asyncio.sleep(seconds)
        manager.stop()
        local.create("/configmaps", {"metadata": {"name": "late", "namespace": "test"}}, "me")
        await asyncio.sleep(1)

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())
    return controller.passes


def test_each_write_brings_one_pass_later() -> None:
    assert run(Scripted(), 10, ("one", "two")) == [(0.0, ("one",)), (0.0, ("two",))]


def test_a_pass_may_ask_to_come_back() -> None:
    assert [at for at, _ in run(Scripted(5.0, 2.0, None), 60)] == [0.0, 5.0, 7.0]


def test_a_conflict_is_tried_again_soon_and_other_failures_ever_later() -> None:
    stale = conflict("", "configmaps", "one", "modified")
    times = [at for at, _ in run(Scripted(stale, Problem(500, "", "no"), ValueError("bug"), None), 60)]
    assert times == [0.0, 0.01, 0.03, 0.07]


def test_failures_never_wait_longer_than_the_limit() -> None:
    times = [at for at, _ in run(Scripted(*[ValueError("bug")] * 20), 200)]
    assert max(later - sooner for sooner, later in pairwise(times)) == 30.0


def test_a_manager_that_was_stopped_does_nothing_more() -> None:
    assert ("late",) not in [key for _, key in run(Scripted(), 1)]


def test_an_event_is_kept_for_an_hour() -> None:
    async def story(cluster: Small) -> None:
        about = {"apiVersion": "v1", "kind": "Namespace", "name": "x", "namespace": "test"}
        stamp = (cluster.world.now() - timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
        metadata = {"name": "one", "namespace": "test"}
        event = {"metadata": metadata, "involvedObject": about, "reason": "X", "lastTimestamp": stamp}
        cluster.local.create("/events", event, "me")
        await asyncio.sleep(49 * 60)
        assert cluster.local.get("/events", "test", "one") is not None
        await asyncio.sleep(2 * 60)
        assert cluster.local.get("/events", "test", "one") is None

    play(story)


def test_a_template_has_one_hash_whatever_the_order_of_its_fields() -> None:
    one = {"metadata": {"labels": {"a": "1", "b": "2"}}, "spec": {"x": 1, "y": [1, 2]}}
    other = {"spec": {"y": [1, 2], "x": 1}, "metadata": {"labels": {"b": "2", "a": "1", "pod-template-hash": "z"}}}
    assert same_template(one, other)
    assert template_hash(one) == template_hash(other) == "8lk9q6kmjs"
    assert template_hash(one, 1) != template_hash(one)
    assert set(template_hash(one)) <= set(ALPHABET)
    assert not same_template(one, {**one, "spec": {"x": 2, "y": [1, 2]}})
