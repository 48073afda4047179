"""Informers on good and bad days, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.kube.fake_server import FakeServer, Refusal
from volary.kube.client import Client
from volary.kube.errors import Unreachable
from volary.kube.objects import Object, key_of, version_of
from volary.kube.resources import CONFIG_MAPS
from volary.runtime.errors import TryAgain
from volary.runtime.informer import Informer, Informers
from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually

MAPS = "api/v1/configmaps"
Told = list[tuple[str, str, str]]


def config_map(name: str, value: str = "1") -> dict[str, Any]:
    return {"metadata": {"name": name, "managedFields": [{}]}, "data": {"value": value}}


class Bench:
    """A server, an informer on it, and what a listener was told."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.informer = Informer(Client(self.server), CONFIG_MAPS, VirtualClock())
        self.told: Told = []
        self.informer.listen(self.hear)

    def hear(self, old: Object | None, new: Object | None) -> None:
        about = new or old
        assert about is not None
        self.told.append((key_of(about), version_of(old or {}), version_of(new or {})))

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


def test_it_lists_in_pages_then_follows_and_tells_every_change_once() -> None:
    async def main() -> None:
        bench = Bench()
        for number in range(1100):
            bench.put(f"m{number:04}")
        async with bench.running():
            assert len(bench.informer.items()) == 1100
            assert "managedFields" not in bench.informer.items()[0]["metadata"]
            bench.told.clear()
            first = bench.put("m0000", "2")
            second = bench.put("new")
            bench.server.remove(MAPS, "m0001", "apps")
            await asyncio.sleep(1)
            assert bench.told == [("apps/m0000", "101", first), ("apps/new", "", second), ("apps/m0001", "102", "")]
        assert bench.server.count("GET") == 3

    run_virtually(main())


def test_at_rest_there_is_nothing_but_watches_and_a_410_never_comes() -> None:
    async def main() -> None:
        bench = Bench()
        bench.put("a")
        async with bench.running():
            for _ in range(60):
                bench.server.put("api/v1/secrets", config_map("noise"), "apps")
                await asyncio.sleep(60)
                bench.server.forget()
                assert bench.informer.heard_at is not None
                assert bench.informer.clock.now() - bench.informer.heard_at <= timedelta(seconds=46)
        assert bench.server.count("GET") == 1
        assert bench.told == [("apps/a", "", "101")]

    run_virtually(main())


def test_what_happened_in_a_gap_is_told_as_a_difference() -> None:
    async def main() -> None:
        bench = Bench()
        for name in ("gone", "kept", "changed"):
            bench.put(name)
        async with bench.running():
            bench.told.clear()
            bench.server.hush(True)
            bench.server.remove(MAPS, "gone", "apps")
            bench.put("changed", "2")
            bench.put("new")
            bench.server.forget()
            await asyncio.sleep(10)
            bench.server.hush(False)
            await asyncio.sleep(120)
            assert bench.values() == {"apps/changed": "2", "apps/kept": "1", "apps/new": "1"}
            assert bench.told == [("apps/gone", "101", ""), ("apps/changed", "103", "105"), ("apps/new", "", "106")]

    run_virtually(main())


def test_a_silent_server_is_noticed_within_90_seconds_and_so_is_its_return() -> None:
    async def main() -> None:
        bench = Bench()
        health: list[str] = []
        bench.informer.on_health(lambda: health.append(getattr(bench.informer.trouble, "reason", "well")))
        async with bench.running():
            for wait in (0.5, 44.9, 45.1, 60.0):
                await asyncio.sleep(wait)
                bench.server.hush(True)
                await asyncio.sleep(90)
                assert isinstance(bench.informer.trouble, Unreachable)
                bench.server.hush(False)
                await asyncio.sleep(90)
                assert bench.informer.trouble is None
        assert health == ["Timeout", "well"] * 4

    run_virtually(main())


def test_pages_that_expire_while_they_are_read_are_asked_for_in_one_answer() -> None:
    async def main() -> None:
        bench = Bench()
        for number in range(700):
            bench.put(f"m{number:04}")
        request = bench.server.request

        async def forgetful(one: Any) -> Any:
            response = await request(one)
            bench.server.forget()
            return response

        bench.server.request = forgetful  # type: ignore[method-assign,assignment]
        async with bench.running():
            assert len(bench.informer.items()) == 700
        lists = [one.query.get("limit") for one in bench.server.requests if "watch" not in one.query]
        assert lists == ["500", "500", None]

    run_virtually(main())


def test_a_listener_that_raises_is_logged_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        bench = Bench()
        bench.informer.listen(lambda old, new: [][1])
        later: Told = []
        bench.informer.listen(lambda old, new: later.append(("", version_of(old or {}), version_of(new or {}))))
        async with bench.running():
            bench.put("a")
            bench.put("b")
            await asyncio.sleep(1)
        assert len(later) == len(bench.told) == 2

    run_virtually(main())
    assert [record.message for record in caplog.records] == ["a listener failed; this is a bug"] * 2


