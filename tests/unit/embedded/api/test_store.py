"""The store alone: entries at rest, a ring that forgets, a keeper that may refuse."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.unit.embedded.api.server import Asked, deployment
from volary.embedded.api.errors import Problem, unexpected
from volary.embedded.api.store import Change, Entry, Store


def thing(name: str, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, **fields}


def test_an_entry_at_rest_is_the_same_object() -> None:
    server = Asked()
    server.apply("deployments/web", deployment("web"))
    entry = server.api.core.store.get("apps/deployments", "default", "web")
    assert entry
    obj, raw = entry.obj, entry.raw
    entry.rest()
    assert entry.raw is raw
    assert entry.obj == obj
    assert isinstance(entry.obj["metadata"]["managedFields"], msgspec.Raw)
    assert entry.obj is entry.obj
    again = Entry.at_rest(entry.key, entry.version, raw)
    assert (again.key, again.obj) == (entry.key, obj)


def test_a_version_that_was_replaced_keeps_only_its_bytes_and_a_reader_of_it_loses_nothing() -> None:
    store, seen = Store(), list[Change]()
    store.table("/things").listeners.append(seen.append)
    first = store.put("/things", thing("a", size=1)).obj  # somebody holds the object
    store.put("/things", thing("a", size=2))
    old = seen[-1].old
    assert old is not None
    assert old._obj is None
    assert old.obj == first == {"metadata": {"name": "a", "resourceVersion": "2"}, "size": 1}


def test_a_small_ring_forgets_sooner() -> None:
    store = Store(ring=3)
    for number in range(5):
        store.put("/things", thing("a", size=number))
    assert [change.version for change in store.since("/things", 3) or ()] == [4, 5, 6]
    assert store.since("/things", 2) is None


class Refusing:
    """A keeper that keeps nothing from some moment on."""

    def __init__(self) -> None:
        self.full = False

    def keep(self, resource: str, entry: Entry, old: Entry | None) -> None:
        if self.full:
            raise unexpected("full")

    def drop(self, resource: str, old: Entry, version: int) -> None:
        if self.full:
            raise unexpected("full")


def test_what_is_not_kept_has_not_happened() -> None:
    keeper, seen = Refusing(), list[Change]()
    store = Store(keeper=keeper)
    store.put("/things", thing("a", size=1))
    store.table("/things").listeners.append(seen.append)
    keeper.full = True
    for made in (thing("a", size=2), thing("b")):
        with pytest.raises(Problem, match="full"):
            store.put("/things", made)
    with pytest.raises(Problem, match="full"):
        store.remove("/things", "", "a")
    assert (store.version, seen, [entry.obj["size"] for entry in store.items("/things")]) == (2, [], [1])
    keeper.full = False
    assert store.remove("/things", "", "a").version == 3
