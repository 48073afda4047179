"""Webhooks and metrics, asked in tasks of their own: a pass never waits for them, and a person's stop never does.

An answer is kept in memory until progress changes; after a restart the question is asked again. So hooks carry a
stable id, and a measurement that counts is written down as a status.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from volary.canary.facts import Answer, Outcome
from volary.canary.hooks import Call, event_request, gave_up, hook_request, refusal, wait_before, worth_another_try
from volary.canary.plan import HOOK, Question
from volary.canary.spec import Hook
from volary.providers.metrics import prometheus
from volary.providers.metrics.reading import CannotRead, NoData
from volary.runtime.clock import Clock
from volary.runtime.events import Line
from volary.runtime.http import Http, HttpRequest, NoAnswer

log = logging.getLogger(__name__)

MOST_EVENTS_WAITING = 100  # lines to event hooks of one canary; a hook that is slower than that loses the newest


class Questions:
    """What is being asked, and what was answered, for each canary."""

    def __init__(self, http: Http, clock: Clock, wake: Callable[[str], None]) -> None:
        self.http = http
        self.clock = clock
        self.wake = wake
        self._tasks: dict[str, dict[Question, asyncio.Task[None]]] = {}
        self._answers: dict[str, dict[Question, Answer]] = {}
        self._telling: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}
        self._group: asyncio.TaskGroup | None = None

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work`, and with it whatever it asks, until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            await work

    def asked(self, key: str) -> frozenset[Question]:
        return frozenset(self._tasks.get(key, ()))

    def answers(self, key: str) -> dict[Question, Answer]:
        return dict(self._answers.get(key, {}))

    def forget(self, key: str) -> None:
        """Stop asking for a canary, and forget what was answered."""
        self._answers.pop(key, None)
        for task in self._tasks.pop(key, {}).values():
            task.cancel()

    def drop(self, key: str) -> None:
        """Forget a canary that is gone."""
        self.forget(key)
        self._telling.pop(key, None)
        self._waiting.pop(key, None)

    def ask_metric(self, key: str, question: Question, server: str, query: str) -> None:
        self._ask(key, question, self._measure(prometheus.request(server, query)))

    def ask_hook(self, key: str, question: Question, hook: Hook, call: Call) -> None:
        self._ask(key, question, self._call(hook, hook_request(hook, call)))

    def tell(self, key: str, hook: Hook, call: Call, line: Line) -> None:
        """Tell an event hook of a line, after the lines before it; what fails is only logged."""
        if self._waiting.get(key, 0) >= MOST_EVENTS_WAITING:
            log.warning("event hook is too slow, a line is not sent", extra={"key": key, "hook": hook.name})
            return
        self._waiting[key] = self._waiting.get(key, 0) + 1
        self._start(self._tell(key, hook, event_request(hook, call, line, self.clock.now())))

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        assert self._group is not None, "asked before run"
        return self._group.create_task(work)

    def _ask(self, key: str, question: Question, work: Coroutine[Any, Any, Answer]) -> None:
        self._answers.get(key, {}).pop(question, None)
        self._tasks.setdefault(key, {})[question] = self._start(self._answer(key, question, work))

    async def _answer(self, key: str, question: Question, work: Awaitable[Answer]) -> None:
        try:
            answer = await work
        except Exception:
            log.exception("asking failed; this is a bug", extra={"key": key, "question": question.name})
            outcome = Outcome.NO if question.kind == HOOK else Outcome.UNKNOWN
            answer = Answer(outcome, self.clock.now(), text="internal error")
        tasks = self._tasks.get(key, {})
        # A task that was forgotten while it ended has nothing to say any more.
        if tasks.get(question) is asyncio.current_task():
            del tasks[question]
            self._answers.setdefault(key, {})[question] = answer
            self.wake(key)

    async def _measure(self, request: HttpRequest) -> Answer:
        try:
            value = prometheus.read(await self.http.send(request))
        except (NoAnswer, CannotRead) as why:
            return Answer(Outcome.UNKNOWN, self.clock.now(), text=str(why))
        if isinstance(value, NoData):
            return Answer(Outcome.EMPTY, self.clock.now())
        return Answer(Outcome.VALUE, self.clock.now(), value)

    async def _call(self, hook: Hook, request: HttpRequest) -> Answer:
        """Ask a hook, and again where its server is in trouble, as often as the user wants."""
        cause = ""
        for attempt in range(hook.retries + 1):
            if attempt:
                await asyncio.sleep(wait_before(attempt).total_seconds())
            try:
                response = await self.http.send(request)
            except NoAnswer as why:
                cause = str(why)
                continue
            cause = refusal(response)
            if not worth_another_try(response):
                return Answer(Outcome.NO if cause else Outcome.YES, self.clock.now(), text=cause)
        return Answer(Outcome.NO, self.clock.now(), text=gave_up(hook, hook.retries + 1, cause))

    async def _tell(self, key: str, hook: Hook, request: HttpRequest) -> None:
        try:
            async with self._telling.setdefault(key, asyncio.Lock()):
                response = await self.http.send(request)
            if cause := refusal(response):
                log.info("error sending event to webhook", extra={"key": key, "hook": hook.name, "error": cause})
        except NoAnswer as why:
            log.info("error sending event to webhook", extra={"key": key, "hook": hook.name, "error": str(why)})
        finally:
            if key in self._waiting:
                self._waiting[key] -= 1