@pytest.mark.parametrize("junk", [b"not json\n", b'{"type": "ADDED"}\n', b"[]\n"])
def test_an_answer_that_cannot_be_read_leads_to_a_new_list(junk: bytes, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        bench = Bench()
        watch = bench.server._watch

        async def broken(request: Any) -> AsyncIterator[bytes]:
            bench.server._watch = watch  # type: ignore[method-assign]
            yield junk

        bench.server._watch = broken  # type: ignore[method-assign]
        async with bench.running():
            bench.put("a")
            await asyncio.sleep(5)
            assert bench.values() == {"apps/a": "1"}

    run_virtually(main())
    assert "cannot watch" in caplog.text
    assert "Traceback" not in caplog.text


def test_trouble_is_backed_off_said_once_and_retry_after_is_heeded(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        bench = Bench()
        bench.server.refusals = [Refusal(403, "Forbidden", "no watching here") for _ in range(30)]
        async with asyncio.TaskGroup() as group:
            task = group.create_task(bench.informer.run())
            await asyncio.sleep(60)
            tries = len(bench.server.requests)
            assert 6 <= tries <= 9
            assert not bench.informer.synced.is_set()
            bench.server.refusals.clear()
            await asyncio.sleep(40)
            assert bench.informer.synced.is_set()
            task.cancel()

    run_virtually(main())
    assert [record.message for record in caplog.records if record.levelname == "WARNING"] == ["cannot watch"]


def test_a_server_that_ends_every_watch_at_once_is_not_asked_in_a_circle() -> None:
    async def main() -> None:
        bench = Bench()

        async def short(request: Any) -> AsyncIterator[bytes]:
            for chunk in list[bytes]():
                yield chunk

        bench.server._watch = short  # type: ignore[method-assign]
        async with bench.running():
            await asyncio.sleep(300)
        assert len(bench.server.requests) < 25

    run_virtually(main())


def test_a_row_of_410_is_no_storm_of_lists_but_one_is_answered_at_once() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running():
            watch, bench.server._watch = bench.server._watch, expired  # type: ignore[method-assign]
            await asyncio.sleep(300)
            bench.server._watch = watch  # type: ignore[method-assign]
            assert bench.server.count("GET") < 20
            await asyncio.sleep(100)
            lists = bench.server.count("GET")
            bench.server.put("api/v1/secrets", config_map("noise"), "apps")
            bench.server.forget()
            await asyncio.sleep(0.1)
            assert bench.server.count("GET") == lists + 1

    async def expired(request: Any) -> AsyncIterator[bytes]:
        yield b'{"type": "ERROR", "object": {"code": 410}}\n'

    run_virtually(main())


@pytest.mark.parametrize("cut", [False, True])
def test_a_server_set_back_to_an_older_history_is_listed_anew(cut: bool) -> None:
    async def main() -> None:
        bench = Bench()
        bench.put("a", "old")
        async with bench.running():
            if cut:  # the next watch begins in that server's future
                bench.server.hush(True)
                await asyncio.sleep(61)
                bench.server.hush(False)
            bench.server.objects.clear()
            bench.server.history.clear()
            bench.server.version = bench.server.oldest = 7
            bench.put("b")
            await asyncio.sleep(120)
            bench.put("c")
            await asyncio.sleep(120)
            assert bench.values() == {"apps/b": "1", "apps/c": "1"}

    run_virtually(main())


def test_at_least_waits_for_our_own_write_also_when_the_object_is_gone_again() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running(), asyncio.TaskGroup() as group:
            seen = group.create_task(bench.informer.at_least("a", "apps", "101", 5))
            await asyncio.sleep(1)
            assert not seen.done()
            version = bench.put("a", "mine")
            await asyncio.sleep(0.1)
            assert (seen.result() or {})["data"] == {"value": "mine"}
            bench.put("a", "another's")
            assert (await bench.informer.at_least("a", "apps", version, 5) or {})["metadata"]["name"] == "a"
            bench.server.remove(MAPS, "a", "apps")
            assert await bench.informer.at_least("a", "apps", str(int(version) + 2), 5) is None
            bench.server.put("api/v1/secrets", config_map("noise"), "apps")  # ours was no match of the selector, say
            began = asyncio.get_running_loop().time()
            assert await bench.informer.at_least("b", "apps", str(bench.server.version), 60) is None
            assert asyncio.get_running_loop().time() - began < 46
            with pytest.raises(TryAgain, match="ConfigMap apps/a: our own last write has not come back within 5 s"):
                await bench.informer.at_least("a", "apps", "999", 5)

    run_virtually(main())


def test_until_gives_up_in_time_and_raises_what_the_question_raises() -> None:
    async def main() -> None:
        bench = Bench()
        async with bench.running(), asyncio.TaskGroup() as group:
            assert not await bench.informer.until(lambda: False, 3)
            broken = group.create_task(asked(bench))
            await asyncio.sleep(1)
            bench.put("a")
            await asyncio.sleep(1)
            assert broken.result()
            assert bench.values() == {"apps/a": "1"}

    async def asked(bench: Bench) -> bool:
        with pytest.raises(KeyError):
            await bench.informer.until(lambda: bool(bench.values()) and bench.values()["no"] == "", 30)
        return True

    run_virtually(main())


def test_informers_are_shared_started_late_too_and_know_the_health_of_the_whole() -> None:
    async def main() -> None:
        server = FakeServer()
        informers = Informers(Client(server), VirtualClock())
        changes: list[object] = []
        informers.on_health(lambda: changes.append(informers.trouble))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(informers.run())
            first = informers.get(CONFIG_MAPS)
            await asyncio.sleep(1)
            late = informers.get(CONFIG_MAPS, "apps")
            assert informers.get(CONFIG_MAPS) is first is not late
            await asyncio.sleep(1)
            assert late.synced.is_set()
            assert not changes
            server.hush(True)
            await asyncio.sleep(90)
            assert isinstance(informers.trouble, Unreachable)
            assert len(changes) == 2
            task.cancel()

    run_virtually(main())
