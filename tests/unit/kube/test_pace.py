"""The pace of new connections, in virtual time."""

from __future__ import annotations

import asyncio

from volary.kube.pace import Pace
from volary.sim.loop import run_virtually


def test_a_crowd_goes_by_turns_and_a_few_at_once() -> None:
    async def main() -> list[float]:
        loop, pace, went = asyncio.get_running_loop(), Pace(at_once=50, a_second=100), list[float]()
        await asyncio.sleep(10)

        async def one() -> None:
            await pace.turn()
            went.append(loop.time() - 10)

        async with asyncio.TaskGroup() as group:
            for _ in range(250):
                group.create_task(one())
        return went

    went = run_virtually(main())
    assert went[:50] == [0.0] * 50
    assert 0 < went[50] < 0.02
    assert 1.9 < went[-1] < 2.1
    assert went == sorted(went)
