"""Hooks and metrics run beside passes: asked again where the server is in trouble, forgotten when progress changes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from tests.unit.canary.samples import progress
from volary.canary.facts import Answer, Outcome
from volary.canary.hooks import Call
from volary.canary.plan import HOOK, METRIC, Question
from volary.canary.questions import MOST_EVENTS_WAITING, Questions
from volary.canary.spec import Hook, HookType
from volary.runtime.events import Line
from volary.runtime.http import HttpRequest, HttpResponse, NoAnswer
from volary.sim.clock import VirtualClock
from volary.sim.loop import run_virtually

KEY = "test/podinfo"
GATE = Question("step", HOOK, 0, "gate")
RATE = Question("step", METRIC, 0, "rate")
HOOKS = Hook("gate", HookType.ROLLOUT, "http://gate/", timedelta(seconds=5), retries=2)
CALL = Call("podinfo", "test", "Progressing", progress(), "id")
GOOD = HttpResponse(200, {}, b'{"status":"success","data":{"resultType":"scalar","result":[0,"7"]}}')


class Server:
    """Answers in turn from a list; a text means no answer and why."""

    def __init__(self, *answers: HttpResponse | str | Exception, seconds: float = 1.0) -> None:
        self.answers = list(answers)
        self.seconds = seconds
        self.asked: list[tuple[float, HttpRequest]] = []
        self.woken: list[str] = []

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.asked.append((asyncio.get_running_loop().time(), request))
        await asyncio.sleep(self.seconds)
        answer = self.answers.pop(0) if self.answers else GOOD
        if isinstance(answer, str):
            raise NoAnswer(answer)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        pass


def ask(server: Server, story: Callable[[Questions], Awaitable[None]]) -> None:
    async def whole() -> None:
        questions = Questions(server, VirtualClock(), server.woken.append)
        asking = asyncio.get_running_loop().create_task(questions.run(asyncio.sleep(10_000)))
        await asyncio.sleep(0)
        await story(questions)
        asking.cancel()

    run_virtually(whole())


def answer_to(server: Server, question: Question, seconds: float = 100) -> Answer:
    """Ask one question and return its answer."""
    kept: list[Answer] = []

    async def story(questions: Questions) -> None:
        if question.kind == HOOK:
            questions.ask_hook(KEY, question, HOOKS, CALL)
        else:
            questions.ask_metric(KEY, question, "http://prometheus/", "up")
        assert questions.asked(KEY) == {question}
        await asyncio.sleep(seconds)
        assert questions.asked(KEY) == frozenset()
        kept.append(questions.answers(KEY)[question])

    ask(server, story)
    assert server.woken == [KEY]
    return kept[0]


@pytest.mark.parametrize(
    ("answers", "outcome", "text", "attempts"),
    [
        ([HttpResponse(200, {}, b"")], Outcome.YES, "", 1),
        ([HttpResponse(403, {}, b"Forbidden")], Outcome.NO, "Forbidden", 1),
        ([HttpResponse(503, {}, b""), HttpResponse(200, {}, b"")], Outcome.YES, "", 2),
        (["refused", "refused", HttpResponse(202, {}, b"")], Outcome.YES, "", 3),
        (["refused"] * 3, Outcome.NO, "POST http://gate/ giving up after 3 attempt(s): refused", 3),
        ([HttpResponse(500, {}, b"no")] * 3, Outcome.NO, "POST http://gate/ giving up after 3 attempt(s): no", 3),
    ],
)
def test_a_hook_is_asked_as_often_as_it_may(
    answers: list[HttpResponse | str], outcome: Outcome, text: str, attempts: int
) -> None:
    server = Server(*answers)
    answer = answer_to(server, GATE)
    assert (answer.outcome, answer.text, len(server.asked)) == (outcome, text, attempts)
    moments = [moment for moment, _ in server.asked]
    assert moments == [0.0, 2.0, 5.0][:attempts], "1 s and 2 s between attempts that take 1 s"
    assert len({request.headers["idempotency-key"] for _, request in server.asked}) == 1


@pytest.mark.parametrize(
    ("answer", "outcome", "value", "text"),
    [
        (GOOD, Outcome.VALUE, 7.0, ""),
        (HttpResponse(200, {}, GOOD.body.replace(b'"7"', b'"NaN"')), Outcome.EMPTY, 0.0, ""),
        ("connection refused", Outcome.UNKNOWN, 0.0, "connection refused"),
        (HttpResponse(503, {}, b"down"), Outcome.UNKNOWN, 0.0, "error response: Status 503: down"),
        (RuntimeError("a bug"), Outcome.UNKNOWN, 0.0, "internal error"),
    ],
)
def test_what_becomes_of_a_metric(
    answer: HttpResponse | str | Exception, outcome: Outcome, value: float, text: str
) -> None:
    found = answer_to(Server(answer), RATE)
    assert (found.outcome, found.value, found.text) == (outcome, value, text)


def test_what_is_forgotten_is_not_answered_and_wakes_nobody() -> None:
    server = Server(seconds=30)

    async def story(questions: Questions) -> None:
        questions.ask_hook(KEY, GATE, HOOKS, CALL)
        await asyncio.sleep(1)
        questions.forget(KEY)
        assert questions.asked(KEY) == frozenset()
        questions.ask_hook(KEY, GATE, HOOKS, CALL)
        await asyncio.sleep(40)
        assert list(questions.answers(KEY)) == [GATE]
        questions.forget(KEY)
        assert questions.answers(KEY) == {}

    ask(server, story)
    assert server.woken == [KEY], "by the second time only"


def test_event_hooks_hear_in_order_and_too_many_lines_are_dropped() -> None:
    server = Server(*["refused"] * 3, seconds=1)

    async def story(questions: Questions) -> None:
        for number in range(MOST_EVENTS_WAITING + 50):
            questions.tell(KEY, HOOKS, CALL, Line(f"line {number}"))
        await asyncio.sleep(1000)
        questions.tell(KEY, HOOKS, CALL, Line("later"))
        await asyncio.sleep(10)

    ask(server, story)
    bodies = [request.body.decode() for _, request in server.asked]
    assert len(bodies) == MOST_EVENTS_WAITING + 1
    assert [f'"line {number}"' in body for number, body in enumerate(bodies[:-1])] == [True] * MOST_EVENTS_WAITING
    assert '"later"' in bodies[-1]
    assert server.woken == []
