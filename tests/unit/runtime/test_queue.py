"""The queue against a model that is too simple to be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from volary.runtime.queue import MOST_OUTDATED, WorkQueue

T0 = datetime(2026, 11, 24, 10, tzinfo=UTC)
KEYS = st.sampled_from("abc")
SECONDS = st.integers(-5, 30)


class QueueAgainstModel(RuleBasedStateMachine):
    """The model: wishes are a list of (time, key), hands a dictionary of what was wished meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: WorkQueue[str] = WorkQueue()
        self.now = T0
        self.waiting: dict[str, datetime] = {}
        self.hands: dict[str, list[datetime]] = {}

    @rule(key=KEYS, seconds=SECONDS)
    def add(self, key: str, seconds: int) -> None:
        at = self.now + timedelta(seconds=seconds)
        self.queue.add(key, at)
        if key in self.hands:
            self.hands[key].append(at)
        else:
            self.waiting[key] = min(at, self.waiting.get(key, at))

    @rule(seconds=st.integers(0, 20))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def take(self) -> None:
        key = self.queue.take(self.now)
        due = {name: at for name, at in self.waiting.items() if at <= self.now}
        if key is None:
            assert not due
            return
        assert due[key] == min(due.values()), "the key that was due longest comes first"
        assert key not in self.hands, "never in two hands at once"
        del self.waiting[key]
        self.hands[key] = []

    @precondition(lambda self: self.hands)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.hands)))
        self.queue.done(key)
        wishes = self.hands.pop(key)
        if wishes:
            self.waiting[key] = min(wishes)
            assert self.queue.next_due() == min(self.waiting.values())

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.queue.next_due() == min(self.waiting.values(), default=None)
        assert len(self.queue) == len(self.waiting) + len(self.hands)


TestQueueAgainstModel = QueueAgainstModel.TestCase
TestQueueAgainstModel.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_equal_times_are_served_in_the_order_of_asking() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for key in "cab":
        queue.add(key, T0)
    assert [queue.take(T0) for _ in range(4)] == ["c", "a", "b", None]


def test_a_key_that_is_always_wanted_sooner_leaves_no_trail() -> None:
    queue: WorkQueue[str] = WorkQueue()
    for number in range(10 * MOST_OUTDATED):
        queue.add("a", T0 + timedelta(days=1))
        queue.add("a", T0 + timedelta(seconds=number))
        assert queue.take(T0 + timedelta(seconds=number)) == "a"
        queue.done("a")
    assert len(queue._heap) <= MOST_OUTDATED + 2
