"""Virtual time: hours in milliseconds, the same order in each run, and a deadlock that is an error."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import timedelta

import pytest
from aiohttp import ClientSession, ClientTimeout, web

from volary.sim.clock import EPOCH, VirtualClock
from volary.sim.loop import Stuck, VirtualLoop, run_virtually


def test_two_hours_pass_at_once_and_exactly() -> None:
    async def sleeper() -> float:
        for _ in range(720):
            await asyncio.sleep(10)
        return asyncio.get_running_loop().time()

    began = time.perf_counter()
    assert run_virtually(sleeper()) == 7200.0
    assert time.perf_counter() - began < 5


def test_timers_fire_in_their_order_and_at_their_time() -> None:
    async def main() -> list[tuple[float, str]]:
        seen: list[tuple[float, str]] = []

        async def at(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            seen.append((asyncio.get_running_loop().time(), name))

        async with asyncio.TaskGroup() as group:
            for seconds, name in ((3.5, "c"), (0.25, "a"), (3.0, "b")):
                group.create_task(at(seconds, name))
        return seen

    assert run_virtually(main()) == [(0.25, "a"), (3.0, "b"), (3.5, "c")]


def test_a_timeout_strikes_in_virtual_time() -> None:
    async def main() -> float:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(90):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run_virtually(main()) == 90.0


def test_a_wait_that_nothing_can_end_is_an_error() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck):
        run_virtually(main())


def test_sets_of_tasks_come_in_the_order_of_creation() -> None:
    async def main() -> list[str]:
        async def name(text: str) -> str:
            return text

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(name(str(number))) for number in range(200)]
            done, _ = await asyncio.wait(tasks)
            return [task.result() for task in done]

    first = run_virtually(main())
    numbers = [int(text) for text in first]
    turn = numbers.index(0)  # a set of consecutive hashes is a ring that may start anywhere
    assert numbers[turn:] + numbers[:turn] == list(range(200))


def test_threads_are_run_in_line() -> None:
    async def main() -> tuple[int, float]:
        result = await asyncio.to_thread(lambda: 6 * 7)
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 / 0)
        return result, asyncio.get_running_loop().time()

    assert run_virtually(main()) == (42, 0.0)


def test_real_http_over_loopback_works_while_hours_pass() -> None:
    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(1800)
        return web.Response(text="done")

    async def main() -> tuple[str, float]:
        app = web.Application()
        app.router.add_get("/", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            async with ClientSession(timeout=ClientTimeout(total=3600)) as session:
                async with session.get(f"http://127.0.0.1:{runner.addresses[0][1]}/") as response:
                    return await response.text(), asyncio.get_running_loop().time()
        finally:
            await runner.cleanup()

    text, seconds = run_virtually(main())
    assert text == "done"
    assert 1800 <= seconds < 1801


def test_a_jump_leaves_what_is_due_for_afterwards() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        woke: list[float] = []
        loop.call_later(5, lambda: woke.append(loop.time()))
        loop.jump(60)
        assert woke == []
        await asyncio.sleep(0)
        return woke

    assert run_virtually(main()) == [60.0]


def test_the_clock_follows_the_loop_and_the_seed() -> None:
    async def main(seed: int) -> tuple[object, ...]:
        clock = VirtualClock(seed, skew=timedelta(hours=1))
        await asyncio.sleep(90)
        return clock.now(), clock.new_id(), clock.rng.random()

    first, again, other = run_virtually(main(1)), run_virtually(main(1)), run_virtually(main(2))
    assert first[0] == EPOCH + timedelta(hours=1, seconds=90)
    assert first == again
    assert first[1:] != other[1:]
