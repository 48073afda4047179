"""A process that is stopped (SIGSTOP) and goes on later (SIGCONT) beside others that run, in one event loop.

Whatever a process has begun carries its name in its context. While it is frozen, every callback of it waits; then all
run in their order, and find that time has passed. Answers that had come lie in its buffers, as they would.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from volary.sim.loop import VirtualLoop

T = TypeVar("T")
PROCESS: contextvars.ContextVar[str] = contextvars.ContextVar("process", default="")


class Guarded:
    """A callback of a process: it waits while that is frozen."""

    def __init__(self, loop: FreezingLoop, name: str, work: Callable[[], object]) -> None:
        self.loop = loop
        self.name = name
        self.work = work
        self.handle: asyncio.Handle | None = None

    def __call__(self) -> None:
        if self.handle is not None and self.handle.cancelled():
            return  # while it waited
        if not self.loop.held(self):
            self.work()


class FreezingLoop(VirtualLoop):
    """A virtual loop whose processes can be frozen, each by its name."""

    def __init__(self) -> None:
        super().__init__()
        self._frozen: dict[str, list[tuple[Guarded, contextvars.Context]]] = {}

    def freeze(self, name: str, seconds: float) -> None:
        """Stop a process for so long."""
        self._frozen.setdefault(name, [])
        self.call_later(seconds, self._thaw, name, context=contextvars.Context())

    def _thaw(self, name: str) -> None:
        """Let a process go on: what waited runs now, in its order."""
        for guarded, context in self._frozen.pop(name, ()):
            super().call_soon(guarded, context=context)

    def held(self, guarded: Guarded) -> bool:
        """Keep a callback of a frozen process; return whether it is one."""
        waiting = self._frozen.get(guarded.name)
        if waiting is None:
            return False
        waiting.append((guarded, contextvars.copy_context()))
        return True

    def call_soon(self, callback: Any, *args: Any, context: Any = None) -> asyncio.Handle:  # type: ignore[override]
        guarded = self._guarded(callback, args, context)
        if guarded is None:
            return super().call_soon(callback, *args, context=context)
        guarded.handle = handle = super().call_soon(guarded, context=context)
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Any = None
    ) -> asyncio.TimerHandle:
        guarded = self._guarded(callback, args, context)
        if guarded is None:
            return super().call_at(when, callback, *args, context=context)
        guarded.handle = handle = super().call_at(when, guarded, context=context)
        return handle

    def _guarded(self, callback: Any, args: tuple[Any, ...], context: Any) -> Guarded | None:
        """Return the callback as one of its process, None where it belongs to none."""
        name = (context if context is not None else contextvars.copy_context()).get(PROCESS, "")
        return Guarded(self, name, partial(callback, *args)) if name else None


async def as_process(name: str, work: Coroutine[Any, Any, T]) -> T:
    """Do work as a process of this name; what it starts belongs to it."""
    PROCESS.set(name)
    return await work


def run_freezing(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end in virtual time, in a loop that can freeze processes."""
    with asyncio.Runner(loop_factory=FreezingLoop) as runner:
        return runner.run(main)
