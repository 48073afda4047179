"""Virtual time: an event loop that, instead of sleeping until the next timer, moves its clock there.

Hours pass in milliseconds and the code under test is unchanged. A wait that nothing can end is an error with a stack
instead of a hang. Real sockets within this process still work: what one side wrote is readable at the next look, and
time moves only when nothing is.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import selectors
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class Stuck(RuntimeError):
    """Nothing is ready, no timer is set: whoever waits would wait for ever."""


class VirtualSelector(selectors.DefaultSelector):
    """Looks at real sockets without waiting; where the loop wants to wait, the clock jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0  # seconds since the simulation began

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise Stuck("no timer is set and nothing is ready to run")
        self.now += max(timeout, 0.0)
        return ready


class OrderedTask(asyncio.Task[T]):
    """A task that hashes by the order of its creation.

    Sets of tasks (asyncio.wait, TaskGroup) iterate by hash; the default is the address in memory, another in each run.
    """

    _count = itertools.count()

    def __init__(self, coro: Any, **options: Any) -> None:
        self._number = next(OrderedTask._count)
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._number

    def __eq__(self, other: object) -> bool:
        return self is other


class VirtualLoop(asyncio.SelectorEventLoop):
    """Give it to `asyncio.Runner(loop_factory=VirtualLoop)`; `time()` starts at 0."""

    def __init__(self) -> None:
        self._virtual = VirtualSelector()
        super().__init__(self._virtual)
        # Timers due within the resolution run together; time here is exact, so only rounding is forgiven.
        self._clock_resolution = 1e-9
        self.set_task_factory(make_task)

    def time(self) -> float:
        return self._virtual.now

    def jump(self, seconds: float) -> None:
        """Let time pass at once, what is due waits: a computer that was asleep, a stopped process."""
        self._virtual.now += seconds

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Run `func` here and now: threads would bring back real time and chance."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


def make_task(
    loop: asyncio.AbstractEventLoop,
    coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
    context: contextvars.Context | None = None,
    **options: Any,
) -> OrderedTask[T]:
    return OrderedTask(coro, loop=loop, context=context, **options)


def run_virtually(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in virtual time; cancel what it left running."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
