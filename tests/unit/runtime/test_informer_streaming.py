"""Lists that come as events, and objects that are held packed: what is seen is the same."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from tests.unit.kube.fake_server import FakeServer
from volary.kube.client import Client
from volary.kube.keeping import WHOLE, Form, Packed
from volary.kube.objects import Object, key_of, version_of
from volary.kube.resources import CONFIG_MAPS
from volary.runtime.informer import Informer, Informers
from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually

MAPS = "api/v1/configmaps"


def config_map(name: str, value: str = "1") -> dict[str, Any]:
    return {"metadata": {"name": name, "managedFields": [{}]}, "data": {"value": value}, "binaryData": {"much": "x"}}


class Bench:
    """A server and an informer on it that would have its lists streamed."""

    def __init__(self, streams: bool = True, form: Form = WHOLE) -> None:
        self.server = FakeServer()
        self.server.streams = streams
        self.client = Client(self.server, streams_lists=True)
        self.informer = Informer(self.client, CONFIG_MAPS, VirtualClock(), form=form)
        self.told: list[tuple[str, str, str]] = []

    def hear(self, old: Object | None, new: Object | None) -> None:
        self.told.append((key_of(new or old or {}), version_of(old or {}), version_of(new or {})))

    def put(self, name: str, value: str = "1") -> str:
        return version_of(self.server.put(MAPS, config_map(name, value), "apps"))

    def values(self) -> dict[str, str]:
        return {key_of(obj): obj["data"]["value"] for obj in self.informer.items()}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.informer.run())
            await self.informer.synced.wait()
            yield
            task.cancel()


def test_a_list_is_streamed_and_the_same_stream_goes_on() -> None:
    async def main() -> None:
        bench = Bench()
        bench.put("a")
        bench.put("b")
        async with bench.running():
            assert bench.values() == {"apps/a": "1", "apps/b": "1"}
            bench.put("b", "2")
            await asyncio.sleep(1)
            assert bench.values() == {"apps/a": "1", "apps/b": "2"}
            assert len(bench.server.requests) == 1
            await asyncio.sleep(100)
        assert bench.server.count("GET") == 0
        assert [one.query.get("sendInitialEvents") for one in bench.server.requests] == ["true", None, None]

    run_virtually(main())


def test_after_a_410_what_vanished_is_told_from_the_streamed_list_too() -> None:
    async def main() -> None:
        bench = Bench()
        first, second = bench.put("gone"), bench.put("kept")
        async with bench.running():
            bench.informer.listen(bench.hear)
            bench.told.clear()
            bench.server.hush(True)
            bench.server.remove(MAPS, "gone", "apps")
            third = bench.put("new")
            bench.server.forget()
            await asyncio.sleep(10)
            bench.server.hush(False)
            await asyncio.sleep(120)
            assert bench.told == [("apps/gone", first, ""), ("apps/new", "", third)]
            assert version_of(bench.informer.get("kept", "apps") or {}) == second
        assert bench.server.count("GET") == 0

    run_virtually(main())


def test_a_server_that_refuses_is_asked_once_and_then_for_pages() -> None:
    async def main() -> None:
        bench = Bench(streams=False)
        bench.put("a")
        async with bench.running():
            assert bench.values() == {"apps/a": "1"}
        asked = [one.query.get("sendInitialEvents", "no") for one in bench.server.requests]
        assert asked[:3] == ["true", "no", "no"]
        assert not bench.client.streams_lists
        assert bench.informer.trouble is None

    run_virtually(main())


def test_a_server_that_does_not_know_the_word_is_found_out_when_its_watch_ends() -> None:
    async def main() -> None:
        bench = Bench()
        bench.put("a")
        stream = bench.server.stream

        def deaf(request: Any) -> Any:
            request.query.pop("sendInitialEvents", None)
            return stream(request)

        bench.server.stream = deaf  # type: ignore[method-assign]
        async with bench.running():
            assert bench.values() == {"apps/a": "1"}
        assert bench.server.count("GET") == 1

    run_virtually(main())


def test_a_streamed_list_that_breaks_leaves_the_store_as_it_was() -> None:
    async def main() -> None:
        bench = Bench()
        bench.put("a")
        async with bench.running():
            bench.informer._watcher.expired()
            bench.informer._watcher.streams()
            bench.informer._watcher.stopped()
            assert bench.values() == {"apps/a": "1"}
            assert bench.informer.version == ""
            bench.put("b")
            await asyncio.sleep(100)
            assert bench.values() == {"apps/a": "1", "apps/b": "1"}

    run_virtually(main())


def test_a_packed_cache_shows_only_its_fields_and_tells_of_old_and_new() -> None:
    async def main() -> None:
        bench = Bench(form=Packed("data"))
        first = bench.put("a")
        bench.informer.listen(bench.hear)
        async with bench.running():
            second = bench.put("a", "2")
            await asyncio.sleep(1)
            assert bench.told == [("apps/a", "", first), ("apps/a", first, second)]
            seen = bench.informer.get("a", "apps") or {}
            assert sorted(seen) == ["apiVersion", "data", "kind", "metadata"]
            assert "managedFields" not in seen["metadata"]
            assert len(bench.informer) == 1

    run_virtually(main())


def test_whoever_wants_a_part_shares_the_cache_of_the_whole() -> None:
    informers = Informers(Client(FakeServer()), VirtualClock())
    whole = informers.get(CONFIG_MAPS, "apps")
    assert informers.get(CONFIG_MAPS, "apps", form=Packed("data")) is whole
    part = informers.get(CONFIG_MAPS, form=Packed("data"))
    assert informers.get(CONFIG_MAPS, form=Packed("data")) is part
    assert informers.get(CONFIG_MAPS, form=Packed("other")) is not part
    assert informers.get(CONFIG_MAPS) is not part
