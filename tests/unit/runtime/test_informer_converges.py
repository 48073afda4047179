"""Whatever a server, or what stands before it, does: the cache ends up true, and asks at a measure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.kube.fake_server import FakeServer, Refusal, answer, line
from volary.kube.client import Client
from volary.kube.errors import Unreachable
from volary.kube.keeping import PACKED, WHOLE, Form
from volary.kube.objects import version_of
from volary.kube.resources import CONFIG_MAPS
from volary.kube.transport import Request, Response
from volary.runtime.informer import Informer
from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually

MAPS = "api/v1/configmaps"
PER_MINUTE = 130  # requests of one cache on the worst of days: a watch a second, and a list before each
CUTS = ("whole", "middle of a line", "after an event", "410", "html", "old bookmark", "twice", "drip", "no version")


class Mischief(FakeServer):
    """Serves the next watches and lists as a script says; then honestly."""

    def __init__(self, cuts: list[str], lists: list[str]) -> None:
        super().__init__()
        self.cuts, self.lists = cuts, lists

    async def request(self, request: Request) -> Response:
        whole = await super().request(request)
        match self.lists.pop(0) if self.lists else "whole":
            case "html":
                return Response(200, {}, b"<html>please log in</html>")
            case "nothing":
                return answer(200, {})
            case "cut":
                return Response(200, {}, whole.body[: len(whole.body) // 2])
            case "break":
                raise Unreachable("Reset", "fake: the connection broke")
            case "patience":
                return Response(429, {"retry-after": "9" * 400}, b"")
        return whole

    async def _watch(self, request: Request) -> AsyncIterator[bytes]:
        cut = self.cuts.pop(0) if self.cuts else "whole"
        if cut == "drip":
            while True:
                yield b" "
                await asyncio.sleep(5)
        async for chunk in super()._watch(request):
            if cut == "middle of a line":
                yield chunk[: len(chunk) // 2]
                raise Unreachable("Reset", "fake: the connection broke")
            yield chunk
            if cut == "twice":
                yield chunk
            elif cut != "whole":
                yield strange(cut)
                return


def strange(cut: str) -> bytes:
    match cut:
        case "410":
            return line("ERROR", Refusal(410, "Expired").status)
        case "html":
            return b"<html>\n"
        case "old bookmark":
            return line("BOOKMARK", {"metadata": {"resourceVersion": "7"}})
        case "no version":
            return line("MODIFIED", {"metadata": {"name": "a", "namespace": "apps"}})
    return b""


def config_map(name: str, value: int) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": {"value": str(value)}}


@settings(deadline=None, max_examples=60)
@given(
    cuts=st.lists(st.sampled_from(CUTS), max_size=8),
    lists=st.lists(st.sampled_from(["whole", "html", "nothing", "cut", "break", "patience"]), max_size=4),
    writes=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2), st.integers(0, 30)), max_size=20),
    form=st.sampled_from([WHOLE, PACKED]),
    streams=st.booleans(),
)
def test_the_cache_ends_up_as_the_server_is(
    cuts: list[str], lists: list[str], writes: list[tuple[str, int, int]], form: Form, streams: bool
) -> None:
    async def main() -> None:
        server = Mischief(cuts, lists)
        informer = Informer(Client(server, streams_lists=streams), CONFIG_MAPS, VirtualClock(), form=form)
        told: dict[str, str] = {}
        informer.listen(lambda old, new: told.update({(new or old or {})["metadata"]["name"]: version_of(new or {})}))
        async with asyncio.TaskGroup() as group:
            task = group.create_task(informer.run())
            for name, what, wait in writes:
                if what:
                    server.put(MAPS, config_map(name, what), "apps")
                elif (MAPS, "apps", name) in server.objects:
                    server.remove(MAPS, name, "apps")
                await asyncio.sleep(wait)
                await asyncio.sleep(0)
            await asyncio.sleep(3600)
            task.cancel()
        wanted = {name: version_of(obj) for (_, _, name), obj in server.objects.items()}
        assert {obj["metadata"]["name"]: version_of(obj) for obj in informer.items()} == wanted
        assert {name: version for name, version in told.items() if version} == wanted
        assert informer.trouble is None

    run_virtually(main())


@pytest.mark.parametrize("cut", [cut for cut in CUTS if cut != "whole"])
@pytest.mark.parametrize("streams", [False, True])
def test_a_server_that_never_mends_is_asked_at_a_measure(cut: str, streams: bool) -> None:
    async def main() -> None:
        server = Mischief([cut] * 100_000, [])
        informer = Informer(Client(server, streams_lists=streams), CONFIG_MAPS, VirtualClock())
        server.put(MAPS, config_map("a", 0), "apps")
        async with asyncio.TaskGroup() as group:
            task = group.create_task(informer.run())
            for second in range(600):  # somebody writes all the time, so that each watch has something to say
                server.put(MAPS, config_map("a", second), "apps")
                await asyncio.sleep(1)
            task.cancel()
        assert len(server.requests) < PER_MINUTE * 10

    run_virtually(main())


@pytest.mark.parametrize("stray", [b"{}", b'{"items": []}', b'{"metadata": {}, "items": null}', b"<html>"])
def test_a_stray_answer_empties_no_cache(stray: bytes) -> None:
    async def main() -> None:
        server = Mischief([], [])
        server.put(MAPS, config_map("a", 1), "apps")
        informer = Informer(Client(server), CONFIG_MAPS, VirtualClock())
        gone: list[object] = []
        informer.listen(lambda old, new: gone.append(old) if new is None else None)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(informer.run())
            await informer.synced.wait()

            async def other(request: Request) -> Response:
                return Response(200, {}, stray)

            server.request = other  # type: ignore[method-assign]
            server.cuts += ["410"] * 99
            server.version += 1
            server.forget()
            await asyncio.sleep(30)
            assert "is this an API server?" in str(informer.trouble)
            assert len(informer) == 1
            assert not gone
            task.cancel()

    run_virtually(main())
