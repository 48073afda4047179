"""The LIST/WATCH machine against a server that forgets, cuts and starts over: the store is true in the end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from volary.kube.errors import Expired, ServerBusy
from volary.kube.watch import PAGE_SIZE, Change, Current, Unlisted, Watcher, reached

Obj = dict[str, Any]


def obj(name: str, version: int) -> Obj:
    return {"metadata": {"name": name, "namespace": "apps", "resourceVersion": str(version), "managedFields": []}}


class MachineAgainstServer(RuleBasedStateMachine):
    """The model keeps all that ever happened; the machine sees it through lists and cut streams.

    What listeners were told, replayed, must give the store: nothing is told twice, nothing is left out.
    """

    def __init__(self) -> None:
        super().__init__()
        self.version = 10
        self.oldest = 10
        self.there: dict[str, int] = {}
        self.history: list[tuple[int, str, Obj]] = []
        self.watcher = Watcher()
        self.replayed: dict[str, str] = {}

    @rule(name=st.sampled_from("abcd"))
    def write(self, name: str) -> None:
        self.version += 1
        kind = "MODIFIED" if name in self.there else "ADDED"
        self.there[name] = self.version
        self.history.append((self.version, kind, obj(name, self.version)))

    @precondition(lambda self: self.there)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.there)))
        self.version += 1
        del self.there[name]
        self.history.append((self.version, "DELETED", obj(name, self.version)))

    @rule()
    def noise(self) -> None:
        self.version += 1

    @rule()
    def compact(self) -> None:
        self.oldest = self.version

    @rule(most=st.integers(0, 4), bookmark=st.booleans())
    def step(self, most: int, bookmark: bool) -> None:
        """Do what the machine wants: a list, or a watch that is cut after `most` events."""
        match self.watcher.state:
            case Unlisted():
                self.hear(self.watcher.listed([obj(*item) for item in self.there.items()], str(self.version)))
            case Current(version) if int(version) < self.oldest:
                self.watcher.expired()
            case Current(version):
                self.follow([event for event in self.history if event[0] > int(version)], most, bookmark)

    def follow(self, events: list[tuple[int, str, Obj]], most: int, bookmark: bool) -> None:
        for _, kind, about in events[:most]:
            change = self.watcher.happened({"type": kind, "object": about})
            self.hear([change] if change else [])
        if bookmark and len(events) <= most:
            mark = {"metadata": {"resourceVersion": str(self.version)}}
            assert self.watcher.happened({"type": "BOOKMARK", "object": mark}) is None

    def hear(self, changes: list[Change]) -> None:
        for change in changes:
            assert self.replayed.get(change.key) == seen(change.old), "old is what was told last"
            if change.new is None:
                self.replayed.pop(change.key, None)
            else:
                assert "managedFields" not in change.new["metadata"]
                assert self.replayed.get(change.key) != seen(change.new), "nothing is told twice"
                self.replayed[change.key] = seen(change.new) or ""

    @invariant()
    def what_was_told_is_what_is_held(self) -> None:
        assert self.replayed == {key: seen(held) for key, held in stored(self.watcher)}

    @invariant()
    def the_store_is_the_past_of_its_version(self) -> None:
        if self.watcher.version:
            assert set(self.replayed.values()) <= {str(event[0]) for event in self.history}
            assert int(self.watcher.version) <= self.version

    def teardown(self) -> None:
        for _ in range(3):
            self.step(10_000, True)
        assert self.replayed == {f"apps/{name}": str(version) for name, version in self.there.items()}
        for name, version in self.there.items():
            assert self.watcher.at_least(name, "apps", str(version))


def stored(watcher: Watcher) -> list[tuple[str, Obj | None]]:
    return [(key, watcher.store.get(key)) for key in watcher.store.items]


def seen(held: Obj | None) -> str | None:
    return held["metadata"]["resourceVersion"] if held else None


TestMachineAgainstServer = MachineAgainstServer.TestCase
TestMachineAgainstServer.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_pages_that_expired_once_are_asked_for_in_one_answer_until_a_list_succeeds() -> None:
    watcher = Watcher()
    assert watcher.state == Unlisted(PAGE_SIZE)
    watcher.expired()
    assert watcher.state == Unlisted(0)
    watcher.listed([], "5")
    watcher.expired()
    assert watcher.state == Unlisted(PAGE_SIZE)


def test_an_error_event_is_the_error_it_carries() -> None:
    watcher = Watcher()
    watcher.listed([], "5")
    with pytest.raises(Expired, match="too old"):
        watcher.happened({"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}})
    with pytest.raises(ServerBusy):
        watcher.happened({"type": "ERROR", "object": {"code": 500}})
    assert watcher.version == "5"


def test_a_history_that_runs_backwards_is_another_one() -> None:
    watcher = Watcher()
    watcher.listed([], "50")
    with pytest.raises(Expired, match="began anew"):
        watcher.happened({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "7"}}})


@pytest.mark.parametrize(
    ("have", "want", "answer"),
    [("10", "9", True), ("9", "10", False), ("9", "9", True), ("b", "a", False), ("a", "a", True), ("", "1", False)],
)
def test_only_numbers_have_an_order(have: str, want: str, answer: bool) -> None:
    assert reached(have, want) is answer
